"""The brakes: evidence that is not to be believed and plans that are too large are refused, each in one sentence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

import pandas as pd

from registry_core.catalog_gaps import why_not_believed
from registry_core.errors import IncompleteSnapshot, LimitExceeded, PlanStale, Refused
from registry_core.limits import Limits
from registry_core.policy_spans import print_age, print_span
from registry_core.registry_directory import RegistryNames
from registry_core.registry_identity import most_similar
from registry_core.registry_rows import owned
from registry_core.retention_evidence import Evidence, Snapshot

_CLOCKS_DIFFER = timedelta(minutes=5)


def refuse_bad_evidence(evidence: Evidence, limits: Limits, *, now: datetime) -> None:
    """Raise IncompleteSnapshot or PlanStale for the first thing that makes the evidence unfit."""
    for error in faults_of_evidence(evidence, limits, now=now):
        raise error


def faults_of_evidence(
    evidence: Evidence, limits: Limits, *, now: datetime
) -> Iterator[IncompleteSnapshot | PlanStale]:
    """Everything that makes the evidence unfit for a plan, gaps first.

    A repository that the catalog could not read is no fault up to `limits.max_unread_share`: all of it is kept.
    """
    for cluster in sorted(set(evidence.required) - set(evidence.inventories)):
        yield IncompleteSnapshot(
            f"no plan for {evidence.registry}: the cluster {cluster} has no inventory, so what it uses is unknown;"
            f" materialize cluster_inventory for {cluster}"
        )
    if why := why_not_believed(evidence.catalog.coverage, most=limits.max_unread_share):
        yield IncompleteSnapshot(
            f"no plan for {evidence.registry}: its catalog is incomplete, {why}; repair that and materialize"
            " registry_catalog again"
        )
    for cluster, inventory in evidence.decisive.items():
        if not inventory.coverage.complete:
            yield IncompleteSnapshot(
                f"no plan for {evidence.registry}: the inventory of {cluster} is {inventory.coverage.summary()};"
                " repair that and materialize cluster_inventory again"
            )
    yield from _stale(evidence.catalog, "the catalog", limits.max_catalog_age, "max_catalog_age", evidence, now)
    for cluster, inventory in evidence.decisive.items():
        what = f"the inventory of {cluster}"
        yield from _stale(inventory, what, limits.max_inventory_age, "max_inventory_age", evidence, now)


def _stale(
    snapshot: Snapshot, what: str, most: timedelta, setting: str, evidence: Evidence, now: datetime
) -> Iterator[PlanStale]:
    age = snapshot.age(now)
    if age > most:
        yield PlanStale(
            f"no plan for {evidence.registry}: {what} is {print_age(age)} old and limits.{setting} is"
            f" {print_span(most)}; materialize it again"
        )
    elif age < -_CLOCKS_DIFFER:
        yield PlanStale(
            f"no plan for {evidence.registry}: {what} is {print_age(-age)} in the future, so a clock is wrong;"
            " set the clocks and materialize it again"
        )


def refuse_unnamed(names: RegistryNames, hosts: Sequence[str], inventory: pd.DataFrame) -> None:
    """Raise Refused where no reference of an inventory (`registry` and `repository` of INVENTORY_COLUMNS) means the
    registry: the likeliest reason is a wrong host, and then nothing would count as in use.

    `hosts` are its names in the configuration. Images that only run under the digest of one stored here name nothing.
    """
    if owned(inventory, names).any():
        return
    seen = inventory["registry"].dropna().unique().tolist()
    similar = list(dict.fromkeys(near for host in hosts for near in most_similar(host, seen)))
    others = (
        f"the most similar hosts in use are {', '.join(similar[:3])}"
        if similar
        else f"the hosts in use are {', '.join(sorted(seen)[:3])}{', …' if len(seen) > 3 else ''}"
        if seen
        else "the inventories name no registry at all"
    )
    raise Refused(
        f"no plan for {names.registry}: no workload of any cluster names {' or '.join(hosts)}, and {others}; correct"
        f" `hosts` or `also_known_as` of `registries.{names.registry}`, or write `expect_no_use: true` there if nothing"
        " is to run from it"
    )


def refuse_beyond_limits(limits: Limits, *, images_in_use: int, evicted: int, stored: int) -> None:
    """Raise LimitExceeded for the first limit that would be broken."""
    for error in broken_limits(limits, images_in_use=images_in_use, evicted=evicted, stored=stored):
        raise error


def broken_limits(limits: Limits, *, images_in_use: int, evicted: int, stored: int) -> Iterator[LimitExceeded]:
    """Every limit that a plan of `evicted` among `stored` images would break, with its figure and its setting."""
    if images_in_use < limits.min_images_in_use:
        yield LimitExceeded(
            f"no plan: {images_in_use:,} stored images are in use and limits.min_images_in_use is"
            f" {limits.min_images_in_use:,}, so the inventory is not believed; look at image_usage first"
        )
    if evicted > limits.max_evicted_images:
        yield LimitExceeded(
            f"no plan: {evicted:,} images would go and limits.max_evicted_images is {limits.max_evicted_images:,};"
            " keep more, or raise that limit"
        )
    if stored and evicted / stored > limits.max_evicted_share:
        yield LimitExceeded(
            f"no plan: {evicted:,} of {stored:,} images ({evicted / stored:.1%}) would go and"
            f" limits.max_evicted_share is {limits.max_evicted_share:.1%}; keep more, or raise that limit"
        )
