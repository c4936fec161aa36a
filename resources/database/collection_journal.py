"""The journal of a collection: that it was begun, how, and what the registry's storage held before and after."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import pandas as pd
import sqlalchemy as sa

from registry_core.collection import CollectionPlan
from registry_core.foreign_json import storable
from resources.database.connection import Database
from resources.database.ledger_claims import check_claim
from resources.database.ledger_records import Claim
from resources.database.ledger_schema import plans
from resources.database.schema import metadata
from resources.database.times import from_micros, now_micros

#: One collection by its plan. `vendor_number` is the vendor's own of one that it was told to begin; bytes are null
#: where nobody told them; `ended_at` is null while it is not known how it ended.
collections = sa.Table(
    "collection_journal",
    metadata,
    sa.Column("fingerprint", sa.Text, sa.ForeignKey("plans.fingerprint"), primary_key=True),
    sa.Column("begun_at", sa.BigInteger, nullable=False),
    sa.Column("run_id", sa.Text, nullable=False),
    sa.Column("vendor_number", sa.BigInteger),
    sa.Column("before_bytes", sa.BigInteger),
    sa.Column("after_bytes", sa.BigInteger),
    sa.Column("freed_bytes", sa.BigInteger),
    sa.Column("ended_at", sa.BigInteger),
    sa.Column("succeeded", sa.Boolean),
    sa.Column("last_lines", sa.Text, nullable=False),
)

#: `CollectionJournal.frame`: the one row of a collection that was begun.
COLLECTION_JOURNAL_COLUMNS = (
    "fingerprint", "begun_at", "run_id", "vendor_number", "before_bytes", "after_bytes", "freed_bytes", "ended_at",
    "succeeded", "last_lines",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectionRecord:
    """One collection as far as it came, all runs of its plan together."""

    fingerprint: str
    begun_at: datetime
    run_id: str  #: of the run that wrote last
    vendor_number: int | None = None
    before_bytes: int | None = None  #: of the storage, as measured; None where it cannot be
    after_bytes: int | None = None
    freed_bytes: int | None = None  #: as measured, or as the vendor tells
    ended_at: datetime | None = None
    succeeded: bool | None = None
    last_lines: str = ""  #: the last that was written by what collected


class CollectionJournal:
    """The journals of collection plans. What a run writes shows its claim again."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(
        self,
        claim: Claim[CollectionPlan],
        *,
        before_bytes: int | None = None,
        vendor_number: int | None = None,
    ) -> None:
        """Note it before it is done. What an earlier run measured before stays: that is what was freed from.

        Refused when the claim was lost to another run.
        """
        with self._database.writing(f"note the collection {claim.fingerprint[:12]}") as connection:
            check_claim(connection, claim)
            known = connection.execute(_of(claim.fingerprint)).one_or_none()
            if known is None:
                values = {"fingerprint": claim.fingerprint, "begun_at": now_micros(), "run_id": claim.run_id,
                          "before_bytes": before_bytes, "vendor_number": vendor_number, "last_lines": ""}  # fmt: skip
                connection.execute(sa.insert(collections).values(values))
            else:
                kept = known.before_bytes if known.before_bytes is not None else before_bytes
                _update(connection, claim, before_bytes=kept, vendor_number=vendor_number, succeeded=None)

    def end(
        self,
        claim: Claim[CollectionPlan],
        *,
        succeeded: bool,
        after_bytes: int | None,
        freed_bytes: int | None,
        last_lines: str,
    ) -> None:
        """Note how it ended, and the last that was written by what collected. Refused when the claim was lost."""
        with self._database.writing(f"note the end of the collection {claim.fingerprint[:12]}") as connection:
            check_claim(connection, claim)
            _update(connection, claim, ended_at=now_micros(), succeeded=succeeded, after_bytes=after_bytes,
                    freed_bytes=freed_bytes, last_lines=storable(last_lines))  # fmt: skip

    def of(self, fingerprint: str) -> CollectionRecord | None:
        """How far the collection of a plan (fingerprint whole) came; None where it was not begun."""
        with self._database.reading("read the journal of a collection") as connection:
            row = connection.execute(_of(fingerprint)).one_or_none()
        return None if row is None else _record(row)

    def frame(self, fingerprint: str) -> pd.DataFrame:
        """The same as COLLECTION_JOURNAL_COLUMNS."""
        collected = self.of(fingerprint)
        rows = [] if collected is None else [asdict(collected)]
        return pd.DataFrame(rows, columns=list(COLLECTION_JOURNAL_COLUMNS), dtype=object)

    def last_of(self, registry: str) -> CollectionRecord | None:
        """The newest collection of a registry that succeeded; None where there was none."""
        query = (
            sa.select(collections)
            .join(plans, plans.c.fingerprint == collections.c.fingerprint)
            .where(plans.c.subject == registry, plans.c.kind == "collection", collections.c.succeeded.is_(True))
            .order_by(collections.c.begun_at.desc())
            .limit(1)
        )
        with self._database.reading("look for the last collection") as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else _record(row)


def _update(connection: sa.Connection, claim: Claim[CollectionPlan], **values: Any) -> None:
    where = collections.c.fingerprint == claim.fingerprint
    connection.execute(sa.update(collections).where(where).values(run_id=claim.run_id, **values))


def _of(fingerprint: str) -> sa.Select[Any]:
    return sa.select(collections).where(collections.c.fingerprint == fingerprint)


def _record(row: sa.Row[Any]) -> CollectionRecord:
    return CollectionRecord(
        fingerprint=row.fingerprint,
        begun_at=from_micros(row.begun_at),
        run_id=row.run_id,
        vendor_number=row.vendor_number,
        before_bytes=row.before_bytes,
        after_bytes=row.after_bytes,
        freed_bytes=row.freed_bytes,
        ended_at=None if row.ended_at is None else from_micros(row.ended_at),
        succeeded=row.succeeded,
        last_lines=row.last_lines,
    )
