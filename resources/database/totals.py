"""What was done and what went wrong, counted over all that is kept: for monitoring, which asks again and again.

Counted are stored things alone (plans, journals, snapshots), so that the figures are the same in every process and
after every restart. A journal line may end again until it ends for good: only those of `FINAL_OUTCOMES` never become
fewer.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from registry_core.coverage import REQUESTS, Coverage
from registry_core.plan_words import PlanKind
from resources.database.connection import Database
from resources.database.copy_journal import copies
from resources.database.ledger_plans import as_record
from resources.database.ledger_records import PlanRecord, PlanState
from resources.database.ledger_schema import journal, plans
from resources.database.schema import snapshots
from resources.database.totals_of_journals import NOBODY_KNOWS as NOBODY_KNOWS
from resources.database.totals_of_journals import JournalTotals, count_journals

#: Outcomes of evictions and of copies that a second start of a plan leaves alone.
FINAL_OUTCOMES = frozenset({"deleted", "already gone", "spared", "copied", "already there"})

_READ = ("inventory", "catalog")  # what asks clusters and registries; the others are made from those
_STORED = ("complete", "incomplete")
_OVERLAP = 1_000  # a snapshot that began before may be stored after


@dataclass(frozen=True)
class Totals:
    """Counts by their labels; what is not among them is zero."""

    plans: Mapping[tuple[PlanKind, str, PlanState], int] = field(default_factory=dict)  #: kind, subject, state
    counted: Mapping[tuple[PlanKind, str, PlanState], int] = field(default_factory=dict)  #: images of those plans
    newest: tuple[PlanRecord, ...] = ()  #: of each kind and subject
    evicted: Mapping[tuple[str, str, str], int] = field(default_factory=dict)  #: registry, deed, outcome
    restored: Mapping[str, int] = field(default_factory=dict)  #: registry
    copied: Mapping[tuple[str, str], int] = field(default_factory=dict)  #: migration, outcome
    sent_bytes: Mapping[str, int] = field(default_factory=dict)  #: migration; of entries that were copied
    readings: Mapping[tuple[str, str, str], int] = field(default_factory=dict)  #: kind, source, state
    faults: Mapping[tuple[str, str, str], int] = field(default_factory=dict)  #: kind, source, fault
    journals: JournalTotals = field(default_factory=JournalTotals)
    requests: Mapping[tuple[str, str], int] = field(default_factory=dict)  #: registry, one of `REQUESTS`; of crawls


class TotalsReader:
    """Counts the database of one history. Snapshots that were counted once are remembered; not for several threads."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._counted_to = 0
        self._seen: set[int] = set()
        self._faults: Counter[tuple[str, str, str]] = Counter()
        self._requests: Counter[tuple[str, str]] = Counter()

    def read(self, *, now: datetime) -> Totals:
        """Raises DatabaseError."""
        with self._database.reading("count what was done") as connection:
            records = [as_record(row, now=now) for row in connection.execute(sa.select(plans))]
            evicted, restored = _evictions(connection)
            copied, sent_bytes = _copies(connection)
            self._count_snapshots(connection)
            return Totals(
                plans=Counter((one.kind, one.subject, one.state) for one in records),
                counted=_summed(records),
                newest=_newest(records),
                evicted=evicted,
                restored=restored,
                copied=copied,
                sent_bytes=sent_bytes,
                readings=_readings(connection),
                faults=dict(self._faults),
                journals=count_journals(connection),
                requests=dict(self._requests),
            )

    def _count_snapshots(self, connection: sa.Connection) -> None:
        """Add the gaps and requests of snapshots that were stored since.

        Inventories tell no requests, and there are many: only those that are not whole have any gap that counts.
        """
        newest = connection.execute(sa.select(sa.func.max(snapshots.c.id))).scalar() or 0
        under_way = sa.select(sa.func.min(snapshots.c.id)).where(snapshots.c.state == "running")
        oldest_running = connection.execute(under_way).scalar()
        query = sa.select(snapshots.c.id, snapshots.c.kind, snapshots.c.source, snapshots.c.coverage).where(
            snapshots.c.id > self._counted_to,
            sa.or_(
                sa.and_(snapshots.c.kind == "catalog", snapshots.c.state.in_(_STORED)),
                sa.and_(snapshots.c.kind == "inventory", snapshots.c.state == "incomplete"),
            ),
        )
        for number, kind, source, coverage in connection.execute(query):
            if number not in self._seen and coverage:
                self._seen.add(number)
                self._count(kind, source, Coverage.from_json(coverage))
        self._counted_to = max(self._counted_to, min(newest, (oldest_running or newest + 1) - 1) - _OVERLAP)
        self._seen = {number for number in self._seen if number > self._counted_to}

    def _count(self, kind: str, source: str, coverage: Coverage) -> None:
        for gap in coverage.unexcused:
            self._faults[kind, source, gap.fault] += 1
        for what in REQUESTS if kind == "catalog" else ():
            self._requests[source, what] += coverage.found.get(what, 0)


def _summed(records: list[PlanRecord]) -> Mapping[tuple[PlanKind, str, PlanState], int]:
    counted: Counter[tuple[PlanKind, str, PlanState]] = Counter()
    for one in records:
        counted[one.kind, one.subject, one.state] += one.counted
    return counted


def _newest(records: list[PlanRecord]) -> tuple[PlanRecord, ...]:
    found = {(one.kind, one.subject): one for one in sorted(records, key=lambda one: one.made_at)}
    return tuple(found[key] for key in sorted(found))


def _evictions(connection: sa.Connection) -> tuple[dict[tuple[str, str, str], int], dict[str, int]]:
    query = (
        sa.select(
            plans.c.subject, journal.c.kind, journal.c.outcome,
            sa.func.count(), sa.func.count(journal.c.restored_at),
        )
        .join_from(journal, plans, plans.c.fingerprint == journal.c.fingerprint)
        .group_by(plans.c.subject, journal.c.kind, journal.c.outcome)
    )  # fmt: skip
    evicted: dict[tuple[str, str, str], int] = {}
    restored: Counter[str] = Counter()
    for subject, deed, outcome, count, back in connection.execute(query):
        evicted[subject, deed, outcome or NOBODY_KNOWS] = count
        restored[subject] += back
    return evicted, restored


def _copies(connection: sa.Connection) -> tuple[dict[tuple[str, str], int], dict[str, int]]:
    query: sa.Select[Any] = (
        sa.select(plans.c.subject, copies.c.outcome, sa.func.count(), sa.func.sum(copies.c.sent_bytes))
        .join_from(copies, plans, plans.c.fingerprint == copies.c.fingerprint)
        .group_by(plans.c.subject, copies.c.outcome)
    )
    rows = connection.execute(query).all()
    copied = {(subject, outcome): count for subject, outcome, count, _ in rows}
    return copied, {subject: int(sent or 0) for subject, outcome, _, sent in rows if outcome == "copied"}


def _readings(connection: sa.Connection) -> dict[tuple[str, str, str], int]:
    query = (
        sa.select(snapshots.c.kind, snapshots.c.source, snapshots.c.state, sa.func.count())
        .where(snapshots.c.kind.in_(_READ), snapshots.c.state.in_(_STORED))
        .group_by(snapshots.c.kind, snapshots.c.source, snapshots.c.state)
    )
    return {(kind, source, state): count for kind, source, state, count in connection.execute(query)}
