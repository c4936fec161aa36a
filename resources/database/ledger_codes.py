"""One-time codes that were seen, by person: the right ones are spent, the wrong ones are counted."""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa

from registry_core.approval import Approval
from registry_core.approval_codes import WRONG_CODES_WITHIN, CodesSeen
from registry_core.persons import person_key
from resources.database.connection import lock
from resources.database.ledger_schema import spent_codes, wrong_codes
from resources.database.times import from_micros, to_micros

#: Wrong codes are kept longer than they count, for who asks what happened.
_KEPT = timedelta(days=30)


def see_code(connection: sa.Connection, approval: Approval, *, wrong: bool) -> CodesSeen:
    """What this person had given before; the code of this approval is spent from now on.

    The person's codes are held until the transaction ends, so that of many guesses at once each finds the others.
    """
    person = person_key(approval.who)
    lock(connection, f"codes of {person}")
    steps = sa.select(spent_codes.c.counter).where(spent_codes.c.person == person)
    before = tuple(connection.execute(steps).scalars())
    if approval.code_counter is not None and approval.code_counter not in before:
        connection.execute(sa.insert(spent_codes).values(person=person, counter=approval.code_counter))
    since = to_micros(approval.at - WRONG_CODES_WITHIN)
    times = sa.select(wrong_codes.c.given_at).where(wrong_codes.c.person == person, wrong_codes.c.given_at > since)
    return CodesSeen(before, tuple(from_micros(given) for given in connection.execute(times).scalars()), wrong)


def count_wrong_code(connection: sa.Connection, approval: Approval) -> None:
    """Note a wrong code of this person."""
    person, at = person_key(approval.who), approval.at
    connection.execute(sa.insert(wrong_codes).values(person=person, given_at=to_micros(at)))
    connection.execute(
        sa.delete(wrong_codes).where(wrong_codes.c.person == person, wrong_codes.c.given_at < _oldest(at))
    )


def _oldest(at: datetime) -> int:
    return to_micros(at - _KEPT)
