"""Plans in the ledger: filed once, superseded, listed, read back and proven."""

from __future__ import annotations

import difflib
import re
import zlib
from collections.abc import Collection
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from registry_core.errors import Refused, UnknownPlan
from registry_core.plan_kinds import class_of
from registry_core.plan_words import PLAN_WORDS, PlanKind
from registry_core.plans import AnyPlan, P
from resources.database.connection import Database, lock
from resources.database.ledger_records import PlanRecord, PlanState, StoredPlan
from resources.database.ledger_schema import plan_documents, plans
from resources.database.times import from_micros, maybe_from_micros, to_micros

_BEGINNING = re.compile(r"[0-9a-f]{6,64}")
_COMPARED = 500
_SHORTEST_COMPARED = 4
_LIKE = 0.75  # one digit of six wrong, two swapped, one too many
_MAY_EXPIRE = ("waiting", "approved")


def save_plan(database: Database, plan: AnyPlan, *, made_at: datetime, run_id: str | None) -> PlanRecord:
    document = plan.to_bytes()
    fingerprint = plan.fingerprint
    with database.writing(f"file {PLAN_WORDS[plan.kind].article} for {plan.subject}") as connection:
        lock(connection, _plans_of(plan.kind, plan.subject))
        if _row(connection, fingerprint) is None:
            connection.execute(
                sa.insert(plans).values(
                    fingerprint=fingerprint,
                    kind=plan.kind,
                    subject=plan.subject,
                    state="waiting",
                    made_at=to_micros(made_at),
                    as_of=to_micros(plan.as_of),
                    good_until=to_micros(plan.as_of + plan.max_age),
                    run_id=run_id,
                    counted=plan.counted,
                    entry_count=plan.entry_count,
                    figures=dict(plan.figures),
                    touches=list(plan.touches),
                    claim_number=0,
                    why="",
                )
            )
            connection.execute(
                sa.insert(plan_documents).values(fingerprint=fingerprint, document=zlib.compress(document, 3))
            )
            _supersede_older(connection, plan, to_micros(made_at))
        return as_record(_known(connection, fingerprint), now=made_at)


def _plans_of(kind: str, subject: str) -> str:
    """The name of the lock over the plans of one kind for one subject."""
    return f"{kind} plans of {subject}"


def _supersede_older(connection: sa.Connection, plan: AnyPlan, made_at: int) -> None:
    """Of plans that wait, only the newest goes on waiting: that may be another one than ours."""
    waiting = sa.select(plans).where(
        plans.c.kind == plan.kind, plans.c.subject == plan.subject, plans.c.state == "waiting"
    )
    rows = connection.execute(waiting.order_by(plans.c.made_at)).all()
    newest = max(rows, key=lambda row: (row.made_at, row.fingerprint == plan.fingerprint))
    others = [row.fingerprint for row in rows if row.fingerprint != newest.fingerprint]
    if others:
        connection.execute(
            sa.update(plans)
            .where(plans.c.fingerprint.in_(others))
            .values(
                state="superseded", finished_at=made_at, why=f"superseded by the newer plan {newest.fingerprint[:12]}"
            )
        )


def find_record(database: Database, beginning: str, *, now: datetime) -> PlanRecord:
    with database.reading("look up a plan") as connection:
        return as_record(_found(connection, beginning), now=now)


def read_plan(database: Database, beginning: str, of: type[P], *, now: datetime) -> StoredPlan[P]:
    record, document = read_document(database, beginning, now=now)
    if record.kind != of.kind:
        raise UnknownPlan(
            f"{record.short} is {record.words.article} for {record.subject}, and {PLAN_WORDS[of.kind].article} is"
            " asked for; `plan list` shows which is which"
        )
    return StoredPlan(record, of.from_json(document, expected=record.fingerprint))


def read_any_plan(database: Database, beginning: str, *, now: datetime) -> StoredPlan[AnyPlan]:
    record, document = read_document(database, beginning, now=now)
    return StoredPlan(record, class_of(record.kind).from_json(document, expected=record.fingerprint))


def read_document(database: Database, beginning: str, *, now: datetime) -> tuple[PlanRecord, bytes]:
    with database.reading("read a plan") as connection:
        record = as_record(_found(connection, beginning), now=now)
        packed = connection.execute(
            sa.select(plan_documents.c.document).where(plan_documents.c.fingerprint == record.fingerprint)
        ).scalar_one_or_none()
    return record, _unpacked(packed, record)


def _unpacked(packed: bytes | None, record: PlanRecord) -> bytes:
    if packed is None:
        raise Refused(f"the plan {record.short} has lost its document in the database; make a new plan")
    try:
        return zlib.decompress(packed)
    except zlib.error as error:
        raise Refused(
            f"the document of the plan {record.short} is damaged in the database ({error}); make a new plan"
        ) from error


