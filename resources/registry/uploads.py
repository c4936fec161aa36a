"""Uploads of blobs and manifests: whole, in chunks, mounted; taken up after a cut; read back.

Source: OCI distribution specification, "Push". Traps: the address of an upload changes with every answer and
may be relative; distribution 2.8 forgets an upload that was cut in the middle of a chunk, so that it must be
begun again; `Range: 0-0` is also what it answers for nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Literal, Protocol, runtime_checkable
from urllib.parse import quote, urlencode

from registry_core.digests import digest_of, is_digest
from registry_core.errors import RegistryError
from registry_core.foreign_json import whole_number
from resources.registry.addresses import manifest_url, pull_scope, push_scope, repository_url
from resources.registry.reading import Reader
from resources.registry.refusals import nonsense
from resources.registry.transport.engine import pause
from resources.registry.transport.messages import MEBIBYTE, Answer, Request, StreamedBody
from resources.registry.transport.retries import backoff_seconds
from resources.registry.upload_location import UploadLocation

Uploaded = Literal["mounted", "uploaded"]


class Part(StreamedBody, Protocol):
    """A piece of a blob, sent without being in memory as a whole."""

    def __getitem__(self, rest: slice, /) -> Part:
        """What follows the first bytes of it."""


@runtime_checkable
class StreamedBlob(Protocol):
    """A blob that is read while it is sent."""

    def parts(self, part_bytes: int, /) -> Iterator[Part]:
        """All of it, from the start, in parts of this size; called again where an upload begins again."""


#: Bytes, or what gives them from the start each time it is called: an upload may have to begin again.
BlobSource = bytes | StreamedBlob | Callable[[], Iterable[bytes]]

CHUNK_BYTES = 8 * MEBIBYTE
_MOST_RESUMES = 5
_MOST_BEGINNINGS = 3
_WHOLE = 1 << 62
_OCTETS = "Content-Type: application/octet-stream"


class Uploader:
    """The writing verbs over the connection and engine of a reader. All raise RegistryError."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self.connection = reader.connection

    async def upload_blob(
        self,
        repository: str,
        digest: str,
        source: BlobSource,
        *,
        mount_from: str | None = None,
        chunk_bytes: int = CHUNK_BYTES,
    ) -> Uploaded:
        """Store a blob. The registry checks the digest when the upload is closed; a wrong one raises."""
        wanted = f"upload blob {digest} to {repository}"
        begun = await self._begin(repository, digest, wanted, mount_from)
        if begun.status == 201:
            return "mounted"
        for begun_again in range(_MOST_BEGINNINGS):
            upload = _Upload(self, repository, digest, wanted, begun)
            try:
                await upload.send(_chunks(source, max(chunk_bytes, upload.shortest_chunk_bytes)))
            except RegistryError as error:
                takes_no_chunks = upload.refuses_chunks(error) and isinstance(source, StreamedBlob)
                passing = error.retryable or error.status in (404, 416)
                if begun_again == _MOST_BEGINNINGS - 1 or not (passing or takes_no_chunks):
                    raise
                if takes_no_chunks:
                    chunk_bytes = _WHOLE
                if error.status is not None and error.retryable:
                    await pause(backoff_seconds(begun_again + 1))
                begun = await self._begin(repository, digest, wanted, None)
            else:
                break
        return "uploaded"

    async def put_manifest(
        self, repository: str, reference: str, body: bytes, media_type: str, *, digest: str | None = None
    ) -> str:
        """Store a manifest under a tag or its digest, and read back that it is there. Returns the digest.

        `digest`: as it was proven before; without it that of `body`, which a signed schema 1 manifest does not have.
        """
        request = Request(
            "PUT",
            manifest_url(self.connection.url, repository, reference),
            f"store manifest {reference} in {repository}",
            scope=push_scope(repository),
            headers=(f"Content-Type: {media_type}",),
            body=body,
        )
        algorithm = reference.partition(":")[0] if is_digest(reference) else "sha256"
        digest = digest or digest_of(body, algorithm)
        try:
            answer = await self._reader.exchange(request)
        except RegistryError as error:
            # The answer may be lost and the manifest be there all the same.
            if not error.retryable or not await self._points_to(repository, reference, digest):
                raise
            return digest
        told = answer.header("docker-content-digest") or digest
        found, _, _ = await self._reader.head_manifest(repository, reference)
        if digest not in (told, found) or found != digest:
            why = f"the registry holds {found} there now instead of {digest}"
            raise nonsense(answer, request.wanted, self.connection.label, why)
        return digest

    async def _points_to(self, repository: str, reference: str, digest: str) -> bool:
        try:
            return (await self._reader.head_manifest(repository, reference))[0] == digest
        except RegistryError:
            return False  # what went wrong first is what is raised

    async def exchange(self, request: Request) -> Answer:
        return await self._reader.exchange(request)

    async def holds(self, repository: str, digest: str) -> bool:
        """Whether the blob is there; what cannot be told raises."""
        try:
            await self._reader.blob_size(repository, digest)
        except RegistryError as error:
            if error.fault == "missing":
                return False
            raise
        return True

    async def _begin(self, repository: str, digest: str, wanted: str, mount_from: str | None) -> Answer:
        query, scope = "", push_scope(repository)
        if mount_from is not None:
            query = "?" + urlencode({"mount": digest, "from": mount_from}, safe=":/")
            scope += " " + pull_scope(mount_from)
        url = f"{repository_url(self.connection.url, repository)}/blobs/uploads/{query}"
        answer = await self.exchange(Request("POST", url, wanted, scope=scope))
        if answer.status not in (201, 202) or (answer.status == 202 and not answer.header("location")):
            why = f"the answer to the begin of an upload makes no sense (status {answer.status})"
            raise nonsense(answer, wanted, self.connection.label, why, fault="unreachable")
        return answer


