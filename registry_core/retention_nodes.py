"""The images of a catalog as numbered rows, and who stands and falls with whom as arrays of row numbers.

A decision over five million tags cannot afford a Python object for each image: everything in `retention` is an
array with one value for each row of `catalog.images`, or for each row of `catalog.tags`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from registry_core.catalog import CatalogFrames
from registry_core.digests import subject_of_tag

Array = np.ndarray[tuple[int], np.dtype[Any]]

_FALLBACK_TAG = "sha256-"


@dataclass(frozen=True)
class Edges:
    """Pairs of rows of one repository: `owner` stands, so `dependent` must stand; and how they are bound."""

    owner: Array
    dependent: Array
    by_subject: Array  #: True: `dependent` refers to `owner`; False: the index `owner` lists `dependent`

    def only(self, chosen: Array) -> Edges:
        return Edges(self.owner[chosen], self.dependent[chosen], self.by_subject[chosen])


@dataclass(frozen=True)
class Nodes:
    """Numbered images. `repository` is the place of each row's name in `names`."""

    catalog: CatalogFrames = field(repr=False)
    names: Array
    repository: Array
    tag_image: Array  #: for each tag the row of its image, -1 where it has none
    tag_repository: Array  #: for each tag the place of its repository, -1 where that has no images
    tag_is_own: Array  #: False for tags that only say what the image refers to (`sha256-<hex>.sig`)
    edges: Edges = field(repr=False)
    _digests: pd.Index[str] = field(repr=False)
    _keys: pd.Index[int] = field(repr=False)

    def __len__(self) -> int:
        return len(self.repository)

    def repositories(self, names: pd.Series[str]) -> Array:
        """Places of repository names, -1 for one that holds no image."""
        codes, distinct = pd.factorize(names)
        places = np.append(pd.Index(self.names).get_indexer(pd.Index(distinct)), -1)
        return np.asarray(places[codes], dtype=np.int64)

    def rows(self, repository: Array, digests: pd.Series[str]) -> Array:
        """Row of each (place of repository, digest), -1 where that image is not stored."""
        return _rows(self._keys, self._digests, repository, digests)

    def images_per_repository(self, chosen: Array) -> Array:
        """How many of the chosen rows (a mask) each repository holds."""
        return np.bincount(self.repository[chosen], minlength=len(self.names))


def number_images(catalog: CatalogFrames) -> Nodes:
    """Number the images of a catalog and find their bonds: children of indexes, subjects, tags named for a subject.

    Raises ValueError for an image that stands twice in the frame: its two rows could be decided differently.
    """
    images, tags = catalog.images, catalog.tags
    place, names = pd.factorize(images["repository"])
    digest, digests = pd.factorize(images["digest"])
    digest_index = pd.Index(digests)
    key = pd.Index(place.astype(np.int64) * max(1, len(digests)) + digest)
    if not key.is_unique:
        twice = images.loc[key.duplicated(), ["repository", "digest"]].iloc[0]
        raise ValueError(
            f"the catalog of {catalog.registry} holds {twice['repository']}@{twice['digest']} twice: read it again"
        )

    codes, distinct = pd.factorize(tags["repository"])
    tag_repository = np.append(pd.Index(names).get_indexer(pd.Index(distinct)), -1)[codes]
    tag_image = _rows(key, digest_index, tag_repository, tags["digest"])
    named_for = tags["tag"].str.startswith(_FALLBACK_TAG).to_numpy(dtype=bool, na_value=False)
    subjects, tag_is_own = _subjects_of_tags(tags, np.flatnonzero(named_for))

    parts = [_listed(catalog, place, digest, digest_index, key), _referring(images, place, digest_index, key)]
    if len(subjects):
        subject_row = _rows(key, digest_index, tag_repository[subjects.index], subjects)
        parts.append(_pairs(subject_row, tag_image[subjects.index], by_subject=True))
    edges = Edges(
        owner=np.concatenate([part.owner for part in parts]),
        dependent=np.concatenate([part.dependent for part in parts]),
        by_subject=np.concatenate([part.by_subject for part in parts]),
    )
    return Nodes(
        catalog=catalog,
        names=np.asarray(names, dtype=object),
        repository=place.astype(np.int32),
        tag_image=tag_image,
        tag_repository=tag_repository,
        tag_is_own=tag_is_own,
        edges=edges,
        _digests=digest_index,
        _keys=key,
    )


def _rows(keys: pd.Index[int], digests: pd.Index[str], repository: Array, wanted: pd.Series[str]) -> Array:
    digest = digests.get_indexer(pd.Index(wanted))
    known = (digest >= 0) & (repository >= 0)
    return np.where(known, keys.get_indexer(pd.Index(repository.astype(np.int64) * max(1, len(digests)) + digest)), -1)


def _subjects_of_tags(tags: pd.DataFrame, named_for: Array) -> tuple[pd.Series[str], Array]:
    """Digest that each tag named for one names, by row of `tags`; and which tags are an image's own."""
    own = np.ones(len(tags), dtype=bool)
    found = {}
    for row, tag in zip(named_for, tags["tag"].to_numpy()[named_for], strict=True):
        subject = subject_of_tag(tag)
        if subject is not None:
            found[row] = subject.digest
            own[row] = False
    return pd.Series(found, dtype=object), own


def _pairs(owner: Array, dependent: Array, *, by_subject: bool) -> Edges:
    real = (owner >= 0) & (dependent >= 0) & (owner != dependent)
    return Edges(owner[real], dependent[real], np.full(int(real.sum()), by_subject))


def _referring(images: pd.DataFrame, place: Array, digests: pd.Index[str], keys: pd.Index[int]) -> Edges:
    referrer = np.flatnonzero(images["subject"].notna().to_numpy())
    subject = _rows(keys, digests, place[referrer], images["subject"].iloc[referrer])
    return _pairs(subject, referrer, by_subject=True)


def _listed(catalog: CatalogFrames, place: Array, digest: Array, digests: pd.Index[str], keys: pd.Index[int]) -> Edges:
    """Index and child, in every repository that holds both: the children frame knows no repository."""
    index_code = digests.get_indexer(pd.Index(catalog.children["digest"]))
    child_code = digests.get_indexer(pd.Index(catalog.children["child"]))
    known = (index_code >= 0) & (child_code >= 0)
    listing = pd.DataFrame({"digest": index_code[known], "child": child_code[known]})
    is_index = np.zeros(len(digests), dtype=bool)
    is_index[listing["digest"]] = True
    rows = np.flatnonzero(is_index[digest])
    held = pd.DataFrame({"row": rows, "digest": digest[rows], "place": place[rows]}).merge(listing, on="digest")
    child_key = held["place"].to_numpy(dtype=np.int64) * max(1, len(digests)) + held["child"].to_numpy()
    return _pairs(held["row"].to_numpy(), keys.get_indexer(pd.Index(child_key)), by_subject=False)
