"""The registry client for few calls: every verb waits for its answer. Many calls: `crawl` and `probe`.

It can read and store. It cannot delete: there is no verb for it, and a request that would be one is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator
from typing import Any, TypeVar

from resources.configuration.registry_settings import RegistrySettings
from resources.registry.blobs import BlobDownload
from resources.registry.connection import RegistryConnection
from resources.registry.listed_entries import is_listed_blob
from resources.registry.reading import Manifest, Reader
from resources.registry.referrers import Referrer, ReferrersReader
from resources.registry.sign_in.login import CredentialSource, anonymous
from resources.registry.transport.messages import MEBIBYTE
from resources.registry.uploads import CHUNK_BYTES, BlobSource, Uploaded, Uploader

T = TypeVar("T")


class RegistryClient:
    """One registry. Safe to share between threads; all verbs raise RegistryError with one of five faults."""

    def __init__(self, connection: RegistryConnection) -> None:
        self.connection = connection

    @classmethod
    def connect(
        cls, name: str, settings: RegistrySettings, credentials: CredentialSource = anonymous
    ) -> RegistryClient:
        """A client of its own connection. Nothing is opened yet; ConfigError where `tls.ca` cannot be read."""
        return cls(RegistryConnection(name, settings, credentials))

    def __repr__(self) -> str:
        return f"RegistryClient({self.connection.name}, {self.connection.url})"

    def ping(self) -> None:
        """The registry is there, speaks the API, and knows us."""
        self._read(lambda reader: reader.ping())

    def repositories(self) -> list[str]:
        """All names of `_catalog`, sorted. Raises where the registry cannot or will not list them."""
        return self._read(lambda reader: reader.repositories())

    def tags(self, repository: str) -> list[str]:
        """All tags, in the registry's order. A repository that it does not know raises with `missing`."""
        return self._read(lambda reader: reader.tags(repository))

    def manifest(self, repository: str, reference: str) -> Manifest:
        """A manifest by tag or digest, with its bytes; the digest is proven."""
        return self._read(lambda reader: reader.manifest(repository, reference))

    def head_manifest(self, repository: str, reference: str) -> str:
        """The digest that a tag or digest resolves to, for one HEAD."""
        return self._read(lambda reader: reader.head_manifest(repository, reference))[0]

    def config(self, repository: str, digest: str, *, limit_bytes: int = 4 * MEBIBYTE) -> bytes:
        """A config blob, whole and proven."""
        return self._read(lambda reader: reader.small_blob(repository, digest, "config", limit_bytes=limit_bytes))

    def blob_size(self, repository: str, digest: str) -> int | None:
        """Size of a blob by HEAD, None where the registry does not tell; one that is not there raises."""
        return self._read(lambda reader: reader.blob_size(repository, digest))

    def blob_exists(self, repository: str, digest: str) -> bool:
        """Whether the blob is there. What cannot be told raises: unreachable is not absent."""
        return self._read(lambda reader: Uploader(reader).holds(repository, digest))

    def find_manifest(self, repository: str, reference: str) -> str | None:
        """The digest that a tag or digest resolves to, None where it is not there. What cannot be told raises."""
        return self._read(lambda reader: reader.find(repository, reference))

    def manifest_exists(self, repository: str, reference: str) -> bool:
        """Whether the manifest is there. What cannot be told raises."""
        return self.find_manifest(repository, reference) is not None

    def is_listed_blob(self, repository: str, digest: str) -> bool:
        """Whether an entry of an index is a blob whose media type does not say what it is (`listed_entries`)."""
        return self._read(lambda reader: is_listed_blob(reader, repository, digest))

    def read_blob(self, repository: str, digest: str, *, size_bytes: int | None = None) -> Iterator[bytes]:
        """The bytes of a blob as they come, resumed after a cut. Only its end proves it: iterate to it."""
        return BlobDownload(self.connection, repository, digest, size_bytes=size_bytes).chunks()

    def upload_blob(
        self,
        repository: str,
        digest: str,
        source: BlobSource,
        *,
        mount_from: str | None = None,
        chunk_bytes: int = CHUNK_BYTES,
    ) -> Uploaded:
        """Store a blob: bytes, or a callable that gives them from the start; `mount_from` tries that first.

        Up to `chunk_bytes` go in one request, more in chunks. Whether it is there already is not asked.
        """
        return self._read(
            lambda reader: Uploader(reader).upload_blob(
                repository, digest, source, mount_from=mount_from, chunk_bytes=chunk_bytes
            )
        )

    def put_manifest(self, repository: str, reference: str, body: bytes, media_type: str) -> str:
        """Store a manifest under a tag or its digest, and read back that it is there. Returns the digest."""
        return self._read(lambda reader: Uploader(reader).put_manifest(repository, reference, body, media_type))

    def referrers(self, repository: str, digest: str) -> list[Referrer]:
        """All that refers to an image: by the API, else the fallback tag, and by cosign's tags."""
        return self._read(lambda reader: ReferrersReader(reader).of(repository, digest))

    def close(self) -> None:
        """Close idle connections; the client may be used again."""
        self.connection.close()

    def _read(self, verb: Callable[[Reader], Coroutine[Any, Any, T]]) -> T:
        with self.connection.engine() as engine:
            return engine.run(verb(Reader(self.connection, engine)))
