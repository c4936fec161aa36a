"""People's decisions in the ledger: filed with the code spent, and what they make of a plan."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from registry_core.approval import Approval, ApprovalRules, check_approval, file_approval
from registry_core.errors import ApprovalMissing, PlanStale, Refused, WrongCode
from registry_core.plan_words import PlanKind
from resources.database.connection import Database
from resources.database.ledger_codes import count_wrong_code, see_code
from resources.database.ledger_plans import as_record, locked_row, read_any_plan
from resources.database.ledger_records import PlanRecord
from resources.database.ledger_schema import approvals as table
from resources.database.ledger_schema import plans
from resources.database.times import from_micros, to_micros

#: States in which a person may still decide. An approved plan may be rejected as long as nobody has begun it; a rule
#: that stands at any time: a run that copies by it ends at its next image, and one that was killed holds it no more.
_OPEN = ("waiting", "approved")

_TOO_LATE = {
    "rejected": "was rejected already ({why}); make a new plan",
    "superseded": "was {why}; open that one",
    "executing": "is being carried out; to stop it, terminate that run",
    "done": "was carried out already, and a plan is used once; make a new plan",
    "stopped": "was stopped while it was carried out ({why}); make a new plan",
}


def file_decision(
    database: Database, approval: Approval, rules: ApprovalRules, *, code_was_wrong: bool = False
) -> PlanRecord:
    stored = read_any_plan(database, approval.fingerprint, now=approval.at)
    fingerprint = stored.record.fingerprint
    refused: Refused | None = None
    with database.writing(f"file the decision over the plan {fingerprint[:12]}") as connection:
        row = locked_row(connection, fingerprint)
        seen = see_code(connection, approval, wrong=code_was_wrong)
        try:
            withdrawn = row.state == "executing" and row.kind == "replication" and approval.decision == "reject"
            if row.state not in _OPEN and not withdrawn:
                raise Refused(f"the plan {fingerprint[:12]} {_TOO_LATE[row.state].format(why=row.why)}")
            file_approval(approval, stored.plan, rules, codes=seen, filed=_of_plan(connection, fingerprint))
        except Refused as error:
            refused = error  # raised outside, so that the spent code stays spent, and the wrong one counted
            if isinstance(error, WrongCode):
                count_wrong_code(connection, approval)
        else:
            connection.execute(sa.insert(table).values(_values(approval, fingerprint)))
            filed = _of_plan(connection, fingerprint)
            values: dict[str, Any] = {"state": "waiting"}
            if approval.decision == "reject":
                values = {
                    "state": "rejected",
                    "holder": None,
                    "finished_at": to_micros(approval.at),
                    "why": f"{approval.who}: {approval.reason}",
                }
            else:
                try:
                    check_approval(stored.plan, filed, rules, now=approval.at)
                    values = {"state": "approved"}
                except (ApprovalMissing, PlanStale) as missing:
                    values = {"state": "waiting", "why": str(missing)}
            connection.execute(sa.update(plans).where(plans.c.fingerprint == fingerprint).values(values))
            row = locked_row(connection, fingerprint)
            if row.kind == "replication" and row.state == "approved":
                _replace_other_rules(connection, row, to_micros(approval.at))
    if refused is not None:
        raise refused
    return as_record(row, now=approval.at)


def _replace_other_rules(connection: sa.Connection, row: sa.Row[Any], at: int) -> None:
    """One rule of a name stands at a time: that a changed one is changed back brings no old decision into force."""
    others = sa.and_(
        plans.c.kind == row.kind,
        plans.c.subject == row.subject,
        plans.c.fingerprint != row.fingerprint,
        plans.c.state.in_(("approved", "executing")),
    )
    why = f"replaced by the rule {row.fingerprint[:12]}, which was approved"
    connection.execute(sa.update(plans).where(others).values(state="superseded", holder=None, finished_at=at, why=why))


def approvals(database: Database, fingerprint: str) -> list[Approval]:
    with database.reading("read approvals") as connection:
        return _of_plan(connection, fingerprint)


def ready(database: Database, kind: PlanKind, *, now: datetime) -> list[PlanRecord]:
    moment = to_micros(now)
    in_force = sa.select(table.c.fingerprint).where(table.c.decision == "approve", table.c.expires_at > moment)
    query = sa.select(plans).where(
        plans.c.kind == kind,
        plans.c.state == "approved",
        plans.c.good_until >= moment,
        plans.c.fingerprint.in_(in_force),
    )
    with database.reading("look for approved plans") as connection:
        return [as_record(row, now=now) for row in connection.execute(query.order_by(plans.c.made_at))]


def approvals_of(connection: sa.Connection, fingerprint: str) -> list[Approval]:
    """Decisions over a plan, as they stand in this transaction, the oldest first."""
    return _of_plan(connection, fingerprint)


def _of_plan(connection: sa.Connection, fingerprint: str) -> list[Approval]:
    query = sa.select(table).where(table.c.fingerprint == fingerprint).order_by(table.c.decided_at, table.c.id)
    return [
        Approval(
            fingerprint=row.fingerprint,
            decision=row.decision,
            who=row.who,
            at=from_micros(row.decided_at),
            reason=row.reason,
            count=row.image_count,
            expires_at=from_micros(row.expires_at),
            code_counter=row.code_counter,
            signed_in_as=row.signed_in_as,
        )
        for row in connection.execute(query)
    ]


def _values(approval: Approval, fingerprint: str) -> dict[str, Any]:
    return {
        "fingerprint": fingerprint,
        "decision": approval.decision,
        "who": approval.who,
        "decided_at": to_micros(approval.at),
        "reason": approval.reason,
        "image_count": approval.count,
        "expires_at": to_micros(approval.expires_at),
        "code_counter": approval.code_counter,
        "signed_in_as": approval.signed_in_as,
    }
