"""Claims: one run at a time carries out a plan, what a dead run left is taken over, a used plan is used.

A claim has a number. Each new claim takes the next one, and whoever shows an older number is refused: a run that
was taken for dead, and woke up again, cannot go on beside the one that replaced it.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa

from registry_core.approval import ApprovalRules, check_approval
from registry_core.errors import Refused
from registry_core.plan_words import PLAN_WORDS
from registry_core.plans import AnyPlan, P
from resources.database.connection import Database, lock
from resources.database.ledger_decisions import approvals_of
from resources.database.ledger_plans import as_record, locked_row, read_plan
from resources.database.ledger_records import Claim, HolderIsAlive, PlanRecord, StoredPlan
from resources.database.ledger_schema import plans
from resources.database.times import from_micros, now_micros, to_micros


def claim(
    database: Database,
    fingerprint: str,
    run_id: str,
    of: type[P],
    *,
    rules: ApprovalRules,
    holder_is_alive: HolderIsAlive,
    now: datetime,
) -> Claim[P]:
    stored = read_plan(database, fingerprint, of, now=now)
    fingerprint, touches = stored.record.fingerprint, stored.record.touches
    # Whether a run lives is asked outside the transaction: that is another system, and may take its time.
    with database.reading("look who works on plans") as connection:
        holders = {row.holder for row in executing_beside(connection, touches) if row.holder}
    dead = {holder for holder in holders if holder == run_id or not holder_is_alive(holder)}
    with database.writing(f"claim the plan {fingerprint[:12]}") as connection:
        for thing in sorted(touches):
            lock(connection, f"changes of {thing}")
        row = locked_row(connection, fingerprint)
        used = row.state in ("done", "stopped")
        check_approval(stored.plan, approvals_of(connection, fingerprint), rules, now=now, used=used)
        if row.state not in ("approved", "executing"):
            raise Refused(
                f"the plan {fingerprint[:12]} is {row.state}, so it is not carried out: {row.why or 'decide'}"
            )
        refuse_beside_others(connection, stored.record, dead)
        number = row.claim_number + 1
        connection.execute(
            sa.update(plans)
            .where(plans.c.fingerprint == fingerprint)
            .values(state="executing", holder=run_id, claimed_at=to_micros(now), claim_number=number, why="")
        )
    return Claim(
        fingerprint=fingerprint,
        subject=stored.record.subject,
        run_id=run_id,
        number=number,
        resumed=row.state == "executing",
        plan=stored.plan,
    )


def executing_beside(connection: sa.Connection, touches: Collection[str]) -> list[sa.Row[Any]]:
    """Plans under way, of any kind, that change one of these things. There are never many under way."""
    rows = connection.execute(sa.select(plans).where(plans.c.state == "executing"))
    return [row for row in rows if not set(touches).isdisjoint(row.touches)]


def refuse_beside_others(connection: sa.Connection, record: PlanRecord, dead: set[str]) -> None:
    """Raises Refused while a run that is not known to be dead works on what this plan would change. One that is taken
    for dead loses its claim, also where it holds another plan: should it wake up, it cannot go on beside us."""
    for row in executing_beside(connection, record.touches):
        if row.holder is None:
            continue
        if row.holder in dead:
            lost = {"holder": None, "claim_number": row.claim_number + 1}
            if row.fingerprint != record.fingerprint:
                connection.execute(sa.update(plans).where(plans.c.fingerprint == row.fingerprint).values(lost))
            continue
        shared = ", ".join(sorted(set(record.touches) & set(row.touches)))
        what = (
            "this plan"
            if row.fingerprint == record.fingerprint
            else f"{PLAN_WORDS[row.kind].article} ({row.fingerprint[:12]}) for the same {shared}"
        )
        since = f" since {from_micros(row.claimed_at):%Y-%m-%d %H:%M:%S} UTC" if row.claimed_at is not None else ""
        raise Refused(
            f"the plan {record.short} is not carried out: the run {row.holder} works on {what}{since};"
            " wait for it, or end it first"
        )


def check_claim(connection: sa.Connection, claim: Claim[AnyPlan]) -> sa.Row[Any]:
    """The row of the claimed plan, held until the transaction ends. Refused when another run has taken it over."""
    query = sa.select(plans).where(plans.c.fingerprint == claim.fingerprint).with_for_update()
    row = connection.execute(query).one()
    if row.state in ("rejected", "superseded"):  # only a rule that stands can be
        raise Refused(
            f"the run {claim.run_id} ends here: {claim.fingerprint[:12]} was rejected or replaced meanwhile ({row.why})"
        )
    if row.state != "executing" or row.claim_number != claim.number:
        raise Refused(
            f"the run {claim.run_id} no longer holds the plan {claim.fingerprint[:12]} ({row.state}, held by"
            f" {row.holder or 'nobody'}): it was taken for dead and replaced, so it ends here"
        )
    return row


def release(database: Database, claim: Claim[AnyPlan], why: str) -> None:
    with database.writing(f"release the plan {claim.fingerprint[:12]}") as connection:
        check_claim(connection, claim)
        connection.execute(
            sa.update(plans).where(plans.c.fingerprint == claim.fingerprint).values(holder=None, why=why)
        )


def finish(database: Database, claim: Claim[AnyPlan], state: Literal["done", "stopped"], why: str) -> PlanRecord:
    with database.writing(f"finish the plan {claim.fingerprint[:12]}") as connection:
        check_claim(connection, claim)
        at = now_micros()
        connection.execute(
            sa.update(plans)
            .where(plans.c.fingerprint == claim.fingerprint)
            .values(state=state, holder=None, finished_at=at, why=why)
        )
        return as_record(locked_row(connection, claim.fingerprint), now=from_micros(at))


def take_back(
    database: Database, fingerprint: str, run_id: str, of: type[P], *, holder_is_alive: HolderIsAlive, now: datetime
) -> StoredPlan[P]:
    """End a plan that is under way because what it did is returned. No approval is asked for.

    The number of its claim is taken as well, so that a run which was taken for dead can go on no more.
    """
    stored = read_plan(database, fingerprint, of, now=now)
    holder = stored.record.holder
    dead = {holder} if holder is not None and (holder == run_id or not holder_is_alive(holder)) else set()
    with database.writing(f"take back the plan {stored.record.short}") as connection:
        row = locked_row(connection, stored.record.fingerprint)
        if row.state == "executing":
            if row.holder is not None and row.holder not in dead:
                raise Refused(
                    f"the run {row.holder} carries out the plan {stored.record.short} now; end it first, then roll it"
                    " back (with `--take-over` where it is dead and nobody can tell)"
                )
            connection.execute(
                sa.update(plans)
                .where(plans.c.fingerprint == row.fingerprint)
                .values(
                    state="stopped",
                    holder=None,
                    finished_at=now_micros(),
                    why=f"rolled back by {run_id}",
                    claim_number=row.claim_number + 1,
                )
            )
    return stored