def list_plans(
    database: Database,
    subject: str | None,
    states: Collection[PlanState] | None,
    *,
    kind: PlanKind | None,
    limit: int,
    now: datetime,
) -> list[PlanRecord]:
    query = sa.select(plans).order_by(plans.c.made_at.desc(), plans.c.fingerprint).limit(limit)
    if kind is not None:
        query = query.where(plans.c.kind == kind)
    if subject is not None:
        query = query.where(plans.c.subject == subject)
    if states is not None:
        query = query.where(sa.or_(sa.false(), *(_in_state(state, to_micros(now)) for state in states)))
    with database.reading("list plans") as connection:
        return [as_record(row, now=now) for row in connection.execute(query)]


def _in_state(state: PlanState, now: int) -> sa.ColumnElement[bool]:
    too_old, has_work = plans.c.good_until < now, plans.c.entry_count > 0
    if state == "nothing to do":
        return sa.and_(plans.c.state.in_(_MAY_EXPIRE), sa.not_(has_work))
    if state == "expired":
        return sa.and_(plans.c.state.in_(_MAY_EXPIRE), has_work, too_old)
    if state in _MAY_EXPIRE:
        return sa.and_(plans.c.state == state, has_work, sa.not_(too_old))
    interrupted = sa.and_(plans.c.state == "executing", plans.c.holder.is_(None), too_old)
    if state == "stopped":
        return sa.or_(plans.c.state == state, interrupted)
    if state == "executing":
        return sa.and_(plans.c.state == state, sa.not_(interrupted))
    return plans.c.state == state


def as_record(row: sa.Row[Any], *, now: datetime) -> PlanRecord:
    """A row of `plans`; what has become too old by `now` is `expired`, what has no entry has `nothing to do`."""
    good_until = from_micros(row.good_until)
    return PlanRecord(
        fingerprint=row.fingerprint,
        kind=row.kind,
        subject=row.subject,
        state=_state_of(row, too_old=good_until < now),
        made_at=from_micros(row.made_at),
        as_of=from_micros(row.as_of),
        good_until=good_until,
        run_id=row.run_id,
        counted=row.counted,
        entry_count=row.entry_count,
        figures=row.figures,
        touches=tuple(row.touches),
        holder=row.holder,
        finished_at=maybe_from_micros(row.finished_at),
        why=row.why,
    )


def _state_of(row: sa.Row[Any], *, too_old: bool) -> PlanState:
    if row.state in _MAY_EXPIRE:
        if row.entry_count == 0:
            return "nothing to do"
        if too_old:
            return "expired"
    # Begun, ended by nobody, and no run may take it up any more.
    interrupted: bool = row.state == "executing" and row.holder is None
    state: PlanState = "stopped" if too_old and interrupted else row.state
    return state


def locked_row(connection: sa.Connection, fingerprint: str) -> sa.Row[Any]:
    """The row of one plan, nobody else writing to plans of its kind and subject before our transaction ends.

    Refused if there is none.
    """
    known = _known(connection, fingerprint)
    lock(connection, _plans_of(known.kind, known.subject))
    return _known(connection, fingerprint)


def _known(connection: sa.Connection, fingerprint: str) -> sa.Row[Any]:
    row = _row(connection, fingerprint)
    if row is None:
        near = _nearest(connection, fingerprint)
        raise UnknownPlan(f"there is no plan {fingerprint[:12]!r}{near}; `plan list` shows those that there are")
    return row


def _row(connection: sa.Connection, fingerprint: str) -> sa.Row[Any] | None:
    return connection.execute(sa.select(plans).where(plans.c.fingerprint == fingerprint)).one_or_none()


def _found(connection: sa.Connection, beginning: str) -> sa.Row[Any]:
    wanted = beginning.strip().lower()
    if not _BEGINNING.fullmatch(wanted):
        raise UnknownPlan(
            f"{beginning[:80]!r} is no fingerprint of a plan{_nearest(connection, wanted)}: write 6 to 64 of its"
            " hexadecimal digits, as `plan list` shows them"
        )
    query = sa.select(plans).where(plans.c.fingerprint.startswith(wanted)).order_by(plans.c.made_at.desc()).limit(6)
    rows = connection.execute(query).all()
    if len(rows) > 1:
        names = ", ".join(row.fingerprint[: len(wanted) + 6] for row in rows)
        raise UnknownPlan(f"several plans begin with {wanted!r} ({names}); write more of the fingerprint")
    return rows[0] if rows else _known(connection, wanted)


def _nearest(connection: sa.Connection, wanted: str) -> str:
    """Of the newest plans, those whose fingerprints begin almost as `wanted`, for a message; empty for none."""
    if len(wanted) < _SHORTEST_COMPARED:
        return ""
    newest = sa.select(plans.c.fingerprint).order_by(plans.c.made_at.desc()).limit(_COMPARED)
    by_beginning = {one[: len(wanted)]: one for one in connection.scalars(newest)}
    near = difflib.get_close_matches(wanted[:64], by_beginning, n=3, cutoff=_LIKE)
    return f" (nearest: {', '.join(by_beginning[one][:12] for one in near)})" if near else ""
