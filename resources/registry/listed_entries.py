"""What an entry of an index is where its media type does not say it: the registry is asked."""

from __future__ import annotations

from registry_core.errors import RegistryError
from registry_core.manifest_bytes import is_manifest_body
from resources.registry.reading import Reader
from resources.registry.transport.messages import MEBIBYTE

#: What registries take as a manifest (OCI distribution specification, "Pushing Manifests"); a larger entry is a blob.
_LARGEST_MANIFEST_BYTES = 4 * MEBIBYTE


async def is_listed_blob(reader: Reader, repository: str, digest: str) -> bool:
    """Whether the entry is a blob; False where it is to be read as a manifest, also where the registry holds neither.

    It is asked for as a blob first: docker-registry 2.8 answers a blob that is asked for under `/manifests/` with 500.
    Registries that keep both in one place answer for a manifest under `/blobs/` too, so what is small is read.
    Raises RegistryError where the registry does not say.
    """
    try:
        size_bytes = await reader.blob_size(repository, digest)
    except RegistryError as error:
        if error.fault != "missing":
            raise
        return False
    if size_bytes is not None and size_bytes > _LARGEST_MANIFEST_BYTES:
        return True
    body = await reader.small_blob(repository, digest, "blob", limit_bytes=_LARGEST_MANIFEST_BYTES)
    return not is_manifest_body(body)


async def unless_a_blob(reader: Reader, repository: str, digest: str, error: RegistryError) -> RegistryError:
    """Why a manifest that an index lists could not be read: a fault of the index where the registry holds a blob under
    that digest, else `error`. Without this, one such index would make a docker-registry 2.8 unreadable for good."""
    try:
        if not await is_listed_blob(reader, repository, digest):
            return error
    except RegistryError:
        return error
    return RegistryError(
        f"{reader.connection.label}: an index of {repository} lists {digest} as a manifest, and it is a blob; push the"
        " index again",
        fault="corrupt",
    )
