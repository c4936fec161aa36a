"""Make the plan by which a destination follows what its source deleted; file it for a decision.

The catalogs tell what seems to be deleted; the source is then asked about each tag by name, because a plan stands on an
answer, never on a list in which something is lacking.
"""

from __future__ import annotations

from dataclasses import dataclass

from assets.taking.plan import MadePlan, take_plan
from assets.taking.replication import take_replication_status
from registry_core.approval import ApprovalRules
from registry_core.errors import IncompleteSnapshot
from registry_core.policy import read_policies
from registry_core.policy_rules import Policies
from registry_core.replication_deletions import deletion_policies
from registry_core.replication_status import Gone, ReplicationStatus
from resources.connections import Connections
from resources.registry.client import RegistryClient
from resources.registry.resolving import Resolved, resolve_all


@dataclass(frozen=True)
class MadeDeletions:
    """`made` None: the source deleted nothing that the destination still has, or nothing of it may be planned.
    `left_out` says what stays, and why."""

    destination: str
    gone: int
    left_out: tuple[str, ...]
    made: MadePlan | None


def take_replicated_deletions(
    connections: Connections, name: str, approvers: ApprovalRules, *, run_id: str | None = None
) -> MadeDeletions:
    """An eviction plan at the destination of exactly what the source deleted; whatever there is a reason to keep stays.

    It supersedes an eviction plan of the destination that waits. Raises IncompleteSnapshot where it is not known what
    the source deleted, RegistryError where the source does not answer, and what `take_plan` raises.
    """
    status = take_replication_status(connections, name, approvers)
    destination = status.rule.destination
    if not status.gone:
        _refuse_what_is_not_known(status)
        return MadeDeletions(destination, 0, (), None)
    gone, still_there = _asked_by_name(connections, status)
    written = connections.site.policies
    site = read_policies(written) if written else Policies(())
    found = deletion_policies(gone, connections.history.read_catalog(destination).tags, site)
    made = None
    if found.policies is not None:
        made = take_plan(connections, destination, run_id=run_id, policies=found.policies)
    return MadeDeletions(destination, len(gone), (*still_there, *found.left_out), made)


def _refuse_what_is_not_known(status: ReplicationStatus) -> None:
    if status.unread:
        raise IncompleteSnapshot(
            f"no deletions of {status.rule.name} can be planned: what {status.rule.source} deleted is not known."
            f" {status.unread[0]}"
        )


def _asked_by_name(connections: Connections, status: ReplicationStatus) -> tuple[list[Gone], list[str]]:
    """What the source answers 404 for, and of the rest in words why it stays."""
    source = connections.registry(status.rule.source)
    RegistryClient(source).ping()
    wanted = {(one.repository, one.tag): one for one in status.gone}
    answers = {found.name: found for found in resolve_all(source, wanted)}
    gone = [one for name, one in wanted.items() if answers[name].fault == "missing"]
    return gone, [_why(found) for name, found in answers.items() if found.fault != "missing"]


def _why(found: Resolved) -> str:
    name = ":".join(found.name)
    if found.fault is None:
        return f"{name} is at the source again"
    return f"{name} could not be asked for at the source: {found.fault}: {found.detail}"
