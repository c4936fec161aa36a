"""A blob on its way from one registry into a request to another: never in memory, read as fast as it is taken.

The upload pulls: whenever libcurl wants bytes to send, the download is driven until there are some, so the slower
side holds the other back and nothing is stored between. SHA-256 is made on the way, and the last bytes are handed
over only when it has proven them: what is corrupt at the source never becomes a blob of the destination.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator

from registry_core.errors import RegistryError
from resources.registry.blobs import BlobDownload
from resources.registry.transport.messages import KIBIBYTE

#: Pieces of the network are joined to this much before they are sent: fewer system calls.
_HANDED_OVER_BYTES = 256 * KIBIBYTE


class BlobOnItsWay:
    """One download as the body of an upload. It may go back (`parts`, `BlobPart.open`), which asks for a range."""

    def __init__(self, download: BlobDownload, size_bytes: int, passed: Callable[[int], None]) -> None:
        self._download = download
        self._size_bytes = size_bytes
        self._passed = passed
        self._furthest = 0
        self._position = 0
        self._chunks: Generator[bytes, None, None] | None = None
        self._pieces: list[bytes | memoryview] = []  #: came, and were not handed over yet
        self._gathered = 0

    def parts(self, part_bytes: int) -> Iterator[BlobPart]:
        """The whole blob in parts; a short rest joins the last one, as each costs a request."""
        for start in range(0, self._size_bytes, part_bytes):
            yield BlobPart(self, start, min(start + part_bytes, self._size_bytes))

    def seek(self, position: int) -> None:
        """Go on at a place that was passed before (or stay)."""
        if position != self._position:
            self.close()
            self._download.rewind(position)
            self._position = position

    def read(self, most: int) -> bytes:
        """The next bytes. Raises RegistryError of the source, before the end where the digest is wrong."""
        if most <= 0 or self._position >= self._size_bytes:
            return b""
        if self._chunks is None:
            self._chunks = self._download.chunks()
        most = min(most, self._size_bytes - self._position)
        data = self._gather(self._chunks, most)
        self._position += len(data)
        if self._position > self._furthest:
            self._passed(self._position - self._furthest)
            self._furthest = self._position
        if self._position >= self._size_bytes:
            for _ in self._chunks:
                pass  # too many, which is told at the end
        return data

    def close(self) -> None:
        """End the download where it stands, and give its connection back."""
        if self._chunks is not None:
            self._chunks.close()
        self._chunks = None
        self._pieces.clear()
        self._gathered = 0

    def _gather(self, chunks: Iterator[bytes], most: int) -> bytes:
        wanted = min(most, _HANDED_OVER_BYTES)
        pieces, gathered = self._pieces, self._gathered
        while gathered < wanted:
            piece = next(chunks, None)
            if piece is None:
                raise RegistryError("the blob ended before its end", fault="corrupt")
            pieces.append(piece)
            gathered += len(piece)
        if gathered > most:
            rest = gathered - most
            last = pieces.pop()
            cut = len(last) - rest
            data = b"".join((*pieces, memoryview(last)[:cut]))
            pieces[:] = [memoryview(last)[cut:]]
            self._gathered = rest
            return data
        data = bytes(pieces[0]) if len(pieces) == 1 else b"".join(pieces)
        pieces.clear()
        self._gathered = 0
        return data


class BlobPart:
    """A range of a blob as the body of one request."""

    def __init__(self, blob: BlobOnItsWay, start: int, end: int) -> None:
        self._blob = blob
        self._start = start
        self._end = end
        self._position = start

    def __len__(self) -> int:
        return self._end - self._start

    def __getitem__(self, rest: slice) -> BlobPart:
        return BlobPart(self._blob, self._start + (rest.start or 0), self._end)

    def open(self) -> BlobPart:
        """Begin anew."""
        self._position = self._start
        self._blob.seek(self._start)
        return self

    def read(self, most: int) -> bytes:
        data = self._blob.read(min(most, self._end - self._position))
        self._position += len(data)
        return data
