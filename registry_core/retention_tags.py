"""Tag rules: which tags `keep_tags` and `keep_versions` keep."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from registry_core.globs import compile_globs
from registry_core.policy_rules import KeepVersions
from registry_core.retention_facts import Facts
from registry_core.retention_nodes import Array
from registry_core.retention_order import UNKNOWN
from registry_core.retention_reasons import Reason
from registry_core.versions import version_table

_AT_ONCE = 250_000
_GROUPS = {"major": ["major"], "minor": ["major", "minor"], "patch": ["major", "minor", "patch"]}


def reasons_of_tags(facts: Facts) -> Array:
    """Reasons of each tag (TAG, VERSION, VERSION_ORDER).

    A tag that is named for a subject matches no rule while that is stored.
    """
    nodes = facts.nodes
    reasons = np.zeros(len(nodes.tag_image), dtype=np.uint32)
    tags = nodes.catalog.tags["tag"].astype(object)  # distinct texts are looked at one by one
    # A version of an image that the registry has lost takes no place of one that it has.
    stored = np.append(facts.shape.stored, False)[nodes.tag_image]
    candidates = (nodes.tag_is_own | facts.subjects.unknown_tags) & stored
    entry_of_tag = np.append(facts.entries, -1)[nodes.tag_repository]
    for number, entry in enumerate(facts.policies.entries):
        if not entry.keep_tags and entry.keep_versions is None:
            continue
        for rows in _a_few_at_a_time(np.flatnonzero(candidates & (entry_of_tag == number)), nodes.tag_repository):
            here = tags.iloc[rows]
            if entry.keep_tags:
                matched = compile_globs(entry.keep_tags).match_series(here).to_numpy()
                reasons[rows[matched]] |= np.uint32(Reason.TAG)
            if entry.keep_versions is not None:
                versions = _Versions.of(entry.keep_versions, here, nodes.tag_repository[rows])
                kept = versions.kept()
                reasons[rows[kept]] |= np.uint32(Reason.VERSION)
                late = versions.pushed_after(kept, facts.dates[nodes.tag_image[rows]])
                reasons[rows[late]] |= np.uint32(Reason.VERSION_ORDER)
    return reasons


def _a_few_at_a_time(rows: Array, repository: Array) -> Iterator[Array]:
    """The rows in parts of about _AT_ONCE, those of one repository together: what is looked up for millions of
    texts at once takes more memory than all that is known of them."""
    rows = rows[np.argsort(repository[rows], kind="stable")]
    begins = np.flatnonzero(np.diff(repository[rows], prepend=-1))
    start = 0
    while start < len(rows):
        place = int(np.searchsorted(begins, start + _AT_ONCE))
        end = int(begins[place]) if place < len(begins) else len(rows)
        yield rows[start:end]
        start = end


@dataclass(frozen=True, eq=False)
class _Versions:
    """Tags of some repositories as one rule reads them: a row a tag that is a version and counts, by its place."""

    rule: KeepVersions
    table: pd.DataFrame = field(repr=False)
    tags: int

    @classmethod
    def of(cls, rule: KeepVersions, tags: pd.Series[str], repository: Array) -> _Versions:
        table = version_table(tags, rule.pattern).reset_index(drop=True)
        table["repository"] = repository
        counted = table["is_version"] if rule.prereleases else table["is_version"] & ~table["prerelease"]
        return cls(rule, table[counted], len(table))

    def kept(self) -> Array:
        """Which tags are the newest of one of the newest groups of their repository. Equals are all kept.

        What follows a `_` may be build metadata, as Helm writes it, or a variant (`1.2.4_amd64`): such tags are
        kept as versions, and take no place from those without.
        """
        kept = np.zeros(self.tags, dtype=bool)
        written = pd.MultiIndex.from_frame(self.table[["repository", "rank"]])
        plain = self.table[~self.table["build"]]
        for versions in (self.table, plain) if len(plain) < len(self.table) else (self.table,):
            kept[self.table.index] |= written.isin(self._newest(versions))
        return kept

    def _newest(self, versions: pd.DataFrame) -> pd.MultiIndex:
        newest = versions.groupby(["repository", *_GROUPS[self.rule.per]], sort=False)["rank"].transform("max")
        heads = versions[versions["rank"].eq(newest)].drop_duplicates(["repository", "rank"])
        place = heads.groupby("repository", sort=False)["rank"].rank(method="first", ascending=False)
        return pd.MultiIndex.from_frame(heads.loc[place.le(self.rule.last), ["repository", "rank"]])

    def pushed_after(self, kept: Array, dates: Array) -> Array:
        """Which other tags of the very numbers of a kept pre-release, or release, are of a later date than that.

        Within one major.minor.patch the order is that of words, which a team may mean otherwise than we read it
        (`1.4.0-final` before `1.4.0-rc1`). Where the dates say the opposite, in doubt both stay. Between versions of
        other numbers a later push says nothing: 1.4.9 may follow 2.0.0.
        """
        late = np.zeros(self.tags, dtype=bool)
        numbers = self.table[["repository", "major", "minor", "patch"]].assign(date=dates[self.table.index])
        first = numbers[kept[self.table.index] & numbers["date"].ne(UNKNOWN)]
        if len(first) == len(numbers) or first.empty:
            return late
        earliest = first.groupby(["repository", "major", "minor", "patch"], sort=False)["date"].min().rename("earliest")
        joined = numbers.join(earliest, on=["repository", "major", "minor", "patch"])
        asked = joined["date"].ne(UNKNOWN) & joined["earliest"].notna()
        late[joined.index] = (asked & joined["date"].gt(joined["earliest"])).to_numpy() & ~kept[joined.index]
        return late
