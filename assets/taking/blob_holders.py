"""Which repositories of a registry hold a blob, by its newest catalog: so that a copy mounts instead of sending."""

from __future__ import annotations

from collections.abc import Callable

from registry_core.errors import IncompleteSnapshot, RegistryError
from registry_core.foreign_json import read_object
from registry_core.manifests import descriptors
from resources.connections import Connections

Holders = Callable[[str], tuple[str, ...]]

#: Repositories remembered of each blob: one to mount from, and another one for when that is the target itself.
_MOST = 2


def blob_holders(connections: Connections, registry: str) -> Holders:
    """Asked for a digest, the answer names repositories that held it when the catalog was taken; none where nothing is
    known. A blob that is gone since is sent after all, so an old catalog costs time and nothing else."""
    found: dict[str, tuple[str, ...]] = {}
    known = _repositories_of_images(connections, registry)
    for digest, body in connections.history.documents(list(known)):
        try:
            blobs = descriptors(read_object(body, what="manifest", content_type=None))
        except RegistryError:
            continue
        for blob in blobs:
            there = found.get(blob.digest, ())
            if len(there) < _MOST:
                found[blob.digest] = tuple(dict.fromkeys((*there, *known[digest])))[:_MOST]
    return lambda digest: found.get(digest, ())


def _repositories_of_images(connections: Connections, registry: str) -> dict[str, tuple[str, ...]]:
    """Two of the repositories that hold each readable image, by its digest."""
    try:
        images = connections.history.read_catalog(registry).images
    except IncompleteSnapshot:
        return {}
    images = images[images["fault"].isna() & images["config_fault"].isna() & images["media_type"].notna()]
    known: dict[str, tuple[str, ...]] = {}
    for digest, repository in zip(images["digest"], images["repository"], strict=True):
        there = known.get(digest, ())
        if len(there) < _MOST:
            known[digest] = (*there, repository)
    return known
