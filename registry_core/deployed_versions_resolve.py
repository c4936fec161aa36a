"""Which image of its registry each deployed reference means."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from registry_core.deployed_versions_shelf import Shelf
from registry_core.retention_nodes import Array
from registry_core.retention_order import UNKNOWN

#: What is added to USE_COLUMNS. `digest` becomes that of the image in its registry where it is known there, else as
#: it was reported or written. `in_registry` and `in_catalog` are None where nobody can tell. `compare_on` is the
#: platform for digests that the catalog does not know, which may be a child's.
RESOLVED_COLUMNS = (
    "written", "digest_from", "date", "in_registry", "in_catalog", "retagged", "running", "compare_on",
)  # fmt: skip


def resolve_uses(uses: pd.DataFrame, shelves: Mapping[str, Shelf]) -> pd.DataFrame:
    """USE_COLUMNS and RESOLVED_COLUMNS, by what the shelves of the configured registries hold."""
    uses = uses.reset_index(drop=True)
    uses["written"] = uses["digest"]
    uses["running"] = uses["status_digest"]
    uses["compare_on"] = uses["platform"]
    uses["digest"] = uses["status_digest"].where(uses["status_digest"].notna(), uses["written"])
    origin = np.select([uses["status_digest"].notna(), uses["written"].notna()], ["running", "written"], "nowhere")
    uses["digest_from"] = origin.astype(object)
    uses["date"] = UNKNOWN
    uses["in_registry"] = pd.Series(None, index=uses.index, dtype=object)
    uses["in_catalog"] = pd.Series(None, index=uses.index, dtype=object)
    uses["retagged"] = False
    for registry, shelf in shelves.items():
        rows = np.flatnonzero(uses["registry"].eq(registry).to_numpy())
        if rows.size:
            _resolve(uses, rows, shelf)
    return uses


def _resolve(uses: pd.DataFrame, rows: Array, shelf: Shelf) -> None:
    ours = uses.iloc[rows]
    images = shelf.catalog.images
    running = shelf.images_of(ours["repository"], ours["status_digest"])
    written = shelf.images_of(ours["repository"], ours["written"])

    tags = shelf.catalog.tags[["repository", "tag", "fault"]].assign(image=shelf.nodes.tag_image, listed=True)
    by_tag = ours[["repository", "tag"]].merge(tags, on=["repository", "tag"], how="left")
    tagged = by_tag["image"].fillna(-1).to_numpy(dtype=np.int64)
    tag_there = (by_tag["listed"].eq(True) & by_tag["fault"].ne("missing")).to_numpy(dtype=bool)
    has_tag, has_written = ours["tag"].notna().to_numpy(), ours["written"].notna().to_numpy()

    image = np.select([running >= 0, written >= 0, has_written], [running, written, -1], tagged)
    found = image >= 0
    digests = np.array([*images["digest"], None], dtype=object)  # -1, no image, is the last
    uses.loc[rows[found], "digest"] = digests[image[found]]
    from_tag = found & (running < 0) & ~has_written & ~ours["status_digest"].notna().to_numpy()
    uses.loc[rows[from_tag], "digest_from"] = "catalog"
    uses.loc[rows, "date"] = np.where(found, np.append(shelf.dates, UNKNOWN)[image], UNKNOWN)
    known_running = running >= 0
    uses.loc[rows[known_running], "running"] = digests[running[known_running]]
    uses.loc[rows[known_running], "compare_on"] = None

    there = np.where(has_tag, tag_there, (written >= 0) | (running >= 0))
    unread = ours["repository"].map({name: shelf.why_unread(name) is not None for name in ours["repository"].unique()})
    sure = there | ~unread.to_numpy(dtype=bool)
    catalogued = ours["repository"].isin(shelf.repositories).to_numpy()
    uses.loc[rows, "in_registry"] = _answers(there, sure)
    uses.loc[rows, "in_catalog"] = _answers(catalogued, catalogued | ~unread.to_numpy(dtype=bool))
    uses.loc[rows, "retagged"] = has_tag & ~has_written & known_running & (tagged >= 0) & (running != tagged)


def _answers(said: Array, sure: Array) -> Array:
    answers = said.astype(bool).astype(object)
    answers[~sure] = None
    return answers
