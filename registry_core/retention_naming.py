"""Naming: by which of their tags the images in use are known to workloads.

A use keeps its image, and of the image's tags the one that it names. A use that names none of them (by digest, by a
tag that has moved since, through a child, under another name with the same bytes) tells nothing about names, so it
keeps them all. Both a decision and the last look ask here, so that they agree about single tags.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from registry_core.errors import InvalidReference
from registry_core.references import Reference
from registry_core.retention_nodes import Array, Nodes

_DEEPEST = 16  #: indexes in indexes, as in `retention_order`
_NOBODY = -1


@dataclass(frozen=True)
class Naming:
    """Each as the number of a row of the usage, -1 for nobody."""

    tags: Array  #: for each tag, one use that names it
    whole: Array  #: for each image, one use of it, or of a part of it, that names none of its tags


def find_naming(nodes: Nodes, *, image: Array, references: pd.Series[str], counts: Array | None = None) -> Naming:
    """Say it of the uses that count: `image` is the row of the image of each (-1: not stored), `references` what
    was written."""
    uses = np.arange(len(image)) if counts is None else np.flatnonzero(counts)
    tag_of_use = _tags_named(nodes, references.iloc[uses])
    tags = np.full(len(nodes.tag_image), _NOBODY, dtype=np.int64)
    tags[tag_of_use[tag_of_use >= 0]] = uses[tag_of_use >= 0]
    named = np.append(nodes.tag_image, -1)[tag_of_use]  # -1 finds the last: no tag, no image
    stored = image[uses] >= 0
    pairs = pd.DataFrame({"image": image[uses][stored], "named": named[stored], "use": uses[stored]})
    return Naming(tags=tags, whole=_kept_whole(nodes, pairs))


def _tags_named(nodes: Nodes, references: pd.Series[str]) -> Array:
    """For each reference the row of the tag that it names, whatever host it names it by; -1 for none."""
    codes, texts = pd.factorize(references)
    named = [_named(text) for text in texts]
    wanted = {tag for _, tag in named if tag is not None}
    tags = nodes.catalog.tags
    rows = np.flatnonzero(tags["tag"].isin(wanted).to_numpy(dtype=bool) & (nodes.tag_repository >= 0))
    repositories = nodes.names[nodes.tag_repository[rows]].tolist()
    place: dict[tuple[str, str | None], int] = dict(
        zip(zip(repositories, tags["tag"].iloc[rows].tolist(), strict=True), rows.tolist(), strict=True)
    )
    found = [place.get(pair, _NOBODY) for pair in named]
    return np.array([*found, _NOBODY], dtype=np.int64)[codes]


def _named(text: str) -> tuple[str, str | None]:
    try:
        reference = Reference.parse(text).with_default_tag()
    except InvalidReference:
        return "", None
    return reference.repository, reference.tag


def _kept_whole(nodes: Nodes, pairs: pd.DataFrame) -> Array:
    """Walk from each used image up to the indexes that hold it; what the use does not name is kept whole."""
    whole = np.full(len(nodes), _NOBODY, dtype=np.int64)
    for _ in range(_DEEPEST):
        pairs = pairs.drop_duplicates(["image", "named"])
        if pairs.empty:
            break
        other = pairs[pairs["image"].ne(pairs["named"])]
        whole[other["image"]] = other["use"]
        part, index = nodes.graph.parents.edges_of(np.unique(pairs["image"].to_numpy()))
        above = pd.DataFrame({"image": part, "index": index})
        pairs = pairs.merge(above, on="image").drop(columns="image").rename(columns={"index": "image"})
    return whole
