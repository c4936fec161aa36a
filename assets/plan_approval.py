"""A person's decision over one plan of any kind, as it stands in the lineage.

What opens the lock is the row in the ledger, never this: anybody who reaches the web server can report a
materialization.
"""

from __future__ import annotations

import dagster as dg

from assets.names import OWNERS
from registry_core.approval import Approval
from registry_core.plan_words import PLAN_WORDS, PlanKind
from resources.database.ledger_records import PlanRecord


def approval_key(kind: PlanKind) -> dg.AssetKey:
    """The asset of the decisions over plans of a kind."""
    return dg.AssetKey(f"{kind}_approval")


def approval_asset(
    kind: PlanKind, *, plan: dg.AssetKey, partitions: dg.PartitionsDefinition, group: str
) -> dg.AssetSpec:
    """The asset; the job `approve_<kind>_plan` and the command line say when there is a new one."""
    return dg.AssetSpec(
        approval_key(kind),
        deps=[plan],
        partitions_def=partitions,
        group_name=group,
        kinds={"person"},
        owners=OWNERS,
        description="A person's decision over one plan: approved or rejected, by whom, when and why. Made by the job"
        f" `approve_{kind}_plan`, which the link in a plan opens.",
    )


def approval_event(approval: Approval, record: PlanRecord) -> dg.AssetMaterialization:
    """A decision that was filed, for the lineage."""
    return dg.AssetMaterialization(
        approval_key(record.kind),
        partition=record.subject,
        description=decision_sentence(approval, record),
        metadata={
            "decision": approval.decision,
            "who": approval.who,
            "signed in as": approval.signed_in_as or "not known: no sign-in proxy is configured",
            "one-time code": "checked" if approval.code_counter is not None else "none",
            "reason": approval.reason,
            record.words.field: record.counted,
            "when": dg.MetadataValue.timestamp(approval.at),
            "expires": dg.MetadataValue.timestamp(approval.expires_at),
            "fingerprint": approval.fingerprint,
        },
    )


def decision_sentence(approval: Approval, record: PlanRecord) -> str:
    """What was decided and what follows, in words."""
    done = "approved" if approval.decision == "approve" else "rejected"
    words = PLAN_WORDS[record.kind]
    plan = f"the plan {record.short} ({words.count(record.counted)})"
    follows = {
        "approved": "It stands until it is rejected or changed." if words.stands else "It is carried out next.",
        "rejected": f"Nothing is {words.done}.",
        "waiting": "A second person must approve it as well.",
    }
    return f"{approval.who} {done} {plan}: {approval.reason.rstrip('.')}. {follows.get(record.state, '')}".strip()
