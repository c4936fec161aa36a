"""Snapshots as values: which readings of a source there were, how whole, and when."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa

from registry_core.coverage import Coverage
from registry_core.errors import IncompleteSnapshot
from resources.database.schema import snapshots as table
from resources.database.sightings import SnapshotKind
from resources.database.times import from_micros, maybe_from_micros

SnapshotState = Literal["running", "complete", "incomplete"]


class SnapshotSuperseded(IncompleteSnapshot):
    """A newer snapshot of the same source was stored first: this one was dropped and the newer one stands."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One reading of one source. Its `coverage` says what was asked and what answered (empty while running)."""

    id: int
    kind: SnapshotKind
    source: str
    as_of: datetime  #: when the reading began
    started_at: datetime
    finished_at: datetime | None
    state: SnapshotState
    coverage: Coverage = field(repr=False)
    basis: Mapping[str, str] = field(default_factory=dict, repr=False)  #: what a derived snapshot was made from
    run_id: str | None = None

    @property
    def complete(self) -> bool:
        return self.state == "complete"


def newest(connection: sa.Connection, kind: SnapshotKind, source: str, states: tuple[str, ...]) -> Snapshot | None:
    """The snapshot with the newest `as_of` among those in these states; of equals the one stored last."""
    found = _select(kind, source).where(table.c.state.in_(states)).limit(1)
    row = connection.execute(found).one_or_none()
    return None if row is None else _snapshot(row)


def list_snapshots(connection: sa.Connection, kind: SnapshotKind, source: str, limit: int) -> list[Snapshot]:
    """The newest first, running ones among them."""
    return [_snapshot(row) for row in connection.execute(_select(kind, source).limit(limit))]


def snapshot_by_id(connection: sa.Connection, snapshot_id: int) -> Snapshot:
    return _snapshot(connection.execute(sa.select(table).where(table.c.id == snapshot_id)).one())


def _select(kind: SnapshotKind, source: str) -> sa.Select[Any]:
    ours = sa.select(table).where(table.c.kind == kind, table.c.source == source)
    return ours.order_by(table.c.as_of.desc(), table.c.id.desc())


def _snapshot(row: sa.Row[Any]) -> Snapshot:
    found = row._mapping
    return Snapshot(
        id=found["id"],
        kind=found["kind"],
        source=found["source"],
        as_of=from_micros(found["as_of"]),
        started_at=from_micros(found["started_at"]),
        finished_at=maybe_from_micros(found["finished_at"]),
        state=found["state"],
        coverage=Coverage.from_json(found["coverage"]) if found["coverage"] else Coverage(),
        basis=found["basis"] or {},
        run_id=found["run_id"],
    )
