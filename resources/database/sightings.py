"""Sightings: one row for a thing from when it was first seen until it was gone, instead of a copy for each run.

A `SightingTable` describes one sort of thing; its table, its staging table, the merge and the frame that is read
follow from the description. An open row (`gone_at` null) costs no write while nothing about it changes: it was
last seen when its place was last read whole. A thing that is gone and comes back gets a new row.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import sqlalchemy as sa

from registry_core.catalog import TAG_COLUMNS
from registry_core.findings import FINDING_COLUMNS, FINDING_KEY
from registry_core.inventory import INVENTORY_COLUMNS, INVENTORY_KEY
from registry_core.usage import USAGE_COLUMNS, USAGE_KEY
from resources.database.schema import metadata

SnapshotKind = Literal["inventory", "catalog", "usage", "health"]

#: The place of things that are always read all together.
EVERYWHERE = "*"

#: SQLite numbers rows by itself only where the key is called INTEGER (which has 64 bits there).
_ROW_NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")

SIGHTING_TIMES = ("first_seen_at", "last_seen_at")


@dataclass(frozen=True)
class SightingTable:
    """One sort of thing that is seen again and again.

    `key` is what makes two sightings the same thing, `attributes` may change while it lives and are kept as last
    seen. `place` and `source` name the frame columns that hold the name of the place and of the source: they are
    not stored in each row. Columns are text unless they stand in `counts` or `times`.
    """

    name: str
    kind: SnapshotKind
    key: tuple[str, ...]
    attributes: tuple[str, ...]
    place: str | None = None  #: None: all rows lie in one place
    source: str | None = None
    counts: frozenset[str] = frozenset()
    times: frozenset[str] = frozenset()
    carried: tuple[str, ...] = ()  #: attributes that a row without them does not take away
    answers_for: str | None = None  #: key column that has one answer at a time: a tag names one digest, with `fault`
    frame_columns: tuple[str, ...] = field(default=(), repr=False)

    @property
    def columns(self) -> tuple[str, ...]:
        """Stored columns, in the order of a staged row."""
        return (*self.key, *self.attributes, *self.carried)

    @cached_property
    def sightings(self) -> sa.Table:
        return sa.Table(
            f"{self.name}_sightings",
            metadata,
            sa.Column("id", _ROW_NUMBER, primary_key=True),
            sa.Column("place_id", sa.Integer, nullable=False),
            sa.Column("key_hash", sa.LargeBinary(16), nullable=False),
            sa.Column("first_seen_at", sa.BigInteger, nullable=False),
            sa.Column("last_seen_at", sa.BigInteger, nullable=False),
            sa.Column("gone_at", sa.BigInteger),
            sa.Column("attributes_hash", sa.BigInteger, nullable=False),
            *self._own_columns(),
            sa.Index(None, "place_id", "gone_at"),
            _one_open_row(self.name),
        )

    @cached_property
    def staged(self) -> sa.Table:
        return sa.Table(
            f"staged_{self.name}",
            metadata,
            sa.Column("snapshot_id", sa.Integer, primary_key=True, autoincrement=False),
            sa.Column("place_id", sa.Integer, primary_key=True, autoincrement=False),
            sa.Column("key_hash", sa.LargeBinary(16), primary_key=True),
            sa.Column("attributes_hash", sa.BigInteger, nullable=False),
            *self._own_columns(),
        )

    def _own_columns(self) -> list[sa.Column[Any]]:
        numbers = self.counts | self.times
        return [sa.Column(name, sa.BigInteger if name in numbers else sa.Text) for name in self.columns]


def _one_open_row(name: str) -> sa.Index:
    """A thing has one open row; unique, it is also what SQLite's planner takes for the look-ups of a merge."""
    is_open = sa.text("gone_at IS NULL")
    return sa.Index(
        f"uq_{name}_sightings_open",
        "place_id",
        "key_hash",
        unique=True,
        sqlite_where=is_open,
        postgresql_where=is_open,
    )


def _without(columns: tuple[str, ...], *left_out: str) -> tuple[str, ...]:
    return tuple(column for column in columns if column not in left_out)


IMAGE_USES = SightingTable(
    name="inventory",
    kind="inventory",
    source="cluster",
    place="resource",
    key=_without(INVENTORY_KEY, "cluster", "resource"),
    attributes=_without(INVENTORY_COLUMNS, *INVENTORY_KEY, *SIGHTING_TIMES),
    counts=frozenset({"replicas"}),
    times=frozenset({"since"}),
    frame_columns=INVENTORY_COLUMNS,
)

#: A tag that moved is another sighting: its key has the digest, so that the history tells where it pointed when.
TAGS = SightingTable(
    name="tag",
    kind="catalog",
    place="repository",
    key=("tag", "digest"),
    attributes=("fault", "detail"),
    answers_for="tag",
    frame_columns=TAG_COLUMNS,
)

IMAGES = SightingTable(
    name="image",
    kind="catalog",
    place="repository",
    key=("digest",),
    attributes=(
        "found_by",
        "pushed_at",
        "pulled_at",
        "fault",
        "config_fault",
        "detail",
        "protection",
        "protection_fault",
    ),
    carried=("referrers_read_at",),
    times=frozenset({"pushed_at", "pulled_at", "referrers_read_at"}),
)

USAGE = SightingTable(
    name="usage",
    kind="usage",
    place="repository",
    key=_without(USAGE_KEY, "repository"),
    attributes=_without(USAGE_COLUMNS, *USAGE_KEY, *SIGHTING_TIMES),
    counts=frozenset({"pods"}),
    frame_columns=USAGE_COLUMNS,
)

FINDINGS = SightingTable(
    name="finding",
    kind="health",
    key=FINDING_KEY,
    attributes=_without(FINDING_COLUMNS, *FINDING_KEY),
    frame_columns=(*FINDING_COLUMNS, *SIGHTING_TIMES),
)

SIGHTING_TABLES = (IMAGE_USES, TAGS, IMAGES, USAGE, FINDINGS)

#: Made here, so that the metadata is whole for whoever imports it from this module.
ALL_TABLES = tuple(made for table in SIGHTING_TABLES for made in (table.sightings, table.staged))


def tables_of(kind: SnapshotKind) -> tuple[SightingTable, ...]:
    return tuple(table for table in SIGHTING_TABLES if table.kind == kind)
