"""The journal of a migration: what became of each entry of its plan, written as it ends; and how fast it went."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
import sqlalchemy as sa

from registry_core.foreign_json import storable
from registry_core.migration import MigrationPlan
from registry_core.migration_duration import CopyRate
from registry_core.migration_entries import MigrationEntry, MigrationOutcome
from resources.database.bulk import insert_new
from resources.database.connection import Database
from resources.database.ledger_claims import check_claim
from resources.database.ledger_records import Claim
from resources.database.ledger_schema import plans
from resources.database.schema import metadata
from resources.database.times import from_micros, now_micros

#: One entry of a migration plan that was carried out, or tried. `seconds` is the time from the first look at it to its
#: end, beside others.
copies = sa.Table(
    "migration_journal",
    metadata,
    sa.Column("fingerprint", sa.Text, sa.ForeignKey("plans.fingerprint"), primary_key=True),
    sa.Column("position", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("repository", sa.Text, nullable=False),
    sa.Column("to_repository", sa.Text, nullable=False),
    sa.Column("digest", sa.Text, nullable=False),
    sa.Column("tags", sa.JSON, nullable=False),
    sa.Column("outcome", sa.Text, nullable=False),
    sa.Column("why", sa.Text, nullable=False),
    sa.Column("sent_bytes", sa.BigInteger, nullable=False),
    sa.Column("sent_blobs", sa.BigInteger, nullable=False),
    sa.Column("mounted_blobs", sa.BigInteger, nullable=False),
    sa.Column("seconds", sa.Float, nullable=False),
    sa.Column("ended_at", sa.BigInteger, nullable=False),
    sa.Column("run_id", sa.Text, nullable=False),
    sa.CheckConstraint("outcome IN ('copied', 'already there', 'conflict', 'failed')", name="outcome"),
)

#: `copy_journal`: a row an entry that was carried out or tried, by its position in the plan.
COPY_JOURNAL_COLUMNS = (
    "position", "repository", "to_repository", "digest", "tags", "outcome", "why", "sent_bytes", "sent_blobs",
    "mounted_blobs", "seconds", "ended_at", "run_id",
)  # fmt: skip

#: Runs that the rate is taken from.
_LAST_RUNS = 10

_MICROSECONDS = 1_000_000


@dataclass(frozen=True, slots=True)
class CopyEnded:
    """The outcome of the entry at this position of the plan; `tags` are those that it has at the destination."""

    position: int
    entry: MigrationEntry
    tags: tuple[str, ...]
    outcome: MigrationOutcome


def write(database: Database, claim: Claim[MigrationPlan], ended: Sequence[CopyEnded]) -> None:
    at = now_micros()
    rows = [
        (
            claim.fingerprint,
            one.position,
            one.entry.repository,
            one.entry.to_repository,
            one.entry.digest,
            json.dumps(one.tags),
            one.outcome.word,
            storable(one.outcome.why),
            one.outcome.sent_bytes,
            one.outcome.sent_blobs,
            one.outcome.mounted_blobs,
            one.outcome.seconds,
            at,
            claim.run_id,
        )
        for one in ended
    ]
    news = ", ".join(
        f'"{column.name}" = excluded."{column.name}"' for column in copies.columns if not column.primary_key
    )
    with database.writing(f"write the outcomes of {len(ended)} copies") as connection:
        check_claim(connection, claim)
        insert_new(connection, copies, rows, also=f"ON CONFLICT (fingerprint, position) DO UPDATE SET {news}")


def outcomes(database: Database, fingerprint: str) -> dict[int, MigrationOutcome]:
    query = sa.select(copies).where(copies.c.fingerprint == fingerprint).order_by(copies.c.position)
    with database.reading("read the journal of a migration") as connection:
        return {
            row.position: MigrationOutcome(
                word=row.outcome,
                why=row.why,
                sent_bytes=row.sent_bytes,
                sent_blobs=row.sent_blobs,
                mounted_blobs=row.mounted_blobs,
                seconds=row.seconds,
            )
            for row in connection.execute(query)
        }


def frame(database: Database, fingerprint: str) -> pd.DataFrame:
    query = sa.select(copies).where(copies.c.fingerprint == fingerprint).order_by(copies.c.position)
    with database.reading("read the journal of a migration") as connection:
        rows = [
            {**row._mapping, "tags": ", ".join(row.tags), "ended_at": from_micros(row.ended_at)}
            for row in connection.execute(query)
        ]
    made = pd.DataFrame(rows, columns=list(COPY_JOURNAL_COLUMNS))
    made["ended_at"] = pd.to_datetime(made["ended_at"], utc=True).astype("datetime64[us, UTC]")
    return made


def rate(database: Database, subject: str) -> CopyRate | None:
    """Of the last runs of one migration; where it has none, of the last runs of any. None where nothing was copied."""
    with database.reading("look up how fast copies were") as connection:
        return _rate(connection, plans.c.subject == subject) or _rate(connection, sa.true())


def _rate(connection: sa.Connection, which: sa.ColumnElement[bool]) -> CopyRate | None:
    began = sa.func.min(copies.c.ended_at - copies.c.seconds * _MICROSECONDS)
    last = sa.func.max(copies.c.ended_at)
    query = (
        sa.select(
            sa.func.count().label("images"), sa.func.sum(copies.c.sent_bytes).label("sent_bytes"),
            (last - began).label("took"),
        )
        .join_from(copies, plans, plans.c.fingerprint == copies.c.fingerprint)
        .where(copies.c.outcome == "copied", which)
        .group_by(copies.c.fingerprint, copies.c.run_id)
        .order_by(last.desc())
        .limit(_LAST_RUNS)
    )  # fmt: skip
    rows: list[sa.Row[Any]] = list(connection.execute(query))
    seconds = sum(float(row.took) for row in rows) / _MICROSECONDS
    if not rows or seconds <= 0:
        return None
    return CopyRate(sum(row.images for row in rows), sum(int(row.sent_bytes) for row in rows), seconds)
