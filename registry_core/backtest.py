"""Back-test: what a policy would have deleted in the past that was used afterwards.

The past is rebuilt from sightings: a row was there at every snapshot between its `first_seen_at` and
`last_seen_at`. What a sighting does not know (a pull from outside our clusters) the back-test does not know either.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np
import pandas as pd

from registry_core.catalog import CatalogFrames
from registry_core.policy_rules import Policies
from registry_core.policy_spans import print_window
from registry_core.retention import decide
from registry_core.retention_decisions import Decisions
from registry_core.retention_evidence import Evidence
from registry_core.retention_names import listed
from registry_core.usage import UsageFrames

#: `backtest`: a row an image that would have gone and was used afterwards. `deleted_at` is the first moment of the
#: replay at which the policy let it go, `used_at` the first use seen after that, `used_by` as in a reason,
#: `seen_within` the window of its entry, within which no use of it counted then: `30d`, `now`, `forever`.
BACKTEST_COLUMNS = ("repository", "digest", "tags", "deleted_at", "used_at", "used_by", "seen_within", "reasons")

_SEEN = ("first_seen_at", "last_seen_at")


@dataclass(frozen=True)
class Sightings:
    """All that was ever seen of one registry: frames with `first_seen_at` and `last_seen_at`."""

    catalog: CatalogFrames
    usage: UsageFrames
    history_began_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Period:
    """Moments to replay: from `begin` to `end`, both included, `step` apart."""

    begin: datetime
    end: datetime
    step: timedelta = timedelta(days=1)

    def __iter__(self) -> Iterator[datetime]:
        if self.step <= timedelta(0):
            raise ValueError(f"the step of a back-test is {self.step}: write a span that goes forward (1d)")
        moment = self.begin
        while moment <= self.end:
            yield moment
            moment += self.step


def backtest(policies: Policies, sightings: Sightings, period: Period) -> pd.DataFrame:
    """Replay `policies` at every moment of `period`; BACKTEST_COLUMNS, in the order of deletion.

    Each moment is judged by itself, on what was there then, and an image is told once, at its first. A use of a
    child counts for its index. Costs one decision a moment.
    """
    told: set[tuple[str, str]] = set()
    rows: list[dict[str, object]] = []
    for moment in period:
        catalog = catalog_at(sightings.catalog, moment)
        if catalog.images.empty:
            continue
        evidence = Evidence.at(moment, registry=catalog.registry, history_began_at=sightings.history_began_at)
        usage = usage_at(sightings.usage, moment)
        decisions = decide(policies, catalog, usage, evidence=evidence)
        later = sightings.usage.usage[sightings.usage.usage["last_seen_at"] > moment]
        for row in _used_later(decisions, later):
            image = catalog.images.iloc[row]
            if (image["repository"], image["digest"]) not in told:
                told.add((image["repository"], image["digest"]))
                rows.append(_told(decisions, row, later, moment))
    return pd.DataFrame(rows, columns=list(BACKTEST_COLUMNS))


def catalog_at(catalog: CatalogFrames, moment: datetime) -> CatalogFrames:
    """The catalog as the last crawl at or before `moment` saw it; the children frame has no time."""
    known = pd.concat([frame[column] for frame in (catalog.images, catalog.tags) for column in _SEEN])
    crawls = known[known <= moment]
    crawl = crawls.max() if len(crawls) else pd.Timestamp(moment)

    def then(frame: pd.DataFrame, key: list[str]) -> pd.DataFrame:
        there = frame[(frame["first_seen_at"] <= crawl) & (frame["last_seen_at"] >= crawl)]
        return there.sort_values("first_seen_at").drop_duplicates(key, keep="last").reset_index(drop=True)

    return replace(
        catalog,
        images=then(catalog.images, ["repository", "digest"]),
        tags=then(catalog.tags, ["repository", "tag"]),
    )


def usage_at(usage: UsageFrames, moment: datetime) -> UsageFrames:
    """The usage as it was known at `moment`, with the uses that had ended by then: what of those counts, the entry of
    each repository says."""

    def then(frame: pd.DataFrame) -> pd.DataFrame:
        begun = frame[frame["first_seen_at"] <= moment].reset_index(drop=True)
        begun["last_seen_at"] = begun["last_seen_at"].where(begun["last_seen_at"] <= moment, pd.Timestamp(moment))
        return begun

    return replace(usage, usage=then(usage.usage), unresolved=then(usage.unresolved))


def _used_later(decisions: Decisions, later: pd.DataFrame) -> list[int]:
    graph = decisions.facts.nodes.graph
    rows = graph.rows_at(later["repository"], later["digest"])
    used = graph.closure(rows[rows >= 0], down=False, up=True, referrers=False)
    return [int(row) for row in np.flatnonzero(decisions.evicted & used)]


def _told(decisions: Decisions, row: int, later: pd.DataFrame, moment: datetime) -> dict[str, object]:
    nodes = decisions.facts.nodes
    entry = int(decisions.facts.entries[nodes.repository[row]])
    parts = np.append(nodes.graph.closure(np.array([row]), referrers=False), False)
    uses = later[parts[nodes.graph.rows_at(later["repository"], later["digest"])]]
    begun = uses["first_seen_at"].where(uses["first_seen_at"] >= moment, pd.Timestamp(moment))
    workloads = sorted(set(uses["cluster"] + "/" + uses["namespace"] + "/" + uses["owner_name"]))
    return {
        "repository": nodes.names[nodes.repository[row]],
        "digest": decisions.words.names.digest[row],
        "tags": ", ".join(decisions.words.names.tags_of(row)),
        "deleted_at": pd.Timestamp(moment),
        "used_at": begun.min(),
        "used_by": listed(workloads),
        "seen_within": print_window(decisions.facts.policies.entries[entry].seen_within),
        "reasons": "; ".join(decisions.words.of(row)),
    }
