"""Blob uploads: monolithic, chunked, streamed, mounted (OCI distribution specification, end-4, 5, 6, 11, 13)."""

from __future__ import annotations

import re

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from resources.embedded_registry.blob_files import PIECE_BYTES
from resources.embedded_registry.layout import Layout
from resources.embedded_registry.names import check_digest, check_repository, is_digest
from resources.embedded_registry.rejections import Rejection
from resources.embedded_registry.uploads import Upload, Uploads

_CONTENT_RANGE = re.compile(r"(?:bytes[ =])?([0-9]{1,18})-([0-9]{1,18})(?:/.*)?")


class UploadRoutes:
    """Bodies go to disk in pieces as they come. One request at a time works on one upload."""

    def __init__(self, layout: Layout, uploads: Uploads) -> None:
        self._layout = layout
        self._uploads = uploads

    def routes(self) -> list[Route]:
        start, session = "/v2/{name:path}/blobs/uploads", "/v2/{name:path}/blobs/uploads/{upload}"
        return [
            Route(f"{start}/", self.start, methods=["POST"]),
            Route(start, self.start, methods=["POST"]),
            Route(session, self.status, methods=["GET"]),
            Route(session, self.chunk, methods=["PATCH"]),
            Route(session, self.close, methods=["PUT"]),
            Route(session, self.cancel, methods=["DELETE"]),
        ]

    async def start(self, request: Request) -> Response:
        name, query = check_repository(request.path_params["name"]), request.query_params
        mount, source, digest = query.get("mount"), query.get("from"), query.get("digest")
        if (
            mount
            and source
            and is_digest(mount)
            and await run_in_threadpool(self._layout.mount_blob, name, mount, source=source)
        ):
            return _created(name, mount)
        if digest is not None:
            check_digest(digest)
        upload = await run_in_threadpool(self._uploads.start, name)
        if digest is None:
            return _progress(upload)
        async with upload.turn:
            try:
                await self._take_body(request, upload)
            except (ClientDisconnect, Rejection):
                self._uploads.cancel(upload)
                raise
            await run_in_threadpool(self._uploads.finish, upload, digest)
        return _created(name, digest)

    async def status(self, request: Request) -> Response:
        return _progress(self._upload(request), status_code=204)

    async def chunk(self, request: Request) -> Response:
        upload = self._upload(request)
        async with upload.turn:
            self._upload(request)  # it may have ended while we waited for our turn
            await self._take_body(request, upload)
            return _progress(upload)

    async def close(self, request: Request) -> Response:
        upload = self._upload(request)
        digest = check_digest(request.query_params.get("digest", ""))
        async with upload.turn:
            self._upload(request)
            mark = upload.mark()
            try:
                await self._take_body(request, upload)
            except ClientDisconnect:
                upload.go_back(mark)  # the client will send this last body again, whole
                raise
            await run_in_threadpool(self._uploads.finish, upload, digest)
        return _created(upload.repository, digest)

    async def cancel(self, request: Request) -> Response:
        upload = self._upload(request)
        async with upload.turn:
            self._uploads.cancel(self._upload(request))
        return Response(status_code=204)

    def _upload(self, request: Request) -> Upload:
        name = check_repository(request.path_params["name"])
        return self._uploads.get(name, request.path_params["upload"])

    async def _take_body(self, request: Request, upload: Upload) -> None:
        """Append the body. Where it breaks off, what came is kept, and GET tells how much that was."""
        mark = upload.mark()
        promised_bytes = _promised_bytes(request, upload)
        waiting = bytearray()
        try:
            async for piece in request.stream():
                waiting += piece
                if len(waiting) >= PIECE_BYTES:
                    await run_in_threadpool(upload.append, bytes(waiting))
                    waiting.clear()
        finally:
            if waiting:
                await run_in_threadpool(upload.append, bytes(waiting))
        came_bytes = upload.size_bytes - mark.size_bytes
        if promised_bytes is not None and came_bytes != promised_bytes:
            upload.go_back(mark)
            raise Rejection(
                "SIZE_INVALID",
                f"Content-Range promised {promised_bytes} bytes and {came_bytes} came: send the chunk again",
                headers=_progress_headers(upload),
            )


def _promised_bytes(request: Request, upload: Upload) -> int | None:
    """Length of the chunk by its Content-Range, if it has one; 416 where it does not continue the upload."""
    header = request.headers.get("content-range")
    if header is None:
        return None
    found = _CONTENT_RANGE.fullmatch(header.strip())
    if found is None:
        raise Rejection(
            "BLOB_UPLOAD_INVALID",
            f"Content-Range must be <first>-<last>, not {header[:60]!r}",
            headers=_progress_headers(upload),
        )
    first, last = int(found[1]), int(found[2])
    if first != upload.size_bytes or last < first:
        raise Rejection(
            "BLOB_UPLOAD_INVALID",
            f"the chunk {header[:60]} does not continue the upload, which has {upload.size_bytes} bytes:"
            f" go on at {upload.size_bytes}",
            status=416,
            headers=_progress_headers(upload),
        )
    return last - first + 1


def _progress_headers(upload: Upload) -> dict[str, str]:
    return {
        "Location": f"/v2/{upload.repository}/blobs/uploads/{upload.id}",
        "Range": upload.range_header,
        "Docker-Upload-UUID": upload.id,
    }


def _progress(upload: Upload, *, status_code: int = 202) -> Response:
    return Response(status_code=status_code, headers=_progress_headers(upload))


def _created(name: str, digest: str) -> Response:
    headers = {"Location": f"/v2/{name}/blobs/{digest}", "Docker-Content-Digest": digest}
    return Response(status_code=201, headers=headers)
