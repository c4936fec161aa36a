"""Manifests: pull, push, delete (OCI distribution specification, end-3, end-7, end-9)."""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from resources.embedded_registry.access import Access
from resources.embedded_registry.layout import Layout, StoredManifest
from resources.embedded_registry.manifest_document import media_type_within
from resources.embedded_registry.names import check_digest, check_repository, is_tag
from resources.embedded_registry.rejections import Rejection

#: "at least 4 megabytes" (specification, "Pushing Manifests").
LARGEST_MANIFEST_BYTES = 4 * 1024 * 1024


class ManifestRoutes:
    """Served as they were pushed, whatever the Accept header says: bytes are never converted."""

    def __init__(self, layout: Layout, access: Access) -> None:
        self._layout = layout
        self._access = access

    def routes(self) -> list[Route]:
        path = "/v2/{name:path}/manifests/{reference}"
        return [
            Route(path, self.pull, methods=["GET", "HEAD"]),
            Route(path, self.push, methods=["PUT"]),
            Route(path, self.delete, methods=["DELETE"]),
        ]

    async def pull(self, request: Request) -> Response:
        name, reference = _place(request)
        if request.method == "HEAD":
            stored = self._layout.manifest(name, reference)
            return Response(headers=_headers(stored))
        stored, content = self._layout.read_manifest(name, reference)
        if request.headers.get("if-none-match") == f'"{stored.digest}"':
            return Response(status_code=304, headers=_headers(stored, with_length=False))
        return Response(content, headers=_headers(stored))

    async def push(self, request: Request) -> Response:
        name, reference = _place(request)
        content = await _read_limited(request)
        media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        media_type = media_type or media_type_within(content) or ""
        if not media_type:
            raise Rejection("MANIFEST_INVALID", "say the type of the manifest in the header Content-Type")
        tag = None if ":" in reference else reference
        pushed = await run_in_threadpool(
            self._layout.put_manifest,
            name,
            content,
            media_type,
            tag=tag,
            digest=reference if tag is None else None,
        )
        headers = {"Location": f"/v2/{name}/manifests/{pushed.digest}", "Docker-Content-Digest": pushed.digest}
        if pushed.subject:
            headers["OCI-Subject"] = pushed.subject
        return Response(status_code=201, headers=headers)

    async def delete(self, request: Request) -> Response:
        name, reference = _place(request)
        self._access.check_deletion()
        if is_tag(reference):
            await run_in_threadpool(self._layout.delete_tag, name, reference)
        else:
            await run_in_threadpool(self._layout.delete_manifest, name, check_digest(reference))
        return Response(status_code=202)


def _place(request: Request) -> tuple[str, str]:
    return check_repository(request.path_params["name"]), request.path_params["reference"]


def _headers(stored: StoredManifest, *, with_length: bool = True) -> dict[str, str]:
    headers = {
        "Content-Type": stored.media_type,
        "Docker-Content-Digest": stored.digest,
        "ETag": f'"{stored.digest}"',
    }
    if with_length:
        headers["Content-Length"] = str(stored.size_bytes)
    return headers


async def _read_limited(request: Request) -> bytes:
    """The body; 413 above the limit. What is too much is read and dropped, so that the answer is heard."""
    content = bytearray()
    came_bytes = 0
    async for piece in request.stream():
        came_bytes += len(piece)
        if came_bytes <= LARGEST_MANIFEST_BYTES:
            content += piece
        elif came_bytes > 8 * LARGEST_MANIFEST_BYTES:
            break
    if came_bytes > LARGEST_MANIFEST_BYTES:
        raise Rejection(
            "SIZE_INVALID",
            f"a manifest may have {LARGEST_MANIFEST_BYTES} bytes and this one has more: keep content in blobs",
            status=413,
        )
    return bytes(content)
