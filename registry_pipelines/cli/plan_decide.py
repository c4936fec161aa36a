"""`plan approve`, `plan reject`: decide over a plan, as the form in the Dagster UI does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from registry_pipelines.cli.invocation import invocation
from registry_pipelines.cli.output import Form, JsonOption, line, show

if TYPE_CHECKING:
    from registry_core.approval import Verdict

_COLUMNS = (
    "fingerprint",
    "kind",
    "subject",
    "decision",
    "who",
    "at",
    "reason",
    "counted",
    "expires_at",
    "state",
    "why",
)

_Plan = Annotated[str, typer.Argument(metavar="PLAN", help="Fingerprint, or its first six characters or more.")]
_Name = Annotated[str, typer.Option("--as", metavar="NAME", help="Your name, as the configuration knows it.")]
_Reason = Annotated[str, typer.Option("--reason", help="Why, in a few words; it is kept.")]
_Code = Annotated[str, typer.Option("--code", help="One-time code, where you have one set up.")]


def approve(
    context: typer.Context,
    plan: _Plan,
    count: Annotated[
        int,
        typer.Option(
            "--images",
            "--workloads",
            "--count",
            metavar="COUNT",
            min=0,
            help="How many the plan is about: type it again.",
        ),
    ],
    name: _Name,
    reason: _Reason,
    code: _Code = "",
    as_json: JsonOption = False,
) -> None:
    """Approve exactly this plan. The sensor in Dagster, or `plan execute`, carries it out."""
    _decide(context, "approve", plan=plan, count=count, name=name, reason=reason, code=code, as_json=as_json)


def reject(
    context: typer.Context, plan: _Plan, name: _Name, reason: _Reason, code: _Code = "", as_json: JsonOption = False
) -> None:
    """Reject a plan, also one that was approved and not yet begun. The reason is kept."""
    _decide(context, "reject", plan=plan, count=0, name=name, reason=reason, code=code, as_json=as_json)


def _decide(
    context: typer.Context,
    decision: Verdict,
    *,
    plan: str,
    count: int,
    name: str,
    reason: str,
    code: str,
    as_json: bool,
) -> None:
    from datetime import UTC, datetime

    from assets.plan_approval import approval_event, decision_sentence  # dagster
    from registry_pipelines.approving.deciding import PersonsDecision, file_decision
    from registry_pipelines.lineage import tell_lineage
    from resources.connections import Connections

    decided = PersonsDecision(
        plan=plan, decision=decision, count=count, approver=name, reason=reason, code=code,
        typed_at=datetime.now(UTC),
    )  # fmt: skip
    with Connections(invocation(context).site()) as connections:
        filed = file_decision(connections, decided)
    tell_lineage(approval_event(filed.approval, filed.record))
    if as_json:
        approval, record = filed.approval, filed.record
        row = {
            "fingerprint": record.fingerprint, "kind": record.kind, "subject": record.subject,
            "decision": approval.decision, "who": approval.who, "at": approval.at, "reason": approval.reason,
            "counted": record.counted, "expires_at": approval.expires_at, "state": record.state, "why": record.why,
        }  # fmt: skip
        show([row], _COLUMNS, Form.JSON)
    else:
        line(decision_sentence(filed.approval, filed.record))
