"""The evidence of a migration plan: what must be there, whole and fresh, before one is made (law 1)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from registry_core.copy_rule import CopyRule
from registry_core.coverage import Gap
from registry_core.errors import IncompleteSnapshot, PlanStale
from registry_core.limits import Limits
from registry_core.policy_spans import print_age, print_span
from registry_core.retention_evidence import Evidence, Snapshot

_CLOCKS_DIFFER = timedelta(minutes=5)


def refuse_bad_evidence(
    rule: CopyRule, evidence: Evidence, limits: Limits, *, now: datetime, unlisted: Gap | None = None
) -> None:
    """Raise the first thing that makes the evidence unfit: IncompleteSnapshot or PlanStale.

    A repository that the catalog could not read does not stop a plan: it stands in it as unreadable. A list of
    repositories that did not come whole (`unlisted`) does, because nobody can name what is not in it.
    """
    for error in faults_of_evidence(rule, evidence, limits, now=now, unlisted=unlisted):
        raise error


def faults_of_evidence(
    rule: CopyRule, evidence: Evidence, limits: Limits, *, now: datetime, unlisted: Gap | None = None
) -> Iterator[IncompleteSnapshot | PlanStale]:
    """Everything that makes the evidence unfit, gaps first."""
    for cluster in rule.selection.in_use:
        inventory = evidence.inventories.get(cluster)
        if inventory is None:
            yield IncompleteSnapshot(
                f"no plan for {rule.name}: the cluster {cluster} has no inventory, so what it uses is unknown;"
                f" materialize cluster_inventory for {cluster}"
            )
        elif not inventory.coverage.complete:
            yield IncompleteSnapshot(
                f"no plan for {rule.name}: the inventory of {cluster} is {inventory.coverage.summary()};"
                " repair that and materialize cluster_inventory again"
            )
    if unlisted is not None and not unlisted.excused:
        yield IncompleteSnapshot(
            f"no plan for {rule.name}: the catalog of {rule.source} does not know all repositories ({unlisted.detail});"
            " repair that and materialize registry_catalog again"
        )
    yield from _stale(rule, evidence.catalog, f"the catalog of {rule.source}", limits.max_catalog_age,
                      "max_catalog_age", now)  # fmt: skip
    for cluster in rule.selection.in_use:
        if cluster in evidence.inventories:
            what = f"the inventory of {cluster}"
            yield from _stale(rule, evidence.inventories[cluster], what, limits.max_inventory_age,
                              "max_inventory_age", now)  # fmt: skip


def _stale(
    rule: CopyRule, snapshot: Snapshot, what: str, most: timedelta, setting: str, now: datetime
) -> Iterator[PlanStale]:
    age = snapshot.age(now)
    if age > most:
        yield PlanStale(
            f"no plan for {rule.name}: {what} is {print_age(age)} old and limits.{setting} is {print_span(most)};"
            " materialize it again"
        )
    elif age < -_CLOCKS_DIFFER:
        yield PlanStale(
            f"no plan for {rule.name}: {what} is {print_age(-age)} in the future, so a clock is wrong; set the clocks"
            " and materialize it again"
        )
