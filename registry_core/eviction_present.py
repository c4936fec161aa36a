"""What the policies of now say about entries of a plan that was made by older ones: only their reasons to keep."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from registry_core.catalog import CatalogFrames
from registry_core.eviction_entries import Entry
from registry_core.eviction_use import Image
from registry_core.retention_decisions import Decisions


def kept_now(decisions: Decisions, entries: Sequence[Entry]) -> tuple[dict[Image, str], dict[tuple[str, str], str]]:
    """The images that stay, and the single tags (repository, tag) that do, by a decision over the evidence of now;
    each with its reasons in words.

    An image that the catalog of the decision does not hold has none: it may be part of an index that this plan has
    deleted already. What is gone from the registry is not kept by that.
    """
    graph, catalog = decisions.facts.nodes.graph, decisions.facts.nodes.catalog
    rows = graph.rows_at(
        pd.Series([entry.repository for entry in entries], dtype=object),
        pd.Series([entry.digest for entry in entries], dtype=object),
    )
    stays = np.append((decisions.reasons != 0) & decisions.facts.shape.stored, False)[rows]
    kept = {
        entries[place].image: "; ".join(decisions.words.of(int(rows[place])))
        for place in np.flatnonzero(stays).tolist()
        if entries[place].kind == "delete"
    }
    single = {entry.image: entry for entry in entries if entry.kind == "untag"}
    if not single:
        return kept, {}
    here = np.flatnonzero(catalog.tags["repository"].isin([repository for repository, _ in single]).to_numpy())
    kept_tags = {}
    names = catalog.tags.iloc[here]
    loose, image = decisions.single_tags[here], decisions.facts.nodes.tag_image[here]
    for repository, tag, digest, is_loose, row in zip(
        names["repository"], names["tag"], names["digest"], loose.tolist(), image.tolist(), strict=True
    ):
        entry = single.get((repository, digest))
        if entry is None or tag not in entry.tags or is_loose or row < 0 or decisions.reasons[row] == 0:
            continue
        kept_tags[repository, tag] = "; ".join(decisions.words.of(row))
    return kept, kept_tags


def without_images(catalog: CatalogFrames, images: Collection[Image]) -> CatalogFrames:
    """The same catalog, in which these images are known to be missing."""
    frame = catalog.images
    gone = pd.MultiIndex.from_frame(frame[["repository", "digest"]]).isin(list(images))
    return replace(catalog, images=frame.assign(fault=frame["fault"].astype(object).mask(gone, "missing")))
