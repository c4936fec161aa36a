"""Whether the source has the blobs that its manifests name: asked before a copy is promised."""

from __future__ import annotations

import threading

from registry_core.errors import RegistryError
from registry_core.manifests import BlobDescriptor
from resources.registry.copying.looking import Look
from resources.registry.reading import Reader


class SourceBlobs:
    """What one plan learned; each blob of a repository is asked for once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seen: set[tuple[str, str]] = set()

    def ask_for(self, source: Reader, look: Look) -> None:
        """Raises RegistryError for the first blob of an image that would be missed: it is not there, or is not as long
        as its manifest says. A foreign layer may lie elsewhere."""
        repository = look.belongings.image.repository
        with self._lock:
            unknown = [
                blob
                for blob in look.missing_blobs
                if not blob.elsewhere and (repository, blob.digest) not in self._seen
            ]

        async def ask(blob: BlobDescriptor) -> None:
            size_bytes = await source.blob_size(repository, blob.digest)
            if size_bytes is not None and blob.size_bytes and size_bytes != blob.size_bytes:
                raise RegistryError(
                    f"{source.connection.label}: blob {blob.digest} of {repository} has {size_bytes:,} bytes, and its"
                    f" manifest says {blob.size_bytes:,}; push the image again",
                    fault="corrupt",
                )

        source.engine.run(source.engine.each(unknown, ask))
        with self._lock:
            self._seen.update((repository, blob.digest) for blob in unknown)
