"""How far each deployed version is behind the newest one that its registries offer."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from registry_core.deployed_versions import Wish
from registry_core.deployed_versions_order import Ladder, read_versions
from registry_core.retention_nodes import Array
from registry_core.retention_order import UNKNOWN


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
    codes, names = pd.factorize(pd.concat([offers["product"], uses["product"]], ignore_index=True))
    versions = _lines_of_products(read_versions(both, wish.patterns, codes), codes)
    split = len(offers)
    offers = offers.reset_index(drop=True).join(versions.iloc[:split].reset_index(drop=True)).assign(code=codes[:split])
    uses = uses.reset_index(drop=True).join(versions.iloc[split:].reset_index(drop=True)).assign(code=codes[split:])

    counted = offers["is_version"] & (~offers["prerelease"] | wish.prereleases)
    released = np.zeros(len(versions) + 1, dtype=bool)
    released[offers.loc[counted, "line"]] = True
    # A line of which there are pre-releases alone is ordered by them.
    counted |= offers["is_version"] & ~released[offers["line"]]
    by_version = np.zeros(len(names), dtype=bool)
    by_version[offers.loc[counted, "code"]] = True
    by_version[uses.loc[uses["is_version"], "code"]] = True

    offers["by_version"], uses["by_version"] = by_version[offers["code"]], by_version[uses["code"]]
    uses = _known_as(uses, offers)
    releases = offers[counted]
    uses = _behind_by_version(uses, releases)
    uses = _behind_by_time(uses, offers[~offers["by_version"]])
    newest = pd.concat([_newest_versions(releases, uses, wish.newest), _newest_by_time(offers, wish.newest)])
    return Measured(uses, newest, frozenset(names[by_version]))


def _lines_of_products(versions: pd.DataFrame, products: Array) -> pd.DataFrame:
    """`line` numbered over all products, and `variant`: whether it is one, or the line of those without."""
    own = versions["line"].to_numpy(dtype=np.int64)
    over_all = products.astype(np.int64) * (int(own.max(initial=0)) + 1) + own
    return versions.assign(line=np.unique(over_all, return_inverse=True)[1], variant=own > 0)


_OF_VERSION = ("major", "minor", "patch", "fourth", "parts", "line", "rank")


def _known_as(uses: pd.DataFrame, offers: pd.DataFrame) -> pd.DataFrame:
    """The best tag of the same image, for what is deployed without a version: `latest` is 1.4.2, and not 1.4.2-slim."""
    wanted = offers[offers["digest"].notna() & offers["digest"].isin(set(uses["digest"].dropna()))]
    wanted = wanted.assign(
        digits=wanted["tag"].str.contains(r"\d", regex=True), length=wanted["tag"].str.len(), whole=~wanted["variant"]
    )
    best = wanted.sort_values(["is_version", "whole", "rank", "digits", "length", "tag"]).drop_duplicates(
        ["registry", "repository", "digest"], keep="last"
    )
    columns = ["is_version", "prerelease", "digits", *_OF_VERSION]
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
    for name in _OF_VERSION:
        best_of = found[f"{name}_best"].where(found["is_version_best"].eq(True), found[name] if name == "line" else -1)
        found[name] = np.where(found["is_version"], found[name], best_of).astype("int64")
    found["prerelease"] = np.where(found["is_version"], found["prerelease"], found["prerelease_best"].eq(True))
    return found


def _behind_by_version(uses: pd.DataFrame, releases: pd.DataFrame) -> pd.DataFrame:
    ladder = Ladder.of(releases["line"].to_numpy(), releases["rank"].to_numpy())
    line, place = uses["line"].to_numpy(), uses["rank"].to_numpy()
    known = uses["ranked"].to_numpy(dtype=bool)
    behind = np.where(known, ladder.newer(line, np.maximum(place, 0)), -1)

    numbers = ("major", "minor", "patch", "fourth")
    parts = releases.drop_duplicates("rank").set_index("rank")[[*numbers, "prerelease"]]
    top = parts.reindex(ladder.top(line))
    same = [top[name].to_numpy() == uses[name].to_numpy() for name in numbers]
    major, minor, patch, fourth = np.logical_and.accumulate(same) if len(uses) else same
    early = uses["prerelease"].to_numpy(dtype=bool) | top["prerelease"].eq(True).to_numpy()
    separations = [fourth & early, fourth, patch | minor, major]
    kind = np.select(separations, ["pre-release", "revision", "patch", "minor"], "major")
    uses["behind"] = behind
    uses["kind"] = pd.Series(kind.astype(object), index=uses.index).where(behind > 0, None)
    return _with_newer_patch(uses, releases)


def _with_newer_patch(uses: pd.DataFrame, releases: pd.DataFrame) -> pd.DataFrame:
    """Add `newer_patch`, and what that `newer_is`: the highest tag of the same minor version; of the same major one
    where versions have two numbers, because 16.10 is to 16.4 what 1.4.2 is to 1.4.1."""
    ordered = releases.sort_values("rank")
    found = pd.Series(None, index=uses.index, dtype=object)
    for of_two, shared in ((False, ["line", "major", "minor"]), (True, ["line", "major"])):
        highest = ordered.drop_duplicates(shared, keep="last")[[*shared, "rank", "tag"]]
        highest = highest.rename(columns={"rank": "highest", "tag": "newer"})
        here = uses.loc[uses["ranked"] & uses["parts"].eq(2).eq(of_two), [*shared, "rank"]]
        joined = here.reset_index().merge(highest, on=shared, how="inner")
        joined = joined[joined["highest"] > joined["rank"]]
        found.loc[joined["index"]] = joined["newer"].to_numpy()
    return uses.assign(newer_patch=found, newer_is=np.where(uses["parts"].eq(2), "minor version", "patch"))


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


def _newest_versions(releases: pd.DataFrame, uses: pd.DataFrame, count: int) -> pd.DataFrame:
    """The newest of the variants that are deployed, the head of each first; of a product that runs nowhere, those
    without a variant, or all."""
    line = releases["line"]
    deployed = line.isin(set(uses.loc[uses["ranked"], "line"]))
    runs = releases["code"].isin(set(releases.loc[deployed, "code"]))
    whole = releases["code"].isin(set(releases.loc[~releases["variant"], "code"]))
    ordered = releases[np.where(runs, deployed, ~whole | ~releases["variant"])]
    ordered = ordered.assign(length=ordered["tag"].str.len())
    ordered = ordered.sort_values(["code", "rank", "length", "tag"], ascending=[True, False, True, True])
    ordered = ordered.drop_duplicates(["code", "line", "rank"])
    ordered = ordered.assign(follows=ordered.groupby("line").cumcount() > 0)
    ordered = ordered.sort_values(["code", "follows"], kind="stable")
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
