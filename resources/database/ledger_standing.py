"""A rule that stands: approved once, held by one run at a time, given back, and never used up.

It lies in the ledger beside plans, so that people decide over it in the same way, and so that no plan is carried out at
a registry while a replication copies there. What differs: its approval does not expire, because it is carried out for
as long as it stands; a run gives it back as it was.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import sqlalchemy as sa

from registry_core.approval import Approval, ApprovalRules, still_counts
from registry_core.errors import ApprovalMissing
from registry_core.replication import ReplicationRule
from registry_core.replication_status import Standing
from resources.database.connection import Database, lock
from resources.database.ledger_claims import executing_beside, refuse_beside_others
from resources.database.ledger_decisions import approvals_of
from resources.database.ledger_plans import locked_row, read_plan
from resources.database.ledger_records import Claim, HolderIsAlive
from resources.database.ledger_schema import plans
from resources.database.times import to_micros


def standing_of(state: str, approvals: Iterable[Approval], rules: ApprovalRules) -> Standing:
    """Whether a rule is in force: approved in a way that would be believed today, and neither rejected nor replaced."""
    if state in ("rejected", "superseded"):
        return "rejected"
    approved = any(still_counts(one, rules) for one in approvals)
    return "in force" if state in ("approved", "executing") and approved else "waiting"


def read_standing(database: Database, rule: ReplicationRule, rules: ApprovalRules) -> Standing:
    with database.reading(f"look whether {rule.subject} is approved") as connection:
        query = sa.select(plans.c.state).where(plans.c.fingerprint == rule.fingerprint)
        state = connection.execute(query).scalar_one_or_none()
        return "waiting" if state is None else standing_of(state, approvals_of(connection, rule.fingerprint), rules)


def hold(
    database: Database,
    rule: ReplicationRule,
    run_id: str,
    *,
    rules: ApprovalRules,
    holder_is_alive: HolderIsAlive,
    now: datetime,
) -> Claim[ReplicationRule]:
    stored = read_plan(database, rule.fingerprint, ReplicationRule, now=now)
    touches = stored.record.touches
    with database.reading("look who works on plans") as connection:
        holders = {row.holder for row in executing_beside(connection, touches) if row.holder}
    dead = {holder for holder in holders if holder == run_id or not holder_is_alive(holder)}
    with database.writing(f"take up the rule {stored.record.short}") as connection:
        for thing in sorted(touches):
            lock(connection, f"changes of {thing}")
        row = locked_row(connection, rule.fingerprint)
        standing = standing_of(row.state, approvals_of(connection, rule.fingerprint), rules)
        if standing != "in force":
            raise ApprovalMissing(_not_in_force(rule, standing, row.why))
        refuse_beside_others(connection, stored.record, dead)
        number = row.claim_number + 1
        values = {"state": "executing", "holder": run_id, "claimed_at": to_micros(now), "claim_number": number}
        connection.execute(sa.update(plans).where(plans.c.fingerprint == rule.fingerprint).values(values))
    return Claim(
        fingerprint=rule.fingerprint,
        subject=rule.subject,
        run_id=run_id,
        number=number,
        resumed=row.state == "executing",
        plan=rule,
    )


def read_busy(database: Database, rule: ReplicationRule, *, holder_is_alive: HolderIsAlive) -> str | None:
    """Why a run of this rule would be refused now, because another one works on its destination; None where it would
    not."""
    with database.reading("look who works on plans") as connection:
        rows = [row for row in executing_beside(connection, rule.touches) if row.holder]
    for row in rows:
        if holder_is_alive(row.holder):
            return f"the run {row.holder} works on {row.subject} ({row.kind}), which changes the same registry"
    return None


def give_back(database: Database, claim: Claim[ReplicationRule]) -> None:
    """Nothing happens where it was rejected, or another run has taken it meanwhile: this one was taken for dead."""
    with database.writing(f"give back the rule {claim.fingerprint[:12]}") as connection:
        held = sa.and_(plans.c.fingerprint == claim.fingerprint, plans.c.state == "executing")
        ours = sa.and_(held, plans.c.claim_number == claim.number)
        connection.execute(sa.update(plans).where(ours).values(state="approved", holder=None))


def _not_in_force(rule: ReplicationRule, standing: Standing, why: str) -> str:
    name, short = rule.subject, rule.fingerprint[:12]
    if standing == "rejected":
        return (
            f"nothing is copied by the replication {name}: its rule {short} was rejected or replaced ({why}); change"
            " it, or raise its `revision` to have it decided over again"
        )
    return (
        f"nothing is copied by the replication {name}: its rule {short}, as the file has it now, waits for a decision;"
        f" open replication_status, or run `registry-pipelines plan approve {short}`"
    )
