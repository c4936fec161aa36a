"""The journal of an eviction plan: what is kept of each entry before its request, and what became of it."""

from __future__ import annotations

import json
import zlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

import pandas as pd
import sqlalchemy as sa

from registry_core.digests import verify
from registry_core.eviction import Plan
from registry_core.eviction_entries import Entry
from registry_core.eviction_outcome import EntryOutcome
from registry_core.foreign_json import storable
from resources.database.bulk import insert_new
from resources.database.connection import Database
from resources.database.ledger_claims import check_claim
from resources.database.ledger_records import JOURNAL_COLUMNS, Claim, EntryEnded, JournalLine, KeptImage
from resources.database.ledger_schema import journal, kept_manifests, plans
from resources.database.manifests import IN_LIST
from resources.database.times import maybe_from_micros, now_micros, to_micros

#: Asked again: the manifest was read again too, and what it was told before stands no more.
_ASKED_AGAIN = ("tags", "referrers", "media_type", "kept_at", "outcome", "why", "ended_at", "run_id")
_ENDED = ("outcome", "why", "ended_at", "run_id")


def write_before(database: Database, claim: Claim[Plan], kept: Sequence[KeptImage]) -> None:
    for image in kept:
        if not verify(image.document, image.entry.digest):
            raise ValueError(f"the manifest kept of {image.entry.digest} has another digest: it could not be restored")
    at = now_micros()
    documents = {image.entry.digest: image.document for image in kept}
    packed = [(digest, zlib.compress(document, 6)) for digest, document in sorted(documents.items())]
    rows = [
        (
            claim.fingerprint,
            image.position,
            *_named(image.entry),
            json.dumps(image.tags),
            json.dumps(image.referrers),
            image.media_type,
            at,
            *(None, "", None),
            claim.run_id,
            *(None, None),
        )
        for image in kept
    ]
    with database.writing(f"keep {len(kept)} manifests before their deletion") as connection:
        check_claim(connection, claim)
        insert_new(connection, kept_manifests, packed)
        insert_new(connection, journal, rows, also=_replacing(_ASKED_AGAIN))


def write_after(database: Database, claim: Claim[Plan], ended: Sequence[EntryEnded]) -> None:
    at = now_micros()
    asked, not_asked = (
        [
            (
                claim.fingerprint,
                one.position,
                *_named(one.entry),
                json.dumps(one.entry.tags),
                "[]",
                one.entry.media_type,
                None,
                one.outcome.word,
                storable(one.outcome.why),
                at,
                claim.run_id,
                *(None, None),
            )
            for one in ended
            if one.was_asked == was_asked
        ]
        for was_asked in (True, False)
    )
    with database.writing(f"write the outcomes of {len(ended)} entries") as connection:
        check_claim(connection, claim)
        insert_new(connection, journal, asked, also=_replacing(_ENDED))
        insert_new(connection, journal, not_asked, also=_replacing((*_ENDED, "kept_at")))


def _named(entry: Entry) -> tuple[str, str, str]:
    return entry.kind, entry.repository, entry.digest


def _replacing(names: Sequence[str]) -> str:
    news = ", ".join(f'"{name}" = excluded."{name}"' for name in names)
    return f"ON CONFLICT (fingerprint, position) DO UPDATE SET {news}"


def lines(database: Database, fingerprint: str) -> list[JournalLine]:
    query = sa.select(journal).where(journal.c.fingerprint == fingerprint).order_by(journal.c.position)
    with database.reading("read a journal") as connection:
        return [_line(row) for row in connection.execute(query)]


def _line(row: sa.Row[Any]) -> JournalLine:
    return JournalLine(
        position=row.position,
        kind=row.kind,
        repository=row.repository,
        digest=row.digest,
        tags=tuple(row.tags),
        referrers=tuple(row.referrers),
        media_type=row.media_type,
        kept_at=maybe_from_micros(row.kept_at),
        outcome=None if row.outcome is None else EntryOutcome(row.outcome, row.why),
        ended_at=maybe_from_micros(row.ended_at),
        run_id=row.run_id,
        restored_at=maybe_from_micros(row.restored_at),
        restored_by=row.restored_by,
    )


def frame(database: Database, fingerprint: str) -> pd.DataFrame:
    rows = [
        (
            line.position,
            line.kind,
            line.repository,
            line.digest,
            ", ".join(line.tags),
            line.media_type,
            None if line.outcome is None else line.outcome.word,
            "" if line.outcome is None else line.outcome.why,
            line.kept_at,
            line.ended_at,
            line.run_id,
            ", ".join(line.referrers),
            line.restored_at,
            line.restored_by,
        )
        for line in lines(database, fingerprint)
    ]
    made = pd.DataFrame(rows, columns=list(JOURNAL_COLUMNS))
    for name in ("kept_at", "ended_at", "restored_at"):
        made[name] = pd.to_datetime(made[name], utc=True).astype("datetime64[us, UTC]")
    for name in ("outcome", "media_type", "restored_by"):
        made[name] = made[name].astype(object).where(made[name].notna(), None)
    return made


def has_deleted(database: Database, registry: str) -> bool:
    query = (
        sa.select(journal.c.position)
        .join(plans, plans.c.fingerprint == journal.c.fingerprint)
        .where(plans.c.subject == registry, plans.c.kind == "eviction", journal.c.outcome == "deleted")
        .limit(1)
    )
    with database.reading(f"look up whether {registry} ever deleted anything") as connection:
        return connection.execute(query).first() is not None


def kept_documents(database: Database, digests: Iterable[str]) -> Iterator[tuple[str, bytes]]:
    wanted = sorted(set(digests))
    with database.reading("read kept manifests") as connection:
        for start in range(0, len(wanted), IN_LIST):
            some = wanted[start : start + IN_LIST]
            query = sa.select(kept_manifests).where(kept_manifests.c.digest.in_(some))
            for digest, packed in connection.execute(query):
                yield digest, zlib.decompress(packed)


def mark_restored(
    database: Database, fingerprint: str, positions: Collection[int], *, run_id: str, at: datetime
) -> None:
    wanted = sorted(positions)
    with database.writing("note what was restored") as connection:
        for start in range(0, len(wanted), IN_LIST):
            some = wanted[start : start + IN_LIST]
            connection.execute(
                sa.update(journal)
                .where(journal.c.fingerprint == fingerprint, journal.c.position.in_(some))
                .values(restored_at=to_micros(at), restored_by=run_id)
            )
