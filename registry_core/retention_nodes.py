"""The images of a catalog as numbered rows, its tags as pointers to them.

A decision over five million tags cannot afford a Python object for each image: everything in `retention` is an
array with one value for each row of `catalog.images` (the nodes of `ManifestGraph`) or of `catalog.tags`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from registry_core.catalog import CatalogFrames
from registry_core.digests import subject_of_tag
from registry_core.manifest_graph import ManifestGraph

Array = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class NamedForSubjects:
    """Rows of tags such as `sha256-<hex>.sig`, and the digest that each is named for."""

    rows: Array
    digests: list[str] = field(repr=False)

    @classmethod
    def of(cls, tags: pd.Series[str], graph: ManifestGraph) -> NamedForSubjects:
        rows = graph.tags_named_after_digests
        found = [
            (row, subject.digest)
            for row, tag in zip(rows.tolist(), tags.iloc[rows], strict=True)
            if (subject := subject_of_tag(tag)) is not None
        ]
        return cls(np.array([row for row, _ in found], dtype=np.int64), [digest for _, digest in found])


@dataclass(frozen=True, eq=False)
class Nodes:
    """Numbered images. `repository` is the place of each row's name in `names`."""

    catalog: CatalogFrames = field(repr=False)
    graph: ManifestGraph = field(repr=False)
    names: Array
    repository: Array
    tag_image: Array  #: for each tag the row of its image, -1 where it has none
    tag_repository: Array  #: for each tag the place of its repository, -1 where that has no images
    tag_is_own: Array  #: False for tags that are named for a subject (`sha256-<hex>.sig`), known or not
    tags_named_for_subjects: NamedForSubjects

    @classmethod
    def of(cls, catalog: CatalogFrames) -> Nodes:
        """Number the images. Raises ValueError for an image that stands twice in the frame."""
        graph = ManifestGraph.of(catalog)
        place, names = pd.factorize(catalog.images["repository"])
        tags = catalog.tags
        named = NamedForSubjects.of(tags["tag"], graph)
        own = np.ones(len(tags), dtype=bool)
        own[named.rows] = False
        return cls(
            catalog=catalog,
            graph=graph,
            names=np.asarray(names, dtype=object),
            repository=place.astype(np.int32),
            tag_image=graph.rows_at(tags["repository"], tags["digest"]),
            tag_repository=_places(names, tags["repository"]),
            tag_is_own=own,
            tags_named_for_subjects=named,
        )

    def __len__(self) -> int:
        return len(self.repository)

    def repositories(self, names: pd.Series[str]) -> Array:
        """Places of repository names, -1 for one that holds no image."""
        return _places(self.names, names)

    def images_per_repository(self, chosen: Array) -> Array:
        """How many of the chosen rows (a mask) each repository holds."""
        return np.bincount(self.repository[chosen], minlength=len(self.names))

    def dependents(self, owners: Array) -> Array:
        """Mask of what the rows of a mask list, and of what refers to them."""
        found = np.zeros(len(self), dtype=bool)
        rows = np.flatnonzero(owners)
        for relation in (self.graph.children, self.graph.referrers):
            found[relation.edges_of(rows)[1]] = True
        return found


def _places(known: Any, names: pd.Series[str]) -> Array:
    codes, distinct = pd.factorize(names)
    places = np.append(pd.Index(known).get_indexer(pd.Index(distinct)), -1)
    return np.asarray(places[codes], dtype=np.int64)
