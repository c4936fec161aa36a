"""Make a staged snapshot part of the history, set by set, inside one transaction that the caller holds.

Law 1 is kept here: a row is closed only where its place was read whole (or the place itself is no longer listed),
or where its question has another answer now. Everything else stays as it was last known.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from resources.database.schema import places, staged_places
from resources.database.sightings import SightingTable, SnapshotKind

#: Faults that are no answer: what was known before still is.
_UNKNOWN = ("forbidden", "unreachable", "throttled", "corrupt")


@dataclass(frozen=True, slots=True)
class Merge:
    """The snapshot that is merged; `listed_whole`: places that are not staged are gone with all their rows."""

    snapshot_id: int
    kind: SnapshotKind
    source: str
    as_of: int
    listed_whole: bool


def merge(connection: sa.Connection, merge: Merge, table: SightingTable) -> None:
    """Staged rows of one table into its sightings. Places are marked afterwards, by `mark_places_read`."""
    if connection.dialect.name == "postgresql":
        # Fresh rows have no statistics yet, and without them the plan is one look-up a row.
        connection.exec_driver_sql(f'ANALYZE "{table.staged.name}"')
    _update_changed(connection, merge, table)
    _confirm_in_places_read_in_part(connection, merge, table)
    _close_what_is_gone(connection, merge, table)
    if table.answers_for:
        _close_what_has_another_answer(connection, merge, table, table.answers_for)
    if merge.listed_whole:
        _close(connection, merge, table, table.sightings.c.place_id.in_(_vanished_places(merge)))
    _insert_new(connection, merge, table)


def mark_places_read(connection: sa.Connection, merge: Merge) -> None:
    """The one write that an unchanged snapshot costs: a row a place."""
    whole = sa.select(staged_places.c.place_id).where(
        staged_places.c.snapshot_id == merge.snapshot_id, staged_places.c.whole
    )
    connection.execute(sa.update(places).where(places.c.id.in_(whole)).values(read_at=merge.as_of))


def _update_changed(connection: sa.Connection, merge: Merge, table: SightingTable) -> None:
    seen, staged = table.sightings.c, table.staged.c
    changed = [seen.attributes_hash != staged.attributes_hash]
    changed += [staged[name] != sa.func.coalesce(seen[name], -1) for name in table.carried]
    values: dict[Any, Any] = {seen[name]: staged[name] for name in table.attributes}
    values |= {seen[name]: sa.func.coalesce(staged[name], seen[name]) for name in table.carried}
    statement = (
        sa.update(table.sightings)
        .where(_same_thing(table), staged.snapshot_id == merge.snapshot_id, seen.gone_at.is_(None), sa.or_(*changed))
        .values({**values, seen.attributes_hash: staged.attributes_hash})
    )
    connection.execute(statement)


def _confirm_in_places_read_in_part(connection: sa.Connection, merge: Merge, table: SightingTable) -> None:
    # The place's `read_at` stays, so what was seen there says so itself.
    seen, staged = table.sightings.c, table.staged.c
    statement = (
        sa.update(table.sightings)
        .where(
            staged_places.c.snapshot_id == merge.snapshot_id,
            sa.not_(staged_places.c.whole),
            staged.snapshot_id == merge.snapshot_id,
            staged.place_id == staged_places.c.place_id,
            _same_thing(table),
            seen.gone_at.is_(None),
        )
        .values(last_seen_at=merge.as_of)
    )
    connection.execute(statement)


def _close_what_is_gone(connection: sa.Connection, merge: Merge, table: SightingTable) -> None:
    seen, staged = table.sightings.c, table.staged.c
    gone = sa.and_(seen.place_id.in_(_staged_places(merge, whole=True)), _not_staged(merge, table))
    if table.answers_for:
        unknown = sa.select(staged.place_id, staged[table.answers_for]).where(
            staged.snapshot_id == merge.snapshot_id, staged.fault.in_(_UNKNOWN)
        )
        gone = sa.and_(gone, sa.tuple_(seen.place_id, seen[table.answers_for]).not_in(unknown))
    _close(connection, merge, table, gone)


def _close_what_has_another_answer(
    connection: sa.Connection, merge: Merge, table: SightingTable, answers_for: str
) -> None:
    """Also where the place was not read whole: a tag that was read points nowhere else."""
    seen, staged = table.sightings.c, table.staged.c
    answered = sa.select(staged.place_id, staged[answers_for]).where(
        staged.snapshot_id == merge.snapshot_id,
        staged.place_id.in_(_staged_places(merge, whole=False)),
        sa.or_(staged.fault.is_(None), staged.fault.not_in(_UNKNOWN)),
    )
    moved = sa.tuple_(seen.place_id, seen[answers_for]).in_(answered)
    _close(connection, merge, table, sa.and_(moved, _not_staged(merge, table)))


def _close(connection: sa.Connection, merge: Merge, table: SightingTable, gone: sa.ColumnElement[bool]) -> None:
    seen = table.sightings.c
    still_open = seen.gone_at.is_(None)
    # Begun by a snapshot of the very same time that this one replaces: it never was.
    connection.execute(sa.delete(table.sightings).where(still_open, seen.first_seen_at == merge.as_of, gone))
    read_at = sa.select(places.c.read_at).where(places.c.id == seen.place_id).scalar_subquery()
    last_seen = sa.case((read_at > seen.last_seen_at, read_at), else_=seen.last_seen_at)
    connection.execute(
        sa.update(table.sightings).where(still_open, gone).values(gone_at=merge.as_of, last_seen_at=last_seen)
    )


def _insert_new(connection: sa.Connection, merge: Merge, table: SightingTable) -> None:
    seen, staged = table.sightings.c, table.staged.c
    known = sa.exists().where(_same_thing(table), seen.gone_at.is_(None)).correlate(table.staged)
    as_of = sa.literal(merge.as_of, sa.BigInteger)
    copied = ("place_id", "key_hash", "attributes_hash", *table.columns)
    fresh = (
        sa.select(*(staged[name] for name in copied), as_of.label("first"), as_of.label("last"))
        .where(staged.snapshot_id == merge.snapshot_id, sa.not_(known))
        .order_by(staged.place_id, staged.key_hash)
    )
    connection.execute(sa.insert(table.sightings).from_select([*copied, "first_seen_at", "last_seen_at"], fresh))


def _same_thing(table: SightingTable) -> sa.ColumnElement[bool]:
    seen, staged = table.sightings.c, table.staged.c
    return sa.and_(seen.place_id == staged.place_id, seen.key_hash == staged.key_hash)


def _not_staged(merge: Merge, table: SightingTable) -> sa.ColumnElement[bool]:
    staged = sa.exists().where(_same_thing(table), table.staged.c.snapshot_id == merge.snapshot_id)
    return sa.not_(staged.correlate(table.sightings))


def _staged_places(merge: Merge, *, whole: bool) -> sa.Select[int]:
    ours = sa.select(staged_places.c.place_id).where(staged_places.c.snapshot_id == merge.snapshot_id)
    return ours.where(staged_places.c.whole if whole else sa.not_(staged_places.c.whole))


def _vanished_places(merge: Merge) -> sa.Select[int]:
    listed = sa.select(staged_places.c.place_id).where(staged_places.c.snapshot_id == merge.snapshot_id)
    return sa.select(places.c.id).where(
        places.c.kind == merge.kind, places.c.source == merge.source, places.c.id.not_in(listed)
    )
