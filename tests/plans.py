"""Small plans and decisions, in one line."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from registry_core.approval import Approval, ApprovalRules
from registry_core.eviction import Basis, Plan
from registry_core.eviction_entries import Entry
from registry_core.limits import Limits
from registry_core.policy import read_policies
from registry_core.retention_evidence import Snapshot
from resources.database.ledger import Ledger
from resources.database.ledger_records import Claim

NOON = datetime(2026, 4, 1, 12, tzinfo=UTC)
ANYBODY = ApprovalRules()


def entry(number: int, repository: str = "team/app", **changes: Any) -> Entry:
    values: dict[str, Any] = {
        "kind": "delete",
        "repository": repository,
        "digest": f"sha256:{number:064x}",
        "tags": (f"v{number}",),
        "media_type": "application/vnd.oci.image.manifest.v1+json",
        "image_bytes": 100,
        "reasons": ("no rule keeps it",),
    }
    return Entry(**{**values, **changes})


def plan_of(
    entries: Sequence[Entry],
    *,
    registry: str = "main",
    as_of: datetime = NOON,
    policies: Sequence[dict[str, Any]] = ({"repositories": ["**"], "keep_last": 3},),
    **limits: Any,
) -> Plan:
    basis = Basis(
        registry=registry,
        as_of=as_of,
        catalog=Snapshot("1", as_of),
        inventories={"production": Snapshot("2", as_of)},
        policies=read_policies(list(policies)),
        limits=Limits(**limits),
    )
    return Plan(basis, tuple(entries), stored_images=1000)


def approval_of(plan: Plan, who: str = "Ada", **changes: Any) -> Approval:
    values: dict[str, Any] = {
        "fingerprint": plan.fingerprint,
        "decision": "approve",
        "who": who,
        "at": plan.basis.as_of + timedelta(hours=1),
        "reason": "space",
        "count": plan.images,
        "expires_at": plan.basis.as_of + timedelta(hours=24),
    }
    return Approval(**{**values, **changes})


def approved(ledger: Ledger, plan: Plan) -> Plan:
    """The plan, filed and approved."""
    ledger.save_plan(plan, made_at=plan.basis.as_of)
    ledger.file_decision(approval_of(plan), ANYBODY)
    return plan


def claimed(ledger: Ledger, plan: Plan, run_id: str = "run 1", **changes: Any) -> Claim[Plan]:
    values: dict[str, Any] = {
        "rules": ANYBODY,
        "holder_is_alive": lambda _: True,
        "now": plan.basis.as_of + timedelta(hours=2),
    }
    return ledger.claim(plan.fingerprint, run_id, Plan, **{**values, **changes})
