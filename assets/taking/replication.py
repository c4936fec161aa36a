"""How one replication stands, by the newest catalogs and what its runs wrote down. No registry is asked."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from assets.taking.copy_choice import located, take_choice
from assets.taking.plan import limits_of
from assets.taking.whole_site import catalog_of
from registry_core.approval import ApprovalRules
from registry_core.errors import ConfigError, IncompleteSnapshot, PlanStale
from registry_core.migration_words import Chosen
from registry_core.policy_spans import print_age, print_span
from registry_core.replication import ReplicationRule
from registry_core.replication_judgement import judge_replication
from registry_core.replication_status import ReplicationStatus, SourceSeen
from resources.connections import Connections


def replication_rule(connections: Connections, name: str) -> ReplicationRule:
    """The rule as the file has it. Raises ConfigError for a name that the file does not know."""
    replications = connections.site.replications
    if name not in replications:
        raise ConfigError(
            f"no replication is called {name}; configured are: {', '.join(replications) or 'none'}",
            subject="replications",
        )
    standing = replications[name].standing_rule(name)
    return replace(standing, rule=located(connections, standing.rule))


def file_rule(connections: Connections, name: str, *, run_id: str | None = None) -> ReplicationRule:
    """The same, filed where people decide over it; nothing changes where it was filed before."""
    rule = replication_rule(connections, name)
    connections.ledger.save_plan(rule, made_at=datetime.now(UTC), run_id=run_id)
    return rule


def take_replication_status(
    connections: Connections, name: str, approvers: ApprovalRules, *, now: datetime | None = None
) -> ReplicationStatus:
    """The status of one rule, also where the evidence is not fit to copy by: then it says what is lacking."""
    rule, now = file_rule(connections, name), now or datetime.now(UTC)
    history, copies = connections.history, rule.rule
    unread: list[str] = []
    chosen: list[Chosen] = []
    try:
        chosen = take_choice(connections, copies, limits_of(connections.site), now=now).chosen
    except (IncompleteSnapshot, PlanStale) as error:
        unread.append(str(error))
    destination = catalog_of(connections, copies.destination)
    most = connections.site.limits.max_catalog_age
    if destination.as_of is not None and now - destination.as_of > most:
        unread.append(
            f"the catalog of {copies.destination} is {print_age(now - destination.as_of)} old and"
            f" limits.max_catalog_age is {print_span(most)}; materialize it again"
        )
    return judge_replication(
        copies,
        SourceSeen(chosen=chosen, seen=catalog_of(connections, copies.source)),
        destination,
        history.replications.journal(name),
        fingerprint=rule.fingerprint,
        standing=connections.ledger.standing(rule, approvers),
        runs=history.replications.runs(name),
        events_waiting=_events_waiting(connections, rule),
        unread=unread,
    )


def _events_waiting(connections: Connections, rule: ReplicationRule) -> int:
    scope = rule.rule.selection.scope()
    waiting = connections.history.push_events.waiting()
    return sum(event.registry == rule.rule.source and event.repository in scope for event in waiting)
