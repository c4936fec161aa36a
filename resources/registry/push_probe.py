"""Whether a registry takes pushes now, found out without leaving anything in it."""

from __future__ import annotations

from registry_core.errors import RegistryError
from resources.registry.client import RegistryClient

_NO_MANIFEST = b"this is no manifest"


def takes_pushes(client: RegistryClient, repository: str) -> bool:
    """Offer something that is no manifest: a registry that is read-only says that it does not take any (405), another
    one says what is wrong with it. Raises RegistryError where it says neither."""
    try:
        client.put_manifest(
            repository, "registry-pipelines-probe", _NO_MANIFEST, "application/vnd.oci.image.manifest.v1+json"
        )
    except RegistryError as error:
        if error.status == 405 or "UNSUPPORTED" in error.codes:
            return False
        if error.status in (400, 404, 415, 422):
            return True
        raise
    return True
