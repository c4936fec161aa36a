"""All that was ever seen of a registry, with what is gone: for rules that look back, and for back-tests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
import sqlalchemy as sa

from registry_core.inventory import INVENTORY_COLUMNS
from resources.database.columns import fetch_columns, frame_of, text_column, time_column
from resources.database.reading import Reading
from resources.database.schema import places
from resources.database.schema import snapshots as snapshots_table
from resources.database.sightings import IMAGE_USES, SIGHTING_TIMES, SightingTable, SnapshotKind

_USE = (
    "namespace", "owner_kind", "owner_name", "container", "container_kind", "reference", "registry", "repository",
    "tag", "digest", "invalid", "status_digest", "status_repository",
)  # fmt: skip


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


@dataclass(frozen=True)
class GoneReading(PastReading):
    """Reads only the rows that are gone."""

    def _standing(self, table: SightingTable, sources: Sequence[str]) -> sa.ColumnElement[bool]:
        gone = table.sightings.c.gone_at
        # `gone_at` is never before `last_seen_at`, and it is in an index.
        lately = gone.is_not(None) if self.since is None else gone >= self.since
        return sa.and_(super()._standing(table, sources), lately)


def past_uses(connection: sa.Connection, since: int | None) -> pd.DataFrame:
    """INVENTORY_COLUMNS of all clusters that were ever read, for what was last seen at or after `since` (None: all).

    A row for each way in which a workload named an image, with the times; what was seen of single pods is left out.
    """
    seen = IMAGE_USES.sightings.c
    named = [seen[name] for name in _USE]
    last = last_seen(IMAGE_USES)
    query = (
        sa.select(
            places.c.source.label("cluster"),
            *named,
            sa.func.min(seen.first_seen_at).label("first_seen_at"),
            sa.func.max(last).label("last_seen_at"),
        )
        .join_from(IMAGE_USES.sightings, places, places.c.id == seen.place_id)
        .where(places.c.kind == IMAGE_USES.kind)
        .group_by(places.c.source, *named)
    )
    if since is not None:
        query = query.where(sa.or_(seen.gone_at.is_(None), seen.gone_at >= since)).having(sa.func.max(last) >= since)
    found = fetch_columns(connection, query, SIGHTING_TIMES, {})
    columns = {name: text_column(values) for name, values in found.items() if name not in SIGHTING_TIMES}
    columns |= {name: time_column(found[name]) for name in SIGHTING_TIMES}
    return frame_of(columns, list(columns)).reindex(columns=list(INVENTORY_COLUMNS))


def last_seen(table: SightingTable) -> sa.Case[int]:
    """An open row was last seen when its place was last read whole."""
    seen = table.sightings.c
    later = sa.and_(seen.gone_at.is_(None), places.c.read_at > seen.last_seen_at)
    return sa.case((later, places.c.read_at), else_=seen.last_seen_at)


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
