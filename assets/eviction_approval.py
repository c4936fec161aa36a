"""`eviction_approval`: a person's decision over one plan, as it stands in the lineage.

What opens the lock is the row in the ledger, never this: anybody who reaches the web server can report a
materialization.
"""

from __future__ import annotations

import dagster as dg

from assets import eviction_plan
from assets.names import EVICTION, OWNERS, registries_of
from assets.presentation import amount
from registry_core.approval import Approval
from resources.configuration.settings import Site
from resources.database.ledger_records import PlanRecord

KEY = dg.AssetKey("eviction_approval")


def eviction_approval(site: Site) -> dg.AssetSpec:
    """The asset; the job `approve_eviction_plan` and the command line say when there is a new one."""
    return dg.AssetSpec(
        KEY,
        deps=[eviction_plan.KEY],
        partitions_def=registries_of(site),
        group_name=EVICTION,
        kinds={"person"},
        owners=OWNERS,
        description="A person's decision over one plan: approved or rejected, by whom, when and why. Made by the job"
        " `approve_eviction_plan`, which the link in a plan opens.",
    )


def approval_event(approval: Approval, record: PlanRecord) -> dg.AssetMaterialization:
    """A decision that was filed, for the lineage."""
    return dg.AssetMaterialization(
        KEY,
        partition=record.registry,
        description=decision_sentence(approval, record),
        metadata={
            "decision": approval.decision,
            "who": approval.who,
            "signed in as": approval.signed_in_as or "not known: no sign-in proxy is configured",
            "one-time code": "checked" if approval.code_counter is not None else "none",
            "reason": approval.reason,
            "images": record.images,
            "when": dg.MetadataValue.timestamp(approval.at),
            "expires": dg.MetadataValue.timestamp(approval.expires_at),
            "fingerprint": approval.fingerprint,
        },
    )


def decision_sentence(approval: Approval, record: PlanRecord) -> str:
    """What was decided and what follows, in words."""
    done = "approved" if approval.decision == "approve" else "rejected"
    plan = f"the plan {record.short} ({amount(record.images, 'image')})"
    follows = {
        "approved": "It is carried out next.",
        "rejected": "Nothing is deleted.",
        "waiting": "A second person must approve it as well.",
    }
    return f"{approval.who} {done} {plan}: {approval.reason.rstrip('.')}. {follows.get(record.state, '')}".strip()
