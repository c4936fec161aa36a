"""Make the eviction plan of one registry: gather, decide, write down, check; file it unless the same one waits."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime, timedelta

import numpy as np

from assets.taking.evidence import Evidence as Gathered
from assets.taking.evidence import gather_evidence
from assets.taking.past_usage import with_the_past
from assets.taking.usage import join_evidence
from registry_core.eviction import Plan, make_plan
from registry_core.eviction_brakes import refuse_bad_evidence, refuse_unnamed
from registry_core.eviction_check import PlanProblem, check_plan
from registry_core.eviction_duration import expected_duration
from registry_core.eviction_summary import PlanSummary, summarise
from registry_core.limits import Limits
from registry_core.policy import read_policies
from registry_core.policy_rules import SEEN_WITHIN, Policies
from registry_core.policy_spans import FOREVER
from registry_core.registry_rows import owned
from registry_core.retention import decide
from registry_core.retention_decisions import Decisions
from registry_core.retention_evidence import Evidence, Snapshot
from resources.configuration.settings import Site
from resources.connections import Connections
from resources.database import snapshots
from resources.database.ledger_records import UNDECIDED, PlanRecord
from resources.registry.providers.choice import removes_single_tags

#: A waiting plan of which less than this part of its life is over is kept when nothing changed.
_STILL_YOUNG = 0.5


@dataclass(frozen=True)
class MadePlan:
    """A plan, what it says in figures, and whether it was filed.

    `record` is None where the checks forbid it (`problems`). `is_new` is False where the same plan was waiting
    already and stands.
    """

    plan: Plan
    summary: PlanSummary
    problems: tuple[PlanProblem, ...]
    record: PlanRecord | None
    is_new: bool
    oldest: Snapshot = field(repr=False)
    expected: timedelta = timedelta()  #: about how long carrying it out takes


def take_plan(
    connections: Connections, registry: str, *, run_id: str | None = None, policies: Policies | None = None
) -> MadePlan:
    """Make the plan by the newest evidence, check it and file it; `policies` None: those of the configuration.

    `policies` that are given say by themselves what goes, so that a second copy that no workload names can follow what
    its source deleted.

    A plan with the same entries, policies and limits that waits for a decision and is young stands instead, so
    that nobody finds the form they fill in superseded by a newer inventory. Raises ConfigError without policies,
    IncompleteSnapshot, PlanStale and LimitExceeded where no plan can be made, Refused where no workload names the
    registry and the configuration does not expect that.
    """
    now = datetime.now(UTC)
    gathered = gather_evidence(connections, registry)
    limits = limits_of(connections.site)
    decisions = decide_by(connections, gathered, policies or read_policies(connections.site.policies))
    if policies is None:
        refuse_bad_evidence(decisions.facts.evidence, limits, now=now)  # of what was not read, silence says nothing
        refuse_unexpected_silence(connections, gathered)
    single_tags = removes_single_tags(connections.registry_settings(registry))
    plan = make_plan(decisions, limits, now=now, can_remove_single_tags=single_tags)
    plan = replace(plan, basis=replace(plan.basis, own_policies=policies is not None))
    problems = check_plan(plan, decisions.facts, now=now)
    waiting = _waiting(connections, registry)
    standing = waiting if waiting and not problems and _is_the_same(waiting, plan, now) else None
    plan = standing or plan
    # One with nothing in it is filed as well: it supersedes what waits and is no longer true.
    record = None if problems else connections.history.ledger.save_plan(plan, made_at=now, run_id=run_id)
    evidence = decisions.facts.evidence
    return MadePlan(
        plan=plan,
        summary=summarise(plan, last_images=_last_images(connections, plan)),
        problems=problems,
        record=record,
        is_new=standing is None,
        oldest=min((evidence.catalog, *evidence.decisive.values()), key=lambda snapshot: snapshot.as_of),
        expected=expected_duration(plan, _tags_by_repository(decisions)),
    )


def _tags_by_repository(decisions: Decisions) -> dict[str, int]:
    """Tags of each repository, kept ones included: a registry looks through all of them for a deletion."""
    nodes = decisions.facts.nodes
    counts = np.bincount(nodes.tag_repository[nodes.tag_repository >= 0], minlength=len(nodes.names))
    return dict(zip(nodes.names.tolist(), counts.tolist(), strict=True))


def decide_now(connections: Connections, registry: str, policies: Policies | None = None) -> Decisions:
    """Decide over every image of a registry by the newest evidence; `policies` None: those of the configuration."""
    policies = policies or read_policies(connections.site.policies)
    return decide_by(connections, gather_evidence(connections, registry), policies)


def decide_by(connections: Connections, gathered: Gathered, policies: Policies) -> Decisions:
    """Decide over every image of a registry by this evidence."""
    usage, evidence = join_evidence(connections, gathered), evidence_of(connections, gathered)
    # Not less than the default: what a tag named that a workload asks for in vain, is known from the past alone.
    back = max(policies.longest_window, SEEN_WITHIN)
    since = None if back == FOREVER else evidence.as_of - back
    usage = with_the_past(connections, gathered.catalog, usage, since=since)
    return decide(policies, gathered.catalog, usage, evidence=evidence)


def refuse_unexpected_silence(connections: Connections, gathered: Gathered) -> None:
    """Raise Refused where no reference of any inventory names the registry, unless its settings expect no use."""
    settings = connections.registry_settings(gathered.registry)
    if not settings.expect_no_use:
        names = connections.site.directory.names_of(gathered.registry)
        refuse_unnamed(names, settings.names, gathered.inventory)


def evidence_of(connections: Connections, gathered: Gathered) -> Evidence:
    """The snapshots of gathered evidence, as a decision stands on them."""
    site = connections.site
    return Evidence(
        registry=gathered.registry,
        origin=connections.registry_settings(gathered.registry).origin,
        unnamed=not owned(gathered.inventory, site.directory.names_of(gathered.registry)).any(),
        catalog=basis_of(gathered.catalog_snapshot),
        inventories={one.source: basis_of(one) for one in gathered.inventory_snapshots},
        required=tuple(name for name, cluster in site.clusters.items() if cluster.required),
        history_began_at=connections.history.began_at(gathered.registry),
    )


def limits_of(site: Site) -> Limits:
    """The limits of the configuration, as the core knows them."""
    return Limits(**{one.name: getattr(site.limits, one.name) for one in fields(Limits)})


def basis_of(stored: snapshots.Snapshot) -> Snapshot:
    """A stored snapshot, as a decision and a plan name it."""
    return Snapshot(id=str(stored.id), as_of=stored.as_of, coverage=stored.coverage)


def _waiting(connections: Connections, registry: str) -> Plan | None:
    ledger = connections.history.ledger
    records = ledger.plans(registry, UNDECIDED, kind="eviction", limit=1)
    return ledger.plan(records[0].fingerprint, Plan).plan if records else None


def _is_the_same(waiting: Plan, made: Plan, now: datetime) -> bool:
    old, new = waiting.basis, made.basis
    return (
        waiting.entries == made.entries
        and (old.origin, old.unnamed) == (new.origin, new.unnamed)
        and (old.policies.to_json(), old.limits) == (new.policies.to_json(), new.limits)
        and now - old.as_of < _STILL_YOUNG * old.limits.max_plan_age
    )


def _last_images(connections: Connections, plan: Plan) -> int | None:
    """Images of the plan before this one."""
    records = connections.history.ledger.plans(plan.basis.registry, kind="eviction", limit=2)
    return next((record.counted for record in records if record.fingerprint != plan.fingerprint), None)
