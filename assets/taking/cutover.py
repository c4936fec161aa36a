"""Make the plan of one cut-over: read the clusters, look at the destination, write down, file."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from assets.taking.cutover_evidence import look_at_destination, read_clusters
from assets.taking.progress import Progress, Silent
from registry_core.cutover import Basis, CutoverPlan
from registry_core.cutover_decide import make_cutover_plan, wanted_platforms
from registry_core.errors import ConfigError
from resources.configuration.cutover_settings import CutoverSettings
from resources.configuration.settings import Site
from resources.connections import Connections
from resources.database.ledger_records import UNDECIDED, PlanRecord

#: A waiting plan of which less than this part of its life is over is kept when nothing changed.
_STILL_YOUNG = 0.5


@dataclass(frozen=True)
class MadeCutover:
    """A plan and its record. `is_new` is False where the same plan was waiting already and stands."""

    plan: CutoverPlan
    record: PlanRecord
    is_new: bool


def cutover_settings(site: Site, name: str) -> CutoverSettings:
    """The entry of the configuration. Raises ConfigError for a name that it does not have."""
    try:
        return site.cutovers[name]
    except KeyError:
        known = ", ".join(site.cutovers) or "none"
        raise ConfigError(f"no cut-over is called {name}; configured are: {known}", subject="cutovers") from None


def take_cutover_plan(
    connections: Connections, name: str, *, run_id: str | None = None, progress: Progress | None = None
) -> MadeCutover:
    """Make the plan by what the clusters and the destination say now, and file it.

    One that would do the same and waits for a decision, and is young, stands instead. Raises ConfigError,
    IncompleteSnapshot, PlanStale, ClusterError, RegistryError where no plan can be made.
    """
    tell = progress or Silent()
    cutover = cutover_settings(connections.site, name)
    clusters, found = read_clusters(connections, cutover, tell)
    destination = connections.registry_settings(cutover.to)
    basis = Basis(
        name=name,
        source=cutover.source,
        destination=cutover.to,
        host=destination.names[0],
        origin=destination.origin,
        clusters=clusters,
        namespaces=cutover.namespaces,
        rewriting=cutover.names.rewriting(),
        pin=cutover.pin,
        pull_secret=None if cutover.pull_secret is None else cutover.pull_secret.name,
        max_age=cutover.max_age or connections.site.limits.max_plan_age,
        second_person_above=cutover.second_person_above,
    )
    seen = look_at_destination(connections, cutover, wanted_platforms(found, basis), found, progress=tell)
    plan = make_cutover_plan(basis, found, seen)
    now = datetime.now(UTC)
    waiting = _waiting(connections, name)
    standing = waiting if waiting is not None and _does_the_same(waiting, plan) and _is_young(waiting, now) else None
    plan = standing or plan
    record = connections.history.ledger.save_plan(plan, made_at=now, run_id=run_id)
    return MadeCutover(plan, record, is_new=standing is None)


def _waiting(connections: Connections, name: str) -> CutoverPlan | None:
    ledger = connections.history.ledger
    records = ledger.plans(name, UNDECIDED, kind="cutover", limit=1)
    return ledger.plan(records[0].fingerprint, CutoverPlan).plan if records else None


def _is_young(plan: CutoverPlan, now: datetime) -> bool:
    age: timedelta = now - plan.as_of
    return age < plan.max_age * _STILL_YOUNG


def _does_the_same(one: CutoverPlan, other: CutoverPlan) -> bool:
    return _without_times(one) == _without_times(other)


def _without_times(plan: CutoverPlan) -> dict[str, Any]:
    """What it does, without when it was seen and what is only told."""
    document = plan.to_json()
    for entry in document["entries"]:
        del entry["notes"]
    for seen in document["basis"]["clusters"].values():
        del seen["as_of"]
    return document
