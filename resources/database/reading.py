"""The state of a source as frames: now, or as it was known at a time."""

from __future__ import annotations

from collections.abc import Container, Sequence
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
    fetch_aligned,
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
        found = fetch_columns(self.connection, query, {*_SIGHTING, *table.times, *table.counts}, self.texts)
        typed = _typed(found, table.times, table.counts)
        return frame_of(typed | self._sighting_columns(table, sources, found), table.frame_columns)

    def catalog(self, registry: str) -> CatalogFrames:
        """Tags, images with the facts of their manifests, children of the indexes among them."""
        tags = self.sightings(TAGS, [registry])
        images = self._images(registry)
        digests = set(images["digest"])
        return CatalogFrames(registry=registry, tags=tags, images=images, children=self._children(digests))

    def _images(self, registry: str) -> pd.DataFrame:
        query = sa.select(*_chosen(IMAGES)).where(self._standing(IMAGES, [registry]))
        images = fetch_columns(self.connection, query, {*_SIGHTING, *IMAGES.times}, self.texts)
        # Read through and matched here: the databases take twice as long to look up each of 400,000 digests.
        facts = sa.select(manifests.c.digest, *(manifests.c[name] for name in _FACTS))
        numbers = {*_FACT_COUNTS, "created_at"}
        known = fetch_aligned(self.connection, facts, numbers, self.texts, images["digest"])
        typed = _typed(images | known, IMAGES.times | {"created_at"}, _FACT_COUNTS)
        return frame_of(typed | self._sighting_columns(IMAGES, [registry], images), IMAGE_COLUMNS)

    def _children(self, digests: Container[str]) -> pd.DataFrame:
        listed = manifest_children.c
        query = sa.select(*(listed[name] for name in CHILD_COLUMNS)).order_by(listed.digest, listed.position)
        found = fetch_columns(self.connection, query, {"position"}, self.texts, only=digests)
        return frame_of(_typed(found) | {"position": pd.Series(found["position"])}, CHILD_COLUMNS)

    def _standing(self, table: SightingTable, sources: Sequence[str]) -> sa.ColumnElement[bool]:
        """Rows of the sources that stood at the time: first seen before or then, and not found gone by then."""
        seen = table.sightings.c
        ours = seen.place_id.in_(
            sa.select(places.c.id).where(places.c.kind == table.kind, places.c.source.in_(sources))
        )
        if self.at is None:
            return sa.and_(ours, seen.gone_at.is_(None))
        return sa.and_(ours, seen.first_seen_at <= self.at, sa.or_(seen.gone_at.is_(None), seen.gone_at > self.at))

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


def _typed(found: Arrays, times: Container[str] = (), counts: Container[str] = ()) -> dict[str, pd.Series[Any]]:
    columns = {}
    for name, values in found.items():
        if name not in _SIGHTING:
            typed = time_column if name in times else count_column if name in counts else text_column
            columns[name] = typed(values)
    return columns
