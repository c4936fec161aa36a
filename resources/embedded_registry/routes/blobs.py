"""Blobs: pull, whole or in ranges, and delete (OCI distribution specification, end-2, end-10)."""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from resources.embedded_registry.access import Access
from resources.embedded_registry.layout import Layout
from resources.embedded_registry.names import check_digest, check_repository
from resources.embedded_registry.ranges import NothingInRange, RangedFile, part_asked_for
from resources.embedded_registry.rejections import Rejection


class BlobRoutes:
    """Served from their files, never whole in memory, and as they lie there: also where the bytes are wrong."""

    def __init__(self, layout: Layout, access: Access) -> None:
        self._layout = layout
        self._access = access

    def routes(self) -> list[Route]:
        path = "/v2/{name:path}/blobs/{digest}"
        return [
            Route(path, self.pull, methods=["GET", "HEAD"]),
            Route(path, self.delete, methods=["DELETE"]),
        ]

    async def pull(self, request: Request) -> Response:
        name, digest = _place(request)
        path = self._layout.blob_path(name, digest)
        headers = {"Docker-Content-Digest": digest, "ETag": f'"{digest}"'}
        if request.headers.get("if-none-match") == f'"{digest}"':
            return Response(status_code=304, headers=headers)
        found = path.stat()
        try:
            part = part_asked_for(request, found.st_size, etag=headers["ETag"])
        except NothingInRange:
            raise Rejection(
                "SIZE_INVALID",
                f"the blob has {found.st_size} bytes, and none of those that Range asks for",
                status=416,
                headers={"Content-Range": f"bytes */{found.st_size}"},
            ) from None
        return RangedFile(path, stat_result=found, media_type="application/octet-stream", headers=headers, part=part)

    async def delete(self, request: Request) -> Response:
        name, digest = _place(request)
        self._access.check_deletion()
        await run_in_threadpool(self._layout.delete_blob, name, digest)
        return Response(status_code=202)


def _place(request: Request) -> tuple[str, str]:
    return check_repository(request.path_params["name"]), check_digest(request.path_params["digest"])
