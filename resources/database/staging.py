"""Staging: where a run keeps what it reads until it is done, apart from the other runs.

Each snapshot stages rows under its own id. A run that is killed leaves its staged rows behind, and nothing else;
the next run of that source clears them away.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta

import sqlalchemy as sa

from resources.database.bulk import insert_new
from resources.database.manifests import in_lists
from resources.database.schema import places, snapshots, staged_places
from resources.database.sightings import SnapshotKind, tables_of
from resources.database.times import now_micros

#: A run that began longer ago than this and is not done is taken for dead.
ABANDONED_AFTER = timedelta(hours=24)


def still_running(connection: sa.Connection, snapshot_id: int) -> bool:
    """Whether the snapshot was not cleared away; holds it in place until the transaction ends."""
    found = sa.select(snapshots.c.id).where(snapshots.c.id == snapshot_id, snapshots.c.state == "running")
    return connection.execute(found.with_for_update(read=True, key_share=True)).one_or_none() is not None


def clear_abandoned(connection: sa.Connection, kind: SnapshotKind, source: str) -> None:
    """Clear away the runs of this source that began too long ago to be alive."""
    too_old = now_micros() - ABANDONED_AFTER // timedelta(microseconds=1)
    dead = _running(kind, source).where(snapshots.c.started_at < too_old)
    clear(connection, kind, connection.execute(dead).scalars().all())


def clear_superseded(connection: sa.Connection, kind: SnapshotKind, source: str, as_of: int) -> None:
    """Clear away runs of this source that began reading before: what they bring will be older than what is known."""
    older = _running(kind, source).where(snapshots.c.as_of < as_of)
    clear(connection, kind, connection.execute(older).scalars().all())


def _running(kind: SnapshotKind, source: str) -> sa.Select[int]:
    return sa.select(snapshots.c.id).where(
        snapshots.c.kind == kind, snapshots.c.source == source, snapshots.c.state == "running"
    )


def clear(connection: sa.Connection, kind: SnapshotKind, snapshot_ids: Iterable[int]) -> None:
    """Forget snapshots that never were finished, and all that they staged."""
    ids = list(snapshot_ids)
    if not ids:
        return
    # The snapshots first: a batch in flight holds its own, so that none comes in behind us.
    connection.execute(sa.delete(snapshots).where(snapshots.c.id.in_(ids), snapshots.c.state == "running"))
    for snapshot_id in ids:
        clear_staged(connection, kind, snapshot_id)


def clear_staged(connection: sa.Connection, kind: SnapshotKind, snapshot_id: int) -> None:
    """Drop what one snapshot staged."""
    for table in tables_of(kind):
        connection.execute(sa.delete(table.staged).where(table.staged.c.snapshot_id == snapshot_id))
    connection.execute(sa.delete(staged_places).where(staged_places.c.snapshot_id == snapshot_id))


def clear_place(connection: sa.Connection, kind: SnapshotKind, snapshot_id: int, place_id: int) -> None:
    for table in tables_of(kind):
        staged = table.staged.c
        connection.execute(
            sa.delete(table.staged).where(staged.snapshot_id == snapshot_id, staged.place_id == place_id)
        )


def stage_places(connection: sa.Connection, snapshot_id: int, whole: Mapping[int, bool]) -> None:
    """Places by id: whether each was read whole."""
    insert_new(connection, staged_places, [(snapshot_id, place_id, is_whole) for place_id, is_whole in whole.items()])


def place_ids(connection: sa.Connection, kind: SnapshotKind, source: str, names: Iterable[str]) -> dict[str, int]:
    """Ids of places by name; those not known yet are made. Two runs may do so at once.

    Names go in order, so that two runs wait for each other instead of blocking each other.
    """
    wanted = sorted(names)
    insert = sa.text("INSERT INTO places (kind, source, name) VALUES (:kind, :source, :name) ON CONFLICT DO NOTHING")
    found: dict[str, int] = {}
    for some in in_lists(wanted):
        query = sa.select(places.c.name, places.c.id).where(
            places.c.kind == kind, places.c.source == source, places.c.name.in_(some)
        )
        found |= {row.name: row.id for row in connection.execute(query)}
        missing = [{"kind": kind, "source": source, "name": name} for name in some if name not in found]
        if missing:
            connection.execute(insert, missing)
            found |= {row.name: row.id for row in connection.execute(query)}
    return found