class _Upload:
    """One open upload: where it goes on, and how much of it has arrived."""

    def __init__(self, uploader: Uploader, repository: str, digest: str, wanted: str, begun: Answer) -> None:
        self._uploader = uploader
        self._repository = repository
        self._digest = digest
        self._wanted = wanted
        self._scope = push_scope(repository)
        connection = uploader.connection
        self._location = UploadLocation(connection.label, connection.url, wanted, begun)
        self._stored = 0
        self._in_chunks = False
        least = begun.header("oci-chunk-min-length") or ""
        self.shortest_chunk_bytes = whole_number(least) or 0

    def refuses_chunks(self, error: RegistryError) -> bool:
        """Whether the registry took the upload but not its first chunk: not all know `PATCH`."""
        return self._stored == 0 and self._in_chunks and error.status in (400, 404, 405, 415, 416, 501)

    async def send(self, chunks: Iterator[bytes | Part]) -> None:
        """Send everything and close. One chunk goes whole, with the closing request."""
        current: bytes | Part = next(chunks, b"")
        following = next(chunks, None)
        self._in_chunks = following is not None
        while following is not None:
            await self._send_chunk(current)
            current, following = following, next(chunks, None)
        if self._stored and current:
            await self._send_chunk(current)
            current = b""
        await self._close(current)

    async def _send_chunk(self, chunk: bytes | Part) -> None:
        start = self._stored
        end = start + len(chunk)
        resumes = 0
        while self._stored < end:
            rest = chunk[self._stored - start :]
            try:
                answer = await self._uploader.exchange(
                    Request(
                        "PATCH",
                        self._location.url,
                        self._wanted,
                        scope=self._scope,
                        headers=(_OCTETS, f"Content-Range: {self._stored}-{end - 1}"),
                        body=rest,
                        expects=(416,),
                        repeatable=False,
                    )
                )
            except RegistryError as error:
                resumes += 1
                if not error.retryable or resumes > _MOST_RESUMES:
                    raise
                if error.status is not None:
                    await pause(backoff_seconds(resumes))
                await self._ask_how_far(start, end)
                continue
            if answer.status == 416:
                resumes += 1
                if resumes > _MOST_RESUMES:
                    raise nonsense(answer, self._wanted, "the registry", "it takes no chunk of it (416)")
                await self._ask_how_far(start, end)
                continue
            self._location.move(answer)
            self._stored = end

    async def _ask_how_far(self, start: int, end: int) -> None:
        answer = await self._uploader.exchange(Request("GET", self._location.url, self._wanted, scope=self._scope))
        self._location.move(answer)
        last = (answer.header("range") or "").rpartition("-")[2]
        stored = int(last) + 1 if last.isascii() and last.isdigit() else 0
        if stored == 1 and start == 0:
            stored = 0
        if not start <= stored <= end:
            raise RegistryError(
                f"could not {self._wanted}: the registry kept {stored} bytes of an upload of which it had"
                f" confirmed {start}; the upload is begun again",
                fault="unreachable",
                retryable=True,
            )
        self._stored = stored

    async def _close(self, body: bytes | Part) -> None:
        request = Request(
            "PUT",
            self._location.closing(quote(self._digest, safe=":")),
            self._wanted,
            scope=self._scope,
            headers=(_OCTETS,),
            body=body,
            repeatable=False,
        )
        try:
            await self._uploader.exchange(request)
        except RegistryError as error:
            # The answer may be lost and the blob be there all the same.
            if not error.retryable or not await self._uploader.holds(self._repository, self._digest):
                raise


def _chunks(source: BlobSource, chunk_bytes: int) -> Iterator[bytes | Part]:
    """The bytes in pieces of `chunk_bytes`, the last shorter; no more than two pieces are in memory."""
    if isinstance(source, StreamedBlob):
        yield from source.parts(chunk_bytes)
        return
    if isinstance(source, bytes):
        for start in range(0, len(source), chunk_bytes):
            yield source[start : start + chunk_bytes]
        return
    held = bytearray()
    for piece in source():
        held += piece
        while len(held) >= chunk_bytes:
            yield bytes(held[:chunk_bytes])
            del held[:chunk_bytes]
    if held:
        yield bytes(held)
