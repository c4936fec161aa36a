"""Frames that were worked out from snapshots (usage, findings), as rows of their sighting tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pandas as pd

from registry_core.coverage import Coverage
from resources.database.sightings import EVERYWHERE, SightingTable
from resources.database.times import to_micros


@dataclass(frozen=True, slots=True)
class Derivation:
    """How a derived frame came to be: from which snapshots (`basis`), of what time, and how whole they were."""

    as_of: datetime
    basis: Mapping[str, str] = field(default_factory=dict)
    coverage: Coverage = field(default=Coverage(), repr=False)
    run_id: str | None = None


def rows_by_place(table: SightingTable, frame: pd.DataFrame) -> Iterator[tuple[str, list[list[Any]]]]:
    """The rows of a frame, place by place, as `SnapshotWriter.add_rows` takes them.

    The frame needs the place and the stored columns of the table; sighting times in it are not looked at.
    KeyError names a column that is not there.
    """
    columns = [_plain(table, name, frame[name]) for name in table.columns]
    rows = [list(row) for row in zip(*columns, strict=True)]
    if table.place is None:
        yield EVERYWHERE, rows
        return
    by_place: dict[str, list[list[Any]]] = {}
    for place, row in zip(_plain(table, table.place, frame[table.place]), rows, strict=True):
        by_place.setdefault(place, []).append(row)
    yield from by_place.items()


def _plain(table: SightingTable, name: str, column: pd.Series[Any]) -> list[Any]:
    """Python values with None for every sort of missing; times as microseconds."""
    values = [None if missing else value for value, missing in zip(column.tolist(), column.isna(), strict=True)]
    if name in table.times:
        return [value if value is None else to_micros(value) for value in values]
    if name in table.counts:
        return [value if value is None else int(value) for value in values]
    return [value if value is None else str(value) for value in values]
