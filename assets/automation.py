"""When assets make themselves: as soon as their evidence is new, and all of it that is required is there.

Dagster's own `eager()` waits until no partition of any dependency is missing, and none is being made: one cluster that
is not required and was never read, or whose reading hangs, would stop every registry in silence. Here only what is
required is waited for; what waits is a failed check of the asset (`assets.evidence_checks`).

Two of the conditions are our own, so the sensor that evaluates them must do so in the code location
(`use_user_code_server=True`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime, timedelta

import dagster as dg
from dagster._core.asset_graph_view.entity_subset import EntitySubset

from registry_core.waiting import Lack, Wait

FindWaits = Callable[[], Sequence[Wait]]
"""Look up what waits for required evidence now."""

#: How long evidence that is being read is waited for, so that one round of readings makes everything once. A reading
#: that hangs longer than this holds nothing up.
LONGEST_READING = timedelta(minutes=10)

#: Assets whose partitions are sources, by what `Lack.kind` calls them.
_SOURCES = {"inventory": dg.AssetKey("cluster_inventory"), "catalog": dg.AssetKey("registry_catalog")}

_Condition = dg.AutomationCondition[dg.AssetKey]
_Context = dg.AutomationContext[dg.AssetKey]
_Result = dg.AutomationResult[dg.AssetKey]


def follow_evidence(required_clusters: Collection[str], find_waits: FindWaits) -> _Condition:
    """Make an asset when a dependency was updated, or a partition of it is new; but not while it is being made, while
    required evidence is being read, or before all evidence that it requires is there."""
    new = (dg.AutomationCondition.newly_missing() | dg.AutomationCondition.any_deps_updated()).since_last_handled()
    made = dg.AutomationCondition.any_deps_in_progress().ignore(dg.AssetSelection.assets(*_SOURCES.values()))
    return (
        new
        & ~dg.AutomationCondition.in_progress()
        & ~made
        & ~RequiredEvidenceIsBeingRead(required_clusters)
        & ~RequiredEvidenceIsMissing(find_waits)
    ).with_label("the evidence is new, and all of it that is required is there")


class RequiredEvidenceIsBeingRead(_Condition):
    """True for partitions of which a required source is being read, for `LONGEST_READING` at most. Its cursor is when
    that began to hold the asset up."""

    def __init__(self, required_clusters: Collection[str]) -> None:
        self._required_clusters = frozenset(required_clusters)

    @property
    def name(self) -> str:
        return "required_evidence_is_being_read"

    @property
    def description(self) -> str:
        return f"A required source is being read, since less than {LONGEST_READING.total_seconds() / 60:.0f} minutes"

    async def evaluate(self, context: _Context) -> _Result:  # type: ignore[override]  # as Dagster's own conditions
        held = context.get_empty_subset()
        if not context.candidate_subset.is_empty:
            for source in _SOURCES.values():
                held = held.compute_union(await self._being_read(context, source))
        if held.is_empty:
            return dg.AutomationResult(context, held)
        began = datetime.fromisoformat(context.cursor) if context.cursor else context.evaluation_time
        if context.evaluation_time - began > LONGEST_READING:
            held = context.get_empty_subset()
        return dg.AutomationResult(context, held, cursor=began.isoformat())

    async def _being_read(self, context: _Context, source: dg.AssetKey) -> EntitySubset[dg.AssetKey]:
        candidates, view = context.candidate_subset, context.asset_graph_view
        if source not in context.asset_graph.get(context.key).parent_keys:
            return context.get_empty_subset()
        wanted = candidates.compute_mapped_subset(source, direction="up")
        if source == _SOURCES["inventory"]:
            wanted = wanted.compute_intersection_with_partition_keys(self._required_clusters)
        elif not candidates.is_partitioned:  # made of all registries, none of which is required
            return context.get_empty_subset()
        reading = await view.compute_run_in_progress_subset(key=source, from_subset=wanted)
        return wanted.compute_intersection(reading).compute_mapped_subset(context.key, direction="down")


class RequiredEvidenceIsMissing(_Condition):
    """True for partitions that wait for evidence by the history of the site, which also knows what the command line
    read. What Dagster knows and the history does not is not waited for: the run fails and says so."""

    def __init__(self, find_waits: FindWaits) -> None:
        self._find_waits = find_waits
        self._found_at: datetime | None = None
        self._found: Sequence[Wait] = ()

    @property
    def name(self) -> str:
        return "required_evidence_is_missing"

    @property
    def description(self) -> str:
        return "Required evidence was never read, or is not fit for a plan; a failed check of the asset names it"

    @property
    def requires_cursor(self) -> bool:
        return False

    async def evaluate(self, context: _Context) -> _Result:  # type: ignore[override]  # as Dagster's own conditions
        candidates, nothing = context.candidate_subset, context.get_empty_subset()
        if candidates.is_empty:
            return dg.AutomationResult(context, nothing)
        asset = context.key.to_user_string()
        waits = [wait for wait in self._waits(context.evaluation_time) if wait.asset == asset]
        waiting = {wait.partition for wait in waits if not await _is_known_to_dagster(context, wait.lacks)}
        if not candidates.is_partitioned:
            return dg.AutomationResult(context, candidates if waiting else nothing)
        names = {partition for partition in waiting if partition is not None}
        return dg.AutomationResult(context, candidates.compute_intersection_with_partition_keys(names))

    def _waits(self, tick: datetime) -> Sequence[Wait]:
        """Looked up once for each tick, and not for each asset."""
        if self._found_at != tick:
            self._found, self._found_at = self._find_waits(), tick
        return self._found


async def _is_known_to_dagster(context: _Context, lacks: Iterable[Lack]) -> bool:
    """Whether all that was never read by the history was materialized all the same."""
    for lack in lacks:
        if not lack.never_read:
            return False
        source = context.asset_graph_view.get_full_subset(key=_SOURCES[lack.kind])
        missing = await context.asset_graph_view.compute_missing_subset(key=source.key, from_subset=source)
        if lack.source in missing.expensively_compute_partition_keys():
            return False
    return True
