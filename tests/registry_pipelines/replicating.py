"""A company that keeps a second copy: its registry replicated to another, two real servers, in a Dagster instance."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg

from assets.taking.progress import Progress
from assets.taking.replication import file_rule, take_replication_status
from registry_core.approval import Approval, ApprovalRules, Verdict
from registry_core.replication_status import ReplicationStatus
from registry_pipelines.approving.form import approval_form
from registry_pipelines.links import EXECUTE, approve_job
from registry_pipelines.replicating.run import Replicated, ReplicationRun, Trigger, replicate
from registry_pipelines.replication_jobs import replication_config
from tests.company import REGISTRY, Company
from tests.registry_pipelines.planning import filled_form, run_job

COPY = "copy.example.com"
RULE = "second-copy"
ALL_OF_HEALTH: dict[str, Any] = {"from": REGISTRY, "to": COPY, "what": {"repositories": ["health/*"], "all": True}}


def with_replication(
    company: Company,
    destination: Any,
    rule: dict[str, Any] | None = None,
    *,
    settings: dict[str, Any] | None = None,
    **sections: Any,
) -> None:
    """Configure a replication to `destination` (anything with a `.url`), and survey the company."""
    company.configure(
        registries={
            REGISTRY: {"url": company.registry.url, "hosts": [REGISTRY], "retries": 1, **company.extra},
            COPY: {"url": destination.url, "hosts": [COPY], "retries": 1, **(settings or {})},
        },
        replications={RULE: rule or ALL_OF_HEALTH},
        **sections,
    )
    company.survey()


def approve(company: Company, instance: dg.DagsterInstance, **filled: Any) -> dg.ExecuteInProcessResult:
    """Send the form that decides over the rule as it is now."""
    with company.connections() as connections:
        rule = file_rule(connections, RULE)
    form = {"rules": 1, "approver": "Alice", "reason": "a lost registry must stop nobody", **filled}
    config = filled_form(approval_form("replication", rule.fingerprint), **form)
    return run_job(company, instance, approve_job("replication"), config=config)


def run(company: Company, instance: dg.DagsterInstance, trigger: str = "manual") -> dg.ExecuteInProcessResult:
    return run_job(company, instance, EXECUTE["replication"], config=replication_config(RULE, trigger))


def copied(company: Company, trigger: Trigger = "manual", *, progress: Progress | None = None) -> Replicated:
    """A run without Dagster around it, by an approved rule."""
    with company.connections() as connections:
        run = ReplicationRun("by-hand", trigger, ApprovalRules(), lambda _: False)
        return replicate(connections, RULE, run, progress=progress)


def approve_by_hand(company: Company, *, decision: Verdict = "approve") -> None:
    """The decision over the rule as it is now, without Dagster."""
    with company.connections() as connections:
        rule, now = file_rule(connections, RULE), datetime.now(UTC)
        approval = Approval(
            fingerprint=rule.fingerprint, decision=decision, who="Alice", at=now, reason="as agreed", count=1,
            expires_at=now + timedelta(hours=1),
        )  # fmt: skip
        connections.ledger.file_decision(approval, ApprovalRules())


def status(company: Company) -> ReplicationStatus:
    with company.connections() as connections:
        return take_replication_status(connections, RULE, ApprovalRules())
