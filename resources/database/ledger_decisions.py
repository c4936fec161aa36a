"""People's decisions in the ledger: filed with the code spent, and what they make of a plan."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from registry_core.approval import Approval, ApprovalRules, check_approval, file_approval
from registry_core.errors import ApprovalMissing, PlanStale, Refused
from registry_core.plan_words import PlanKind
from resources.database.connection import Database, lock
from resources.database.ledger_plans import as_record, locked_row, read_any_plan
from resources.database.ledger_records import PlanRecord
from resources.database.ledger_schema import approvals as table
from resources.database.ledger_schema import plans, spent_codes
from resources.database.times import from_micros, to_micros

#: States in which a person may still decide. An approved plan may be rejected as long as nobody has begun it.
_OPEN = ("waiting", "approved")

_TOO_LATE = {
    "rejected": "was rejected already ({why}); make a new plan",
    "superseded": "was {why}; open that one",
    "executing": "is being carried out; to stop it, terminate that run",
    "done": "was carried out already, and a plan is used once; make a new plan",
    "stopped": "was stopped while it was carried out ({why}); make a new plan",
}


def file_decision(database: Database, approval: Approval, rules: ApprovalRules) -> PlanRecord:
    stored = read_any_plan(database, approval.fingerprint, now=approval.at)
    fingerprint = stored.record.fingerprint
    refused: Refused | None = None
    with database.writing(f"file the decision over the plan {fingerprint[:12]}") as connection:
        row = locked_row(connection, fingerprint)
        spent = _spend(connection, approval)
        try:
            if row.state not in _OPEN:
                raise Refused(f"the plan {fingerprint[:12]} {_TOO_LATE[row.state].format(why=row.why)}")
            file_approval(approval, stored.plan, rules, counters_used=spent)
        except Refused as error:
            refused = error  # raised outside, so that the spent code stays spent
        else:
            connection.execute(sa.insert(table).values(_values(approval, fingerprint)))
            filed = _of_plan(connection, fingerprint)
            values: dict[str, Any] = {"state": "waiting"}
            if approval.decision == "reject":
                values = {
                    "state": "rejected",
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
    if refused is not None:
        raise refused
    return as_record(row, now=approval.at)


def _spend(connection: sa.Connection, approval: Approval) -> list[int]:
    """Counters that this person had spent before; the one of this approval is spent from now on."""
    if approval.code_counter is None:
        return []
    person = " ".join(approval.who.split()).casefold()
    lock(connection, f"codes of {person}")
    query = sa.select(spent_codes.c.counter).where(spent_codes.c.person == person)
    before = list(connection.execute(query).scalars())
    if approval.code_counter not in before:
        connection.execute(sa.insert(spent_codes).values(person=person, counter=approval.code_counter))
    return before


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
