"""Quarantine: images with their blobs in an OCI image layout for a while, so that they outlive collection.

Each image is held by a tag of ours that tells when it came: `evicted-<seconds since 1970>-<beginning of the digest>`.
An index is held only for blobs that it lists itself (a build cache): its bytes are in the ledger, its children are
images of their own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from registry_core.errors import RegistryError
from registry_core.foreign_json import read_object
from registry_core.manifests import descriptors
from registry_core.media_types import is_index
from resources.embedded_registry import Layout, Rejection
from resources.embedded_registry.manifest_document import read_manifest_document
from resources.registry.client import RegistryClient

_CAME = re.compile(r"evicted-(\d+)-[0-9a-f]{16}")
_WITHOUT_CHILDREN = "application/octet-stream"
_PIECE_BYTES = 1024 * 1024


class Quarantine:
    """One folder, for one registry. Open it in a `with` block: another process is kept out meanwhile (ConfigError)."""

    def __init__(self, folder: Path | str, *, keep: timedelta) -> None:
        self._layout = Layout(folder)
        self._keep = keep

    def __enter__(self) -> Quarantine:
        return self

    def __exit__(self, *_: object) -> None:
        self._layout.close()

    def hold(
        self, client: RegistryClient, repository: str, digest: str, document: bytes, media_type: str, *, at: datetime
    ) -> str | None:
        """Copy the blobs of one image here. Returns why it could not be held whole; None when it is.

        An image that has lost a blob cannot be held, and could not be restored either. Raises RegistryError where
        the registry does not answer.
        """
        try:
            needed = read_manifest_document(document, media_type)
            blobs = (*needed.blobs, *(one for one in needed.either if client.blob_exists(repository, one)))
            if is_index(media_type) and not blobs:
                return None
            for blob in blobs:
                if not self._layout.has_blob(repository, blob):
                    self._fetch(client, repository, blob)
            tag = f"evicted-{int(at.timestamp())}-{digest.rpartition(':')[2][:16]}"
            # Under a type of which the layout asks nothing: the children of an index need not be here.
            kept_as = _WITHOUT_CHILDREN if is_index(media_type) else media_type
            self._layout.put_manifest(repository, document, kept_as, tag=tag, digest=digest)
        except RegistryError as error:
            if error.fault not in ("missing", "corrupt"):
                raise
            return str(error)
        except Rejection as rejection:
            return str(rejection)
        return None

    def blob(self, repository: str, digest: str) -> Path | None:
        """The file of a blob that is held, None where it is not."""
        return self._layout.blob_path(repository, digest) if self._layout.has_blob(repository, digest) else None

    def expire(self, now: datetime) -> int:
        """Let go of what came longer ago than `keep`; returns how many images. Blobs that another one needs stay."""
        count = 0
        for repository in self._layout.repositories():
            oldest = now - self._keep
            held: dict[str, datetime] = {}
            for digest, came in self._held(repository):
                held[digest] = max(came, held.get(digest, came))
            gone = [digest for digest, came in held.items() if came < oldest]
            spared = {blob for digest in held.keys() - set(gone) for blob in self._blobs_of(repository, digest)}
            for digest in gone:
                blobs = self._blobs_of(repository, digest) - spared
                self._layout.delete_manifest(repository, digest)
                for blob in blobs:
                    if self._layout.has_blob(repository, blob):
                        self._layout.delete_blob(repository, blob)
            count += len(gone)
        return count

    def _held(self, repository: str) -> Iterator[tuple[str, datetime]]:
        for tag in list(self._layout.tags(repository)):
            came = _CAME.fullmatch(tag)
            if came is not None:
                yield self._layout.resolve(repository, tag), datetime.fromtimestamp(int(came[1]), UTC)

    def _blobs_of(self, repository: str, digest: str) -> set[str]:
        _, document = self._layout.read_manifest(repository, digest)
        return {one.digest for one in descriptors(read_object(document, what=f"manifest {digest}"))}

    def _fetch(self, client: RegistryClient, repository: str, digest: str) -> None:
        upload = self._layout.files.new_upload()
        try:
            with upload.open("wb") as file:
                for chunk in client.read_blob(repository, digest):
                    file.write(chunk)
            self._layout.take_upload(repository, upload, digest, verified=True)
        finally:
            upload.unlink(missing_ok=True)


def pieces(file: Path) -> Iterator[bytes]:
    """The bytes of a held blob, for an upload."""
    with file.open("rb") as opened:
        while piece := opened.read(_PIECE_BYTES):
            yield piece
