"""Make the plan by which a destination follows what its source deleted; file it for a decision.

The catalogs tell what seems to be deleted; the source is then asked about each tag by name, because a plan stands on an
answer, never on a list in which something is lacking.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from assets.taking.plan import MadePlan, decide_now, take_plan
from assets.taking.replication import take_replication_status
from registry_core.approval import ApprovalRules
from registry_core.errors import IncompleteSnapshot
from registry_core.plain_rows import plain_rows
from registry_core.policy import read_policies
from registry_core.policy_rules import Policies
from registry_core.replication_deletions import deletion_policies
from registry_core.replication_status import Gone, ReplicationStatus
from resources.connections import Connections
from resources.registry.client import RegistryClient
from resources.registry.providers.choice import removes_single_tags
from resources.registry.resolving import Resolved, resolve_all


@dataclass(frozen=True)
class MadeDeletions:
    """`gone` tags were deleted at the source and are still at the destination. `made` None: there are none, or nothing
    of them may be planned, so that no plan is filed. `left_out` says what is not known to be deleted, or is protected;
    `kept` what else stays, and what keeps it."""

    destination: str
    gone: int
    left_out: tuple[str, ...]
    made: MadePlan | None
    kept: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        """What was found, and what becomes of it."""
        if not self.gone:
            return "the source deleted nothing that the destination still has"
        tags = "tag that the source deleted is" if self.gone == 1 else "tags that the source deleted are"
        fate = "it is kept" if self.gone == 1 else "all of them are kept"
        return f"{self.gone:,} {tags} still at {self.destination}" + ("" if self.made is not None else f", and {fate}")


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
    made, kept = None, dict[Gone, str]()
    if found.policies is not None:
        unprotected = [one for one in gone if found.policies.entry_of(one.to_repository) is not None]
        kept = _kept(connections, destination, unprotected, found.policies)
        if len(kept) < len(unprotected):  # an empty plan would take the place of one that waits
            made = take_plan(connections, destination, run_id=run_id, policies=found.policies)
    return MadeDeletions(destination, len(gone), (*still_there, *found.left_out), made, tuple(kept.values()))


def _kept(connections: Connections, destination: str, gone: Iterable[Gone], policies: Policies) -> dict[Gone, str]:
    """Which of the deleted tags stay at the destination, and what keeps each."""
    decisions = decide_now(connections, destination, policies)
    catalog = decisions.facts.nodes.catalog
    loose = decisions.single_tags if removes_single_tags(connections.registry_settings(destination)) else None
    single = set() if loose is None else set(plain_rows(catalog.tags[loose], ("repository", "tag")))
    kept: dict[Gone, str] = {}
    for one in gone:
        row = decisions.row_of(one.to_repository, one.digest)
        name = f"{one.to_repository}:{one.tag}"
        if row is None:
            kept[one] = f"{name} is not in the catalog of {destination}; materialize it again"
        elif not decisions.evicted[row] and (one.to_repository, one.tag) not in single:
            kept[one] = f"{name} is kept: {'; '.join(decisions.reasons_of(one.to_repository, one.digest))}"
    return kept


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
