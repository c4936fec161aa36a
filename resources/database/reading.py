"""The state of a source as frames: now, or as it was known at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import sqlalchemy as sa

from registry_core.catalog import CHILD_COLUMNS, IMAGE_COLUMNS, CatalogFrames
from resources.database.columns import (
    ABSENT,
    Arrays,
    count_column,
    fetch_columns,
    frame_of,
    taken,
    text_column,
    time_column,
)
from resources.database.schema import manifest_children, manifests, places
from resources.database.sightings import IMAGES, TAGS, SightingTable

_FACTS = (
    "media_type", "artifact_type", "subject", "config_digest", "size_bytes", "image_bytes", "layers", "created_at",
    "os", "architecture", "variant",
)  # fmt: skip
_FACT_COUNTS = ("size_bytes", "image_bytes", "layers")
_SIGHTING = ("place_id", "first_seen_at", "last_seen_at", "gone_at")


@dataclass(frozen=True)
class Reading:
    """One transaction, and the time that is asked for (None: now). Texts are shared by all that it reads."""

    connection: sa.Connection
    at: int | None = None
    texts: dict[str, str] = field(default_factory=dict, repr=False)

    def sightings(self, table: SightingTable, sources: Sequence[str]) -> pd.DataFrame:
        """The rows that stood at the time, as the table's own frame."""
        query = sa.select(*_chosen(table)).where(self._standing(table, sources))
        columns = self._columns(query, table, sources, times=table.times, counts=table.counts)
        return frame_of(columns, table.frame_columns)

    def catalog(self, registry: str) -> CatalogFrames:
        """Tags, images with the facts of their manifests, children of the indexes among them."""
        return CatalogFrames(
            registry=registry,
            tags=self.sightings(TAGS, [registry]),
            images=self._images(registry),
            children=self._children(registry),
        )

    def _images(self, registry: str) -> pd.DataFrame:
        known = IMAGES.sightings.outerjoin(manifests, manifests.c.digest == IMAGES.sightings.c.digest)
        query = sa.select(*_chosen(IMAGES), *(manifests.c[name] for name in _FACTS)).select_from(known)
        query = query.where(self._standing(IMAGES, [registry]))
        times, counts = IMAGES.times | {"created_at"}, frozenset(_FACT_COUNTS)
        return frame_of(self._columns(query, IMAGES, [registry], times=times, counts=counts), IMAGE_COLUMNS)

    def _children(self, registry: str) -> pd.DataFrame:
        images = sa.select(IMAGES.sightings.c.digest).where(self._standing(IMAGES, [registry]))
        listed = manifest_children.c
        query = sa.select(listed.digest, listed.child, listed.position).where(listed.digest.in_(images))
        found = fetch_columns(self.connection, query.order_by(listed.digest, listed.position), {"position"}, self.texts)
        texts = {name: text_column(found[name]) for name in ("digest", "child")}
        return frame_of(texts | {"position": pd.Series(found["position"])}, CHILD_COLUMNS)

    def _standing(self, table: SightingTable, sources: Sequence[str]) -> sa.ColumnElement[bool]:
        """Rows of the sources that stood at the time: first seen before or then, and not found gone by then."""
        seen = table.sightings.c
        ours = seen.place_id.in_(
            sa.select(places.c.id).where(places.c.kind == table.kind, places.c.source.in_(sources))
        )
        if self.at is None:
            return sa.and_(ours, seen.gone_at.is_(None))
        return sa.and_(ours, seen.first_seen_at <= self.at, sa.or_(seen.gone_at.is_(None), seen.gone_at > self.at))

    def _columns(
        self,
        query: sa.Select[Any],
        table: SightingTable,
        sources: Sequence[str],
        *,
        times: frozenset[str],
        counts: frozenset[str],
    ) -> dict[str, pd.Series[Any]]:
        found = fetch_columns(self.connection, query, {*_SIGHTING, *times, *counts}, self.texts)
        typed = {
            name: time_column if name in times else count_column if name in counts else text_column for name in found
        }
        columns = {name: typed[name](values) for name, values in found.items() if name not in _SIGHTING}
        return columns | self._sighting_columns(table, sources, found)

    def _sighting_columns(
        self, table: SightingTable, sources: Sequence[str], found: Arrays
    ) -> dict[str, pd.Series[Any]]:
        """Place, source and the two times. An open row was last seen when its place was last read whole."""
        query = sa.select(places.c.id, places.c.name, places.c.source, places.c.read_at)
        ours = query.where(places.c.kind == table.kind, places.c.source.in_(sources))
        by_id = {place_id: (name, source, read_at) for place_id, name, source, read_at in self.connection.execute(ours)}
        ids, rows = np.unique(found["place_id"], return_inverse=True)
        placed = [by_id[place_id] for place_id in ids.tolist()]
        read_at = np.array([ABSENT if read is None else read for _, _, read in placed], dtype="int64")[rows]
        still_open = found["gone_at"] == ABSENT
        last_seen = np.maximum(found["last_seen_at"], np.where(still_open, read_at, ABSENT))
        if self.at is not None:
            last_seen = np.minimum(last_seen, self.at)
        columns = {"first_seen_at": time_column(found["first_seen_at"]), "last_seen_at": time_column(last_seen)}
        if table.place:
            columns[table.place] = text_column(taken([name for name, _, _ in placed], rows))
        if table.source:
            columns[table.source] = text_column(taken([source for _, source, _ in placed], rows))
        return columns


def _chosen(table: SightingTable) -> list[sa.ColumnElement[Any]]:
    return [table.sightings.c[name] for name in (*_SIGHTING, *table.columns)]
