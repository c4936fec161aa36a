"""Put manifests back by PUT: one after the other, each read back, and say which blobs are gone.

Never deletes, never moves a tag that points elsewhere. Source: OCI distribution specification, "Pushing Manifests".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from registry_core.errors import RegistryError
from registry_core.foreign_json import read_object
from registry_core.manifests import descriptors
from resources.registry.client import RegistryClient
from resources.registry.quarantine import pieces

HeldBlob = Callable[[str, str], Path | None]
"""(repository, digest) → the file of a blob that was kept, None where none was."""


@dataclass(frozen=True, slots=True)
class PutBack:
    """What became of one manifest: back under its digest, and each tag that was set.

    `conflicts` are tags that point elsewhere by now, with the digest. `lost_blobs` are those that nobody has any
    more. `refused` is why the registry did not take it; empty where it did.
    """

    digest: str
    tags: tuple[str, ...] = ()
    conflicts: tuple[tuple[str, str], ...] = ()
    lost_blobs: tuple[str, ...] = ()
    pushed_blobs: int = 0  #: blobs that came from the quarantine
    put: bool = False  #: whether anything had to be put; False where all of it was there
    refused: str = field(default="", repr=False)

    @property
    def is_back(self) -> bool:
        return not self.refused and not self.lost_blobs


class Restorer:
    """Puts manifests back into one registry. `held` finds blobs that the registry no longer has."""

    def __init__(self, client: RegistryClient, held: HeldBlob = lambda _repository, _digest: None) -> None:
        self._client = client
        self._held = held

    def put_back(self, repository: str, digest: str, document: bytes, media_type: str, tags: Sequence[str]) -> PutBack:
        """Blobs, then the manifest by its digest, then the tags that are absent; everything read back.

        Raises RegistryError where the registry does not answer or does not let us.
        """
        lost, pushed = self._bring_blobs(repository, document)
        if lost:
            return PutBack(digest, lost_blobs=tuple(lost), pushed_blobs=pushed)
        put = False
        try:
            if not self._client.manifest_exists(repository, digest):
                self._client.put_manifest(repository, digest, document, media_type)
                put = True
        except RegistryError as error:
            if error.status not in (400, 404, 409, 413, 422):
                raise
            return PutBack(digest, pushed_blobs=pushed, refused=str(error))
        conflicts, back = [], []
        for tag in tags:
            elsewhere = self._client.find_manifest(repository, tag)
            if elsewhere is None:
                self._client.put_manifest(repository, tag, document, media_type)
                put = True
                back.append(tag)
            elif elsewhere != digest:
                conflicts.append((tag, elsewhere))
            else:
                back.append(tag)
        return PutBack(digest, tuple(back), tuple(conflicts), pushed_blobs=pushed, put=put)

    def _bring_blobs(self, repository: str, document: bytes) -> tuple[list[str], int]:
        lost, pushed = [], 0
        for blob in descriptors(read_object(document, what="a kept manifest")):
            if blob.foreign or self._client.blob_exists(repository, blob.digest):
                continue
            if blob.kind == "listed" and self._client.manifest_exists(repository, blob.digest):
                continue  # a manifest under a media type of its own
            file = self._held(repository, blob.digest)
            if file is None:
                lost.append(blob.digest)
            else:
                self._client.upload_blob(repository, blob.digest, partial(pieces, file))
                pushed += 1
        return lost, pushed
