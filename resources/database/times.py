"""Times as both databases keep them: whole microseconds since 1970 UTC, in a 64-bit integer.

Exact, the same on SQLite and PostgreSQL, compared and indexed as a number, and read into `datetime64[us, UTC]`
without a conversion. For a person: `to_timestamp(as_of / 1e6)` in PostgreSQL, `datetime(as_of / 1e6, 'unixepoch')`
in SQLite.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def to_micros(at: datetime) -> int:
    """Microseconds since 1970 UTC. ValueError for a time without a zone: nobody can say when that was."""
    if at.tzinfo is None:
        raise ValueError(f"{at.isoformat()} has no time zone; the history keeps aware times only")
    return (at - EPOCH) // _MICROSECOND


def from_micros(micros: int) -> datetime:
    return EPOCH + timedelta(microseconds=micros)


def maybe_to_micros(at: datetime | None) -> int | None:
    return None if at is None else to_micros(at)


def maybe_from_micros(micros: int | None) -> datetime | None:
    return None if micros is None else from_micros(micros)


def now_micros() -> int:
    return to_micros(datetime.now(UTC))
