"""What only a history can tell: where a tag pointed, when an image was last used, what was read whole."""

from __future__ import annotations

from typing import Any

import pandas as pd
import sqlalchemy as sa

from resources.database.columns import fetch_columns, frame_of, text_column, time_column
from resources.database.past import last_seen
from resources.database.schema import places
from resources.database.sightings import TAGS, USAGE, SnapshotKind

_TIMES = ("first_seen_at", "last_seen_at")


def last_pointing(connection: sa.Connection, registry: str, repository: str, tag: str) -> pd.DataFrame:
    """Digests that a tag pointed to, the newest first: digest, first_seen_at, last_seen_at.

    A digest that the tag came back to has a row for each time.
    """
    seen = TAGS.sightings.c
    last = last_seen(TAGS).label("last_seen_at")
    query = (
        sa.select(seen.digest, seen.first_seen_at, last)
        .join_from(TAGS.sightings, places, places.c.id == seen.place_id)
        .where(places.c.kind == TAGS.kind, places.c.source == registry, places.c.name == repository)
        .where(seen.tag == tag, seen.digest.is_not(None))
        .order_by(last.desc(), seen.first_seen_at.desc())
    )
    return _frame(connection, query, ["digest"])


def last_used(connection: sa.Connection, registry: str, repository: str | None = None) -> pd.DataFrame:
    """Images that any cluster ever used: repository, digest, first_seen_at, last_seen_at (the newest of all uses)."""
    seen = USAGE.sightings.c
    query = (
        sa.select(
            places.c.name.label("repository"),
            seen.digest,
            sa.func.min(seen.first_seen_at).label("first_seen_at"),
            sa.func.max(last_seen(USAGE)).label("last_seen_at"),
        )
        .join_from(USAGE.sightings, places, places.c.id == seen.place_id)
        .where(places.c.kind == USAGE.kind, places.c.source == registry)
        .group_by(places.c.name, seen.digest)
        .order_by(places.c.name, seen.digest)
    )
    if repository is not None:
        query = query.where(places.c.name == repository)
    return _frame(connection, query, ["repository", "digest"])


def places_read_whole(connection: sa.Connection, kind: SnapshotKind, source: str, as_of: int) -> frozenset[str]:
    """Names of the places that the snapshot of this time read whole; none once a newer one was stored."""
    query = sa.select(places.c.name).where(places.c.kind == kind, places.c.source == source, places.c.read_at == as_of)
    return frozenset(connection.execute(query).scalars())


def _frame(connection: sa.Connection, query: sa.Select[Any], texts: list[str]) -> pd.DataFrame:
    found = fetch_columns(connection, query, _TIMES, {})
    columns = {name: text_column(found[name]) for name in texts}
    return frame_of(columns | {name: time_column(found[name]) for name in _TIMES}, [*texts, *_TIMES])
