"""Where an image is held: whole, in part, or nobody can tell, for each registry by its catalog.

By digest, in whatever repository. A multi-platform image is held whole where one repository has the index and all that
it lists: a registry that has the index and lost a child, or has only the child of one platform, cannot serve every
platform. Attestations among the children (platform `unknown/unknown`) are not needed to run it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from registry_core.deployed_versions import CatalogSeen
from registry_core.plain_rows import plain_rows

Holding = Literal["whole", "part", "unread"]
"""`unread`: its manifests are listed there, and one of them could not be read."""

_ORDER: tuple[Holding, ...] = ("whole", "unread", "part")
_IMAGE = ["repository", "digest", "config_digest", "os", "architecture", "variant", "fault", "config_fault"]
_UNREAD = ["forbidden", "unreachable", "throttled"]


@dataclass(frozen=True, slots=True)
class Held:
    """What one registry holds of one image; `platforms` are those that it can serve, where it holds a part."""

    registry: str
    holding: Holding
    platforms: tuple[str, ...] = ()


def find_held(digests: Iterable[str], catalogs: Sequence[CatalogSeen]) -> dict[str, tuple[Held, ...]]:
    """What every registry that was crawled holds of each image, by its digest: of an index, a child, or a config.

    A registry that is not among the answers has nothing of it in its catalog, which says something only where that
    catalog is whole. Vectorised: seconds for 50,000 digests and 400,000 images.
    """
    wanted = pd.Series(sorted(set(digests)), dtype=object, name="root")
    crawled = [(seen.registry, seen.frames) for seen in catalogs if seen.frames is not None]
    images = [frames.images for _, frames in crawled]
    needed = _without_attestations(_needed(wanted, [frames.children for _, frames in crawled], images), images)
    found: dict[str, tuple[Held, ...]] = {}
    for registry, frames in crawled:
        for root, held in _held_in(registry, frames.images, needed):
            found[root] = (*found.get(root, ()), held)
    return found


def held_at(digests: Iterable[str], seen: CatalogSeen) -> dict[tuple[str, str], Holding]:
    """What each repository of one crawled registry holds of each image, by (repository, digest)."""
    if seen.frames is None:
        return {}
    wanted = pd.Series(sorted(set(digests)), dtype=object, name="root")
    images = [seen.frames.images]
    needed = _without_attestations(_needed(wanted, [seen.frames.children], images), images)
    counted, _ = _counted(seen.frames.images, needed)
    return {
        (repository, root): _ORDER[order]
        for repository, root, order in plain_rows(counted, ("repository", "root", "order"))
    }


def _needed(wanted: pd.Series[str], listings: Sequence[pd.DataFrame], images: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """(root, node): every manifest that an image needs, itself first. What an index lists is part of its bytes, so
    any registry that has it tells it for all. A blob that it lists is none, unless a catalog has it as an image."""
    columns = ["digest", "child", "kind"]
    edges = pd.concat([listing[columns] for listing in listings] or [pd.DataFrame(columns=columns)])
    is_manifest = ~edges["kind"].isin(["blob", "unknown"])
    for frame in images:
        is_manifest |= edges["child"].isin(frame["digest"])
    edges = edges.loc[is_manifest, ["digest", "child"]].drop_duplicates().astype(object)
    level = pd.DataFrame({"root": wanted, "node": wanted})
    levels = [level]
    while True:
        below = level.merge(edges, left_on="node", right_on="digest")[["root", "child"]]
        level = below.rename(columns={"child": "node"}).drop_duplicates()
        known = pd.concat(levels)
        level = level.merge(known, on=["root", "node"], how="left", indicator="_known")
        level = level.loc[level["_known"].eq("left_only"), ["root", "node"]]
        if level.empty:
            return known.reset_index(drop=True)
        levels.append(level)


def _without_attestations(needed: pd.DataFrame, images: Sequence[pd.DataFrame]) -> pd.DataFrame:
    attestations = {
        digest for part in images for digest in part.loc[part["os"].eq("unknown"), "digest"] if isinstance(digest, str)
    }
    return needed[~needed["node"].isin(attestations) | needed["node"].eq(needed["root"])]


def _held_in(registry: str, images: pd.DataFrame, needed: pd.DataFrame) -> Iterable[tuple[str, Held]]:
    counted, pairs = _counted(images, needed)
    best = counted.sort_values(["root", "order", "good"], ascending=[True, True, False]).drop_duplicates("root")
    parts = best[best["order"] == 2].merge(pairs[pairs["good"]], on=["root", "repository"])
    served: dict[str, list[str]] = {}
    for root, platform in plain_rows(parts, ("root", "platform")):
        if platform is not None:
            served.setdefault(root, []).append(platform)
    for root, order in plain_rows(best, ("root", "order")):
        yield root, Held(registry, _ORDER[order], tuple(sorted(set(served.get(root, ())))))


def _counted(images: pd.DataFrame, needed: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(root, repository, good, order): what each repository holds of each image, and (root, repository, platform,
    good) of each manifest of it that is there."""
    rows = images[_IMAGE].astype(object)
    nodes = set(needed["node"])
    by_digest = rows[rows["digest"].isin(nodes)].assign(node=lambda frame: frame["digest"])
    by_config = rows[rows["config_digest"].isin(nodes)].assign(node=lambda frame: frame["config_digest"])
    there = pd.concat([by_digest, by_config])
    there = there.assign(
        good=there["fault"].isna() & there["config_fault"].isna(),
        unread=there["fault"].isin(_UNREAD) | there["config_fault"].isin(_UNREAD),
    )
    platforms = there["os"].fillna("") + "/" + there["architecture"].fillna("")
    variant = there["variant"].where(there["variant"].notna() & there["variant"].ne(""))
    there["platform"] = (platforms + ("/" + variant).fillna("")).where(there["os"].notna() & there["good"], None)
    # A node may stand twice in a repository, as two images with one config: one good one is enough.
    same = there.groupby(["repository", "node"], sort=False)
    each = same.agg(good=("good", "any"), unread=("unread", "any"), platform=("platform", "first")).reset_index()
    asked = needed.groupby("root").size()
    pairs = needed.merge(each, on="node")
    pairs["unread"] &= ~pairs["good"]
    grouped = pairs.groupby(["root", "repository"], sort=False)
    counted = grouped.agg(good=("good", "sum"), unread=("unread", "sum")).reset_index()
    counted["asked"] = counted["root"].map(asked)
    counted["order"] = 2
    counted.loc[counted["good"] + counted["unread"] >= counted["asked"], "order"] = 1
    counted.loc[counted["good"] >= counted["asked"], "order"] = 0
    return counted[(counted["order"] < 2) | (counted["good"] > 0)], pairs
