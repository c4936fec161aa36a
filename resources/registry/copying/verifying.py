"""Read back what was copied: every manifest proven from its bytes, every blob asked for its size, or read and proven.

"Could not ask" is told apart from "not there": a registry that does not answer has lost nothing.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterable, Iterator
from itertools import islice

from registry_core.copy_verification import ExpectedImage, VerifiedImage
from registry_core.copying import CopyChoice, ImageCopy
from registry_core.errors import RegistryError
from registry_core.manifests import BlobDescriptor
from resources.registry.blobs import BlobDownload
from resources.registry.connection import RegistryConnection
from resources.registry.copying.belongings import Belongings, Gathering, SourceMemory
from resources.registry.copying.crew import Crew, Hands, Rank
from resources.registry.reading import Reader

_AT_ONCE = 6
_LOOKED_AHEAD = 64


class Verifier:
    """Reads images of one registry. `deep` reads every blob, each digest once; else its size is asked for."""

    def __init__(self, registry: RegistryConnection, choice: CopyChoice | None = None, *, deep: bool = False) -> None:
        self._registry = registry
        self._choice = choice or CopyChoice()
        self._deep = deep
        self._width = min(registry.settings.connections, _AT_ONCE)

    def verify(self, images: Iterable[ExpectedImage]) -> Iterator[VerifiedImage]:
        """One answer for each image, in the order in which they are known. What a registry answers is never raised."""
        answers: queue.SimpleQueue[VerifiedImage | BaseException] = queue.SimpleQueue()
        memory, proven = SourceMemory(), _Proven()
        waiting = iter(images)
        under_way = 0

        def look(hands: Hands, image: ExpectedImage) -> None:
            try:
                answers.put(self._look(hands.source, image, memory, proven))
            except RegistryError as error:
                answers.put(VerifiedImage(image, fault=error.fault, detail=str(error)))

        with Crew(self._registry, self._registry, self._width, answers.put) as crew:
            while True:
                for image in islice(waiting, max(0, _LOOKED_AHEAD - under_way)):
                    crew.add(Rank.LOOK, lambda hands, image=image: look(hands, image))  # type: ignore[misc]
                    under_way += 1
                if not under_way:
                    return
                answer = answers.get()
                if isinstance(answer, BaseException):
                    raise answer
                under_way -= 1
                yield answer

    def _look(self, reader: Reader, image: ExpectedImage, memory: SourceMemory, proven: _Proven) -> VerifiedImage:
        copy = ImageCopy(image.repository, image.digest, image.repository)
        belongings = reader.engine.run(Gathering(reader, copy, self._choice, memory).gather())
        lacking = [digest for digest in image.attached if digest not in belongings.manifests]
        if lacking:
            detail = f"what refers to it, or signs it, is not there any more: {', '.join(lacking)}"
            return VerifiedImage(image, fault="missing", detail=detail)
        read_bytes = self._prove_blobs(reader, image.repository, belongings, proven)
        tags: dict[str, str | None] = {}
        reader.engine.run(_resolve(reader, image, tags))
        lost = [tag for tag in image.tags if tags[tag] is None]
        if lost:
            return VerifiedImage(image, fault="missing", detail=f"the tag {', '.join(lost)} is not there")
        moved = tuple(tag for tag in image.tags if tags[tag] != image.digest)
        return VerifiedImage(image, moved_tags=moved, manifests=len(belongings.manifests), read_bytes=read_bytes)

    def _prove_blobs(self, reader: Reader, repository: str, belongings: Belongings, proven: _Proven) -> int:
        """Raises RegistryError for the first one that is not what its manifest says."""
        blobs = [blob for blob in belongings.blobs().values() if proven.is_new(repository, blob.digest)]
        reader.engine.run(reader.engine.each(blobs, lambda blob: _ask_size(reader, repository, blob)))
        read_bytes = 0
        for blob in blobs if self._deep else ():
            if proven.is_new("", blob.digest):
                download = BlobDownload(reader.connection, repository, blob.digest, size_bytes=blob.size_bytes or None)
                download.rewind(0)
                for chunk in download.chunks():
                    read_bytes += len(chunk)
        proven.add((repository, blob.digest) for blob in blobs)
        if self._deep:
            proven.add(("", blob.digest) for blob in blobs)
        return read_bytes


class _Proven:
    """What was proven already, by repository; by digest alone where its bytes were read."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: set[tuple[str, str]] = set()

    def is_new(self, repository: str, digest: str) -> bool:
        with self._lock:
            return (repository, digest) not in self._known

    def add(self, known: Iterable[tuple[str, str]]) -> None:
        with self._lock:
            self._known.update(known)


async def _ask_size(reader: Reader, repository: str, blob: BlobDescriptor) -> None:
    size_bytes = await reader.blob_size(repository, blob.digest)
    if size_bytes is not None and blob.size_bytes and size_bytes != blob.size_bytes:
        raise RegistryError(
            f"{reader.connection.label}: the blob {blob.digest} of {repository} has {size_bytes:,} bytes, and its"
            f" manifest says {blob.size_bytes:,}; copy the image again",
            fault="corrupt",
        )


async def _resolve(reader: Reader, image: ExpectedImage, found: dict[str, str | None]) -> None:
    async def ask(tag: str) -> None:
        try:
            found[tag] = (await reader.head_manifest(image.repository, tag))[0]
        except RegistryError as error:
            if error.fault != "missing":
                raise
            found[tag] = None

    await reader.engine.each(list(image.tags), ask)
