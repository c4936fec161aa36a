"""All that was ever seen of a registry, with what is gone: for rules that look back, and for back-tests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from resources.database.reading import Reading
from resources.database.schema import places
from resources.database.schema import snapshots as snapshots_table
from resources.database.sightings import SightingTable, SnapshotKind


@dataclass(frozen=True)
class PastReading(Reading):
    """Reads rows that stand, and rows that are gone and were last seen at or after `since` (None: all).

    A thing that went and came back has a row for each time.
    """

    since: int | None = None

    def _standing(self, table: SightingTable, sources: Sequence[str]) -> sa.ColumnElement[bool]:
        seen = table.sightings.c
        ours = seen.place_id.in_(
            sa.select(places.c.id).where(places.c.kind == table.kind, places.c.source.in_(sources))
        )
        if self.since is None:
            return ours
        return sa.and_(ours, sa.or_(seen.gone_at.is_(None), seen.last_seen_at >= self.since))


def places_read_whole(connection: sa.Connection, kind: SnapshotKind, source: str, as_of: int) -> frozenset[str]:
    """Places that a snapshot, or a later one, asked about and read to their end: absence from them means gone."""
    asked = sa.and_(places.c.kind == kind, places.c.source == source, places.c.read_at >= as_of)
    return frozenset(connection.scalars(sa.select(places.c.name).where(asked)))


def first_read_at(
    connection: sa.Connection, kind: SnapshotKind, source: str, *, after: int | None = None
) -> int | None:
    """When the first snapshot of a source began that was stored (of those that began after `after`); None before it."""
    table = snapshots_table.c
    query = sa.select(sa.func.min(table.as_of)).where(
        table.kind == kind, table.source == source, table.state.in_(("complete", "incomplete"))
    )
    if after is not None:
        query = query.where(table.as_of > after)
    found: int | None = connection.execute(query).scalar_one_or_none()
    return found
