"""Make the plan by which a destination follows what its source deleted; file it for a decision."""

from __future__ import annotations

from dataclasses import dataclass

from assets.taking.plan import MadePlan, take_plan
from assets.taking.replication import take_replication_status
from registry_core.approval import ApprovalRules
from registry_core.policy import read_policies
from registry_core.policy_rules import Policies
from registry_core.replication_deletions import deletion_policies
from resources.connections import Connections


@dataclass(frozen=True)
class MadeDeletions:
    """`made` None: the source deleted nothing that the destination still has, or nothing of it may be planned."""

    destination: str
    gone: int
    left_out: tuple[str, ...]
    made: MadePlan | None


def take_replicated_deletions(
    connections: Connections, name: str, approvers: ApprovalRules, *, run_id: str | None = None
) -> MadeDeletions:
    """An eviction plan at the destination of exactly what the source deleted; whatever there is a reason to keep stays.

    It supersedes an eviction plan of the destination that waits. Raises what `take_plan` raises.
    """
    status = take_replication_status(connections, name, approvers)
    destination = status.rule.destination
    if not status.gone:
        return MadeDeletions(destination, 0, (), None)
    written = connections.site.policies
    site = read_policies(written) if written else Policies(())
    found = deletion_policies(status.gone, connections.history.read_catalog(destination).tags, site)
    made = None
    if found.policies is not None:
        made = take_plan(connections, destination, run_id=run_id, policies=found.policies)
    return MadeDeletions(destination, len(status.gone), found.left_out, made)
