"""Usage in the past: which stored image each recorded use meant when it was seen.

A workload that ended named a tag. The tag may point elsewhere by then, or be gone: what it named at the time is what
the workload used.
"""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from registry_core.catalog import CatalogFrames
from registry_core.references import tag_named
from registry_core.registry_directory import RegistryNames
from registry_core.usage import USAGE_KEY, EnvironmentOf, UsageFrames, in_every_repository, join_usage

_TAG = ["repository", "tag"]
_POINTING = [*_TAG, "digest"]
_NEVER, _EVER = pd.Timestamp("1970-01-01", tz="UTC"), pd.Timestamp("2262-01-01", tz="UTC")  #: no bound


def join_past_usage(
    uses: pd.DataFrame,
    catalog: CatalogFrames,
    moved: pd.DataFrame,
    *,
    names: RegistryNames,
    environment_of: EnvironmentOf,
) -> pd.DataFrame:
    """USAGE_COLUMNS of recorded uses (INVENTORY_COLUMNS with the times at which each was seen) of one registry.

    `moved` are earlier sightings of tags (TAG_COLUMNS), those of `catalog` excepted. A use by tag is one of each image
    that the tag named while it was seen, for that time. Between two catalogs a tag may have moved at any moment, so
    that the use of then counts for both images; what a tag named when it was first or last seen, it named before and
    after.
    """
    stored = set(catalog.images["digest"])
    moved = moved[moved["digest"].notna()]
    spans = _spans(catalog.tags, moved)
    gone = moved[moved["digest"].isin(stored)]
    known = (
        catalog.tags if gone.empty else pd.concat([catalog.tags, gone], ignore_index=True).drop_duplicates(_POINTING)
    )
    joined = join_usage(
        uses, replace(catalog, tags=known), names=names, environment_of=environment_of, everywhere=False
    )
    return in_every_repository(_while_it_pointed_there(joined.usage, spans), catalog)


def with_past_usage(usage: UsageFrames, *past: pd.DataFrame) -> UsageFrames:
    """The usage with past uses (USAGE_COLUMNS): of one use that was seen several times, the last, and that of now
    where both were seen last, because it knows the pods."""
    columns = list(usage.usage.columns)
    both = pd.concat([*(frame[columns] for frame in past if len(frame)), usage.usage], ignore_index=True)
    both = both.sort_values("last_seen_at", kind="stable").drop_duplicates(list(USAGE_KEY), keep="last")
    return replace(usage, usage=both.reset_index(drop=True))


def _spans(tags: pd.DataFrame, moved: pd.DataFrame) -> pd.DataFrame:
    """From when until when each tag that has named several images may have named each of them (`begin`, `end`). A tag
    that came back to an image has one span over all."""
    near = tags[tags["tag"].isin(moved["tag"]) & tags["digest"].notna()]
    seen = pd.concat([moved, near], ignore_index=True)
    seen = seen[seen.groupby(_TAG, sort=False)["digest"].transform("nunique").gt(1)]
    seen = seen.sort_values([*_TAG, "first_seen_at", "last_seen_at"], kind="stable")
    by_tag = seen.groupby(_TAG, sort=False)
    seen = seen.assign(
        begin=by_tag["last_seen_at"].shift(1).fillna(_NEVER), end=by_tag["first_seen_at"].shift(-1).fillna(_EVER)
    )
    return seen.groupby(_POINTING, sort=False).agg(begin=("begin", "min"), end=("end", "max")).reset_index()


def _while_it_pointed_there(usage: pd.DataFrame, spans: pd.DataFrame) -> pd.DataFrame:
    """The uses, those by a tag that has moved cut to the time in which it named their image."""
    if spans.empty or usage.empty:
        return usage
    codes, texts = pd.factorize(usage["reference"])
    tags = pd.Series([tag_named(text) for text in texts], dtype=object).reindex(codes).to_numpy()
    wanted = usage[["repository", "digest"]].assign(tag=tags).where(usage["match"].eq("tag"))
    span = wanted.merge(spans, on=_POINTING, how="left").set_index(usage.index)
    first = usage["first_seen_at"].clip(lower=span["begin"].fillna(_NEVER))
    last = usage["last_seen_at"].clip(upper=span["end"].fillna(_EVER))
    return usage.assign(first_seen_at=first, last_seen_at=last)[first <= last].reset_index(drop=True)
