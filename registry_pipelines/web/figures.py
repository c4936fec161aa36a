"""How much a registry holds, counted from its catalog."""

from __future__ import annotations

from dataclasses import dataclass

from registry_core.catalog import CatalogFrames


@dataclass(frozen=True, slots=True)
class RegistryFigures:
    """Counts of one catalog. `stored_bytes` is what its manifests say of themselves and of their blobs.

    Trap: each image counts whole, so layers that images share are counted with each of them; the disk of the
    registry holds less.
    """

    repositories: int
    tags: int
    images: int
    stored_bytes: int


def count_registry(catalog: CatalogFrames) -> RegistryFigures:
    images = catalog.images
    distinct = images.drop_duplicates("digest")
    names = set(catalog.tags["repository"].unique()) | set(images["repository"].unique())
    return RegistryFigures(
        repositories=len(names),
        tags=len(catalog.tags),
        images=len(images),
        stored_bytes=int(distinct["size_bytes"].fillna(0).sum() + distinct["image_bytes"].fillna(0).sum()),
    )
