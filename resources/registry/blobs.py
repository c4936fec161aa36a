"""Downloads of blobs: streamed, proven by their digest, taken up where a cut ended them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Generator

from registry_core.digests import is_digest
from registry_core.errors import RegistryError
from resources.registry.addresses import blob_url, pull_scope
from resources.registry.connection import RegistryConnection
from resources.registry.refusals import is_web_page, nonsense
from resources.registry.transport.messages import Answer, Request

_MOST_CUTS_WITHOUT_PROGRESS = 3
_PIECES_AT_ONCE = 16
_CONTENT_RANGE = re.compile(r"bytes ([0-9]{1,18})-[0-9]*/")


class BlobDownload:
    """One blob on its way. Iterate `chunks` to the end: only then its digest is proven."""

    def __init__(
        self, connection: RegistryConnection, repository: str, digest: str, *, size_bytes: int | None = None
    ) -> None:
        if not is_digest(digest):
            raise ValueError(f"{digest!r} is not a digest that could be proven")
        self._connection = connection
        self._repository = repository
        self._digest = digest
        self._size_bytes = size_bytes
        self._received = 0  # in all, of which `_given` were given out, and `_hashed` proven
        self._given = self._hashed = 0
        self._position = 0
        self._arrived: list[bytes] = []
        self._hash = hashlib.new(digest.partition(":")[0])

    def rewind(self, position: int) -> None:
        """Let `chunks`, called anew, begin at a place that was read before: an upload is behind what it was given."""
        if not 0 <= position <= self._hashed:
            raise ValueError(f"cannot rewind to {position}: {self._hashed} bytes were read so far")
        self._received = self._given = position
        self._arrived.clear()

    def chunks(self) -> Generator[bytes, None, None]:
        """The bytes as they come; the network waits for whoever is slow to take them.

        Raises RegistryError, after the last chunk too: `corrupt` when size or digest are not as promised.
        """
        with self._connection.engine() as engine:
            stuck = 0
            while True:
                before = self._received
                task = engine.spawn(self._connection.exchange(engine, self._request()))
                try:
                    while not task.done or self._arrived:
                        while self._arrived:
                            yield self._next()
                        if not task.done:
                            engine.step()
                finally:
                    engine.cancel(task)
                try:
                    self._check(task.result())
                    return
                except RegistryError as error:
                    stuck = 0 if self._received > before else stuck + 1
                    resumable = error.retryable and self._received and error.status is None
                    if not resumable or stuck >= _MOST_CUTS_WITHOUT_PROGRESS:
                        raise

    def _next(self) -> bytes:
        """The next pieces, hashed: libcurl gives 16 KiB at a time, and many of them at once."""
        data = b"".join(self._arrived[:_PIECES_AT_ONCE])
        del self._arrived[:_PIECES_AT_ONCE]
        unknown = max(0, self._hashed - self._given)
        self._given += len(data)
        if unknown < len(data):
            self._hash.update(memoryview(data)[unknown:] if unknown else data)
            self._hashed = self._given
        return data

    def _request(self) -> Request:
        first = self._received == 0
        return Request(
            "GET",
            blob_url(self._connection.url, self._repository, self._digest),
            f"read blob {self._digest} of {self._repository}",
            scope=pull_scope(self._repository),
            headers=() if first else (f"Range: bytes={self._received}-",),
            sink=self,
        )

    def begin(self, answer: Answer) -> None:
        """Where the bytes that follow belong: a registry may ignore `Range` and begin at zero."""
        matched = _CONTENT_RANGE.match(answer.header("content-range") or "") if answer.status == 206 else None
        self._position = int(matched[1]) if matched else 0

    def take(self, data: bytes) -> None:
        """Keep what is new of a piece. A hole before it stays a hole: the digest tells."""
        known = max(0, self._received - self._position)
        self._position += len(data)
        data = data[known:]
        if data:
            self._arrived.append(data)
            self._received += len(data)

    def _check(self, answer: Answer) -> None:
        wanted = f"read blob {self._digest} of {self._repository}"
        label = self._connection.label
        if is_web_page(answer):
            raise nonsense(answer, wanted, label, "it is no registry")
        if self._size_bytes is not None and self._received != self._size_bytes:
            raise nonsense(answer, wanted, label, f"{self._received} bytes came instead of {self._size_bytes}")
        found = f"{self._digest.partition(':')[0]}:{self._hash.hexdigest()}"
        if found != self._digest:
            raise nonsense(answer, wanted, label, f"{self._received} bytes came whose digest is {found} instead")
