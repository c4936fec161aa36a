"""One blob into one repository of the destination: mounted where that works, else streamed from the source."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from registry_core.digests import is_digest
from registry_core.errors import RegistryError
from resources.registry.blobs import BlobDownload
from resources.registry.copying.blob_board import Landing
from resources.registry.copying.crew import Hands
from resources.registry.copying.streamed_blob import BlobOnItsWay
from resources.registry.reading import Reader
from resources.registry.transport.curl_errors import BodyFailed
from resources.registry.transport.messages import MEBIBYTE, Request
from resources.registry.uploads import BlobSource, Uploaded, Uploader

#: Larger blobs go in parts of this size, so that after a cut less must be sent again.
PART_BYTES = 128 * MEBIBYTE

#: Smaller ones are read whole: one request each, and no thread waits for either side.
_SMALL_BYTES = 256 * 1024

#: How registries refuse a mount that they could have answered with the begin of an upload.
_NO_MOUNT = frozenset({400, 401, 403, 404, 405, 415, 422, 501})


def carry(hands: Hands, landing: Landing, passed: Callable[[int], None]) -> Uploaded:
    """Bring the blob. `passed` hears of the bytes that travelled, and may raise to break it off.

    Raises RegistryError of either side.
    """
    if not is_digest(landing.digest):
        raise RegistryError(
            f"{hands.source.connection.label}: cannot copy blob {landing.digest} of {landing.from_repository}: no"
            " digest of that algorithm can be proven; copy this image with the tool that made it",
            fault="corrupt",
        )
    if landing.mount_from is not None and landing.mount_from != landing.repository:
        try:
            return _bring(hands, landing, passed, mount_from=landing.mount_from)
        except RegistryError as error:
            if error.status not in _NO_MOUNT:
                raise
    return _bring(hands, landing, passed, mount_from=None)


def _bring(hands: Hands, landing: Landing, passed: Callable[[int], None], *, mount_from: str | None) -> Uploaded:
    uploader = Uploader(hands.destination)
    size_bytes: int | None = landing.blob.size_bytes
    url = _elsewhere(hands, landing)
    if mount_from is None and not url and size_bytes and size_bytes <= _SMALL_BYTES:
        read = hands.source.small_blob(landing.from_repository, landing.digest, "blob", limit_bytes=size_bytes)
        body = hands.source.engine.run(read)
        passed(len(body))
        return _upload(hands.destination, uploader, landing, body, None)
    if not size_bytes:  # schema 1 tells no sizes
        size_bytes = None if url else hands.source.engine.run(_size(hands.source, landing))
    download = _download(hands.source, landing, size_bytes, url)
    if size_bytes is None:
        return _upload(hands.destination, uploader, landing, lambda: _counted(download, passed), mount_from)
    blob = BlobOnItsWay(download, size_bytes, passed)
    try:
        return _upload(hands.destination, uploader, landing, blob, mount_from)
    finally:
        blob.close()


def _upload(
    destination: Reader, uploader: Uploader, landing: Landing, source: BlobSource, mount_from: str | None
) -> Uploaded:
    chunk_bytes = 8 * MEBIBYTE if callable(source) else PART_BYTES
    upload = uploader.upload_blob(
        landing.repository, landing.digest, source, mount_from=mount_from, chunk_bytes=chunk_bytes
    )
    try:
        return destination.engine.run(upload)
    except BodyFailed as failed:
        raise failed.__cause__ or failed from failed


def _elsewhere(hands: Hands, landing: Landing) -> str:
    """The address of a foreign layer that the source itself does not hold; empty for all others."""
    if not landing.urls:
        return ""
    try:
        hands.source.engine.run(hands.source.blob_size(landing.from_repository, landing.digest))
    except RegistryError as error:
        if error.fault != "missing":
            raise
        return landing.urls[0]
    return ""


async def _size(source: Reader, landing: Landing) -> int | None:
    return await source.blob_size(landing.from_repository, landing.digest)


def _download(source: Reader, landing: Landing, size_bytes: int | None, url: str) -> BlobDownload:
    if url:
        return _ForeignDownload(source, landing, size_bytes, url)
    return BlobDownload(source.connection, landing.from_repository, landing.digest, size_bytes=size_bytes)


def _counted(download: BlobDownload, passed: Callable[[int], None]) -> Iterator[bytes]:
    download.rewind(0)
    for piece in download.chunks():
        passed(len(piece))
        yield piece


class _ForeignDownload(BlobDownload):
    """A layer from the address that its manifest names: without our credentials, proven by its digest."""

    def __init__(self, source: Reader, landing: Landing, size_bytes: int | None, url: str) -> None:
        super().__init__(source.connection, landing.from_repository, landing.digest, size_bytes=size_bytes)
        self._url = url

    def _request(self) -> Request:
        ours = super()._request()
        return Request(ours.method, self._url, ours.wanted, headers=ours.headers, sink=self)
