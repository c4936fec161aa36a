"""How far each deployed version is behind the newest one that its registries offer."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from registry_core.deployed_versions import Wish
from registry_core.deployed_versions_order import Ladder, read_versions
from registry_core.retention_nodes import Array
from registry_core.retention_order import UNKNOWN

#: What `measure` adds to the uses: `by_version` of the product, `effective` the tag that its version was read
#: from (its own, or that of `known_as`), `patch` a newer patch of the same minor.
DISTANCE_COLUMNS = ("by_version", "is_version", "known_as", "behind", "kind", "patch")


@dataclass(frozen=True, eq=False)
class Measured:
    """Uses and offers with their order. `newest` are rows of offers, the newest of each product first."""

    uses: pd.DataFrame = field(repr=False)
    newest: pd.DataFrame = field(repr=False)
    by_version: frozenset[str] = field(repr=False)


def measure(uses: pd.DataFrame, offers: pd.DataFrame, wish: Wish) -> Measured:
    """Uses need product, registry, repository, tag, digest (of the image in its catalog, else as it is known) and
    date; offers are OFFER_COLUMNS."""
    both = pd.concat([offers["tag"], uses["tag"]], ignore_index=True)
    versions = read_versions(both, wish.patterns)
    codes, names = pd.factorize(pd.concat([offers["product"], uses["product"]], ignore_index=True))
    split = len(offers)
    offers = offers.reset_index(drop=True).join(versions.iloc[:split].reset_index(drop=True)).assign(code=codes[:split])
    uses = uses.reset_index(drop=True).join(versions.iloc[split:].reset_index(drop=True)).assign(code=codes[split:])

    counted = offers["is_version"] & (~offers["prerelease"] | wish.prereleases)
    released = np.zeros(len(names), dtype=bool)
    released[offers.loc[counted, "code"]] = True
    # A product of which there are pre-releases alone is ordered by them.
    counted |= offers["is_version"] & ~released[offers["code"]]
    by_version = np.zeros(len(names), dtype=bool)
    by_version[offers.loc[counted, "code"]] = True
    by_version[uses.loc[uses["is_version"], "code"]] = True

    offers["by_version"], uses["by_version"] = by_version[offers["code"]], by_version[uses["code"]]
    uses = _known_as(uses, offers)
    releases = offers[counted]
    uses = _behind_by_version(uses, releases)
    uses = _behind_by_time(uses, offers[~offers["by_version"]])
    newest = pd.concat([_newest_versions(releases, wish.newest), _newest_by_time(offers, wish.newest)])
    return Measured(uses, newest, frozenset(names[by_version]))


def _known_as(uses: pd.DataFrame, offers: pd.DataFrame) -> pd.DataFrame:
    """The best tag of the same image, for what is deployed without a version: `latest` is 1.4.2."""
    wanted = offers[offers["digest"].notna() & offers["digest"].isin(set(uses["digest"].dropna()))]
    wanted = wanted.assign(digits=wanted["tag"].str.contains(r"\d", regex=True), length=wanted["tag"].str.len())
    best = wanted.sort_values(["rank", "digits", "length", "tag"]).drop_duplicates(
        ["registry", "repository", "digest"], keep="last"
    )
    columns = ["is_version", "major", "minor", "patch", "prerelease", "rank", "digits"]
    best = best[["registry", "repository", "digest", "tag", *columns]].rename(columns={"tag": "known_as"})
    found = uses.merge(best, on=["registry", "repository", "digest"], how="left", suffixes=("", "_best"))
    useful = (
        ~found["is_version"]
        & found["known_as"].notna()
        & found["known_as"].ne(found["tag"])
        & found["digits"].eq(True)
        & (found["is_version_best"].eq(True) | ~found["by_version"] | found["tag"].isna())
    )
    found["known_as"] = found["known_as"].astype(object).where(useful, None)
    found["ranked"] = found["is_version"] | (useful & found["is_version_best"].eq(True))
    for name in ("major", "minor", "patch", "rank"):
        found[name] = np.where(found["is_version"], found[name], found[f"{name}_best"].fillna(-1)).astype("int64")
    found["prerelease"] = np.where(found["is_version"], found["prerelease"], found["prerelease_best"].eq(True))
    return found


def _behind_by_version(uses: pd.DataFrame, releases: pd.DataFrame) -> pd.DataFrame:
    product, rank = releases["code"].to_numpy(), releases["rank"].to_numpy()
    ladder = Ladder.of(product, rank)
    used, place = uses["code"].to_numpy(), uses["rank"].to_numpy()
    known = uses["ranked"].to_numpy(dtype=bool)
    behind = np.where(known, ladder.newer(used, np.maximum(place, 0)), -1)

    parts = releases.drop_duplicates("rank").set_index("rank")[["major", "minor", "patch"]]
    top = parts.reindex(ladder.top(used))
    same_major = top["major"].to_numpy() == uses["major"].to_numpy()
    same_minor = same_major & (top["minor"].to_numpy() == uses["minor"].to_numpy())
    same_patch = same_minor & (top["patch"].to_numpy() == uses["patch"].to_numpy())
    kind = np.select([same_patch, same_minor, same_major], ["pre-release", "patch", "minor"], "major").astype(object)
    uses["behind"] = behind
    uses["kind"] = pd.Series(kind, index=uses.index).where(behind > 0, None)

    # The highest rank of each minor version, and the tag that bears it.
    highest = releases.sort_values("rank").drop_duplicates(["code", "major", "minor"], keep="last")
    highest = highest[["code", "major", "minor", "rank", "tag"]].rename(
        columns={"rank": "patch_rank", "tag": "newer_patch"}
    )
    uses = uses.merge(highest, on=["code", "major", "minor"], how="left")
    newer = uses["ranked"] & (uses["patch_rank"] > uses["rank"])
    uses["newer_patch"] = uses["newer_patch"].astype(object).where(newer, None)
    return uses


def _behind_by_time(uses: pd.DataFrame, offers: pd.DataFrame) -> pd.DataFrame:
    dated = offers[offers["digest"].notna() & offers["date"].ne(UNKNOWN)]
    dates = np.unique(dated["date"].to_numpy())
    things = pd.factorize(dated["digest"])[0].astype(np.int64)
    ladder = Ladder.of(dated["code"].to_numpy(), np.searchsorted(dates, dated["date"].to_numpy()), things)
    known = (~uses["by_version"] & uses["date"].ne(UNKNOWN)).to_numpy(dtype=bool)
    own: Array = uses["date"].to_numpy(dtype=np.int64)
    # A date that no offer has stands between its neighbours.
    place = np.searchsorted(dates, own, side="right") - 1
    newer = ladder.newer(uses["code"].to_numpy(), place)
    uses["behind"] = np.where(known, newer, uses["behind"])
    uses["kind"] = uses["kind"].astype(object).mask(known & (newer > 0), "image")
    return uses


def _newest_versions(releases: pd.DataFrame, count: int) -> pd.DataFrame:
    ordered = releases.assign(length=releases["tag"].str.len())
    ordered = ordered.sort_values(["code", "rank", "length", "tag"], ascending=[True, False, True, True])
    ordered = ordered.drop_duplicates(["code", "rank"])
    return ordered[ordered.groupby("code").cumcount() < count]


def _newest_by_time(offers: pd.DataFrame, count: int) -> pd.DataFrame:
    """The newest images; of one image the tag that says most: with a number, and long."""
    found = offers[~offers["by_version"]]
    found = found.assign(digits=found["tag"].str.contains(r"\d", regex=True), length=found["tag"].str.len())
    named = found.sort_values(["digits", "length", "tag"], ascending=[False, False, False])
    unread = named["digest"].isna()
    single = pd.concat([named[~unread].drop_duplicates(["code", "digest"]), named[unread]])
    ordered = single.sort_values(["code", "date", "tag"], ascending=[True, False, False])
    return ordered[ordered.groupby("code").cumcount() < count]
