"""Order: when an image came, and which images are newer or older in its repository.

The date is the push time where the registry tells it, else when we first saw the image (unless it was there
when we first looked), else `created`; of an index without a date, the newest of its children. The first of
these that says anything decides: if that is impossible (before 2013-03-20, after `as_of`) the date is unknown.
Unknown is no date: it is never compared, and a rule that needs it keeps the image.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd

from registry_core.retention_evidence import FIRST_IMAGE_EVER, Evidence
from registry_core.retention_nodes import Array, Nodes

UNKNOWN = np.iinfo(np.int64).min  #: no date; what pandas calls NaT
_IMPOSSIBLE = np.iinfo(np.int64).max
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DEEPEST = 16  #: indexes in indexes; more levels than any registry has been seen to hold


def microseconds(time: datetime) -> int:
    """A time as pandas counts it in `datetime64[us]`."""
    return (time - _EPOCH) // timedelta(microseconds=1)


def times(series: pd.Series) -> Array:
    """A column of times as microseconds, UNKNOWN where there is none; a copy."""
    aware = pd.to_datetime(series, utc=True)
    return np.array(aware.dt.as_unit("us").dt.tz_localize(None).to_numpy().view("int64"))


def day_of(microseconds_since_1970: int) -> str:
    """The day in UTC: `2026-03-29`."""
    return str(np.datetime64(microseconds_since_1970, "us").astype("datetime64[D]"))


def dates_of_images(nodes: Nodes, evidence: Evidence) -> Array:
    """The date of each image in microseconds, UNKNOWN where it is absent or impossible."""
    images = nodes.catalog.images
    first, last = microseconds(FIRST_IMAGE_EVER), microseconds(evidence.as_of)
    date = _created(nodes, first=first, last=last)
    seen = times(images["first_seen_at"])
    if evidence.history_began_at is not None:
        seen[seen <= microseconds(evidence.history_began_at)] = UNKNOWN
    date = np.where(seen != UNKNOWN, seen, date)
    pushed = times(images["pushed_at"])
    date = np.where(pushed != UNKNOWN, pushed, date)
    return np.where((date >= first) & (date <= last), date, UNKNOWN)


def _created(nodes: Nodes, *, first: int, last: int) -> Array:
    created = times(nodes.catalog.images["created_at"])
    created[(created != UNKNOWN) & ((created < first) | (created > last))] = _IMPOSSIBLE
    index, child = nodes.graph.children.edges_of(np.flatnonzero(created == UNKNOWN))
    for _ in range(_DEEPEST):
        before = created[index]
        np.maximum.at(created, index, created[child])
        if np.array_equal(before, created[index]):
            break
    return created


@dataclass(frozen=True)
class Order:
    """Images with a date, by repository, the newest first; those of one moment stand together.

    `rows` in that order; `group`, `group_end` and `start` are, for each place in `rows`, the first place of
    the same moment, the last one, and the first one of the repository.
    """

    rows: Array
    group: Array
    group_end: Array
    start: Array

    def newer(self, counted: Array) -> Array:
        """For each place: how many of the counted rows (a mask over all rows) of its repository are newer."""
        total = self._total(counted)
        return np.asarray(total[self.group] - total[self.start])

    def back_to(self, used: Array, counted: Array) -> Array:
        """For each place: how many steps back from the nearest used row as new or newer; -1 where none is.

        A step is a moment at which at least one counted row came, so rows of one moment are equally far back, and 0
        where one of them is used. Used rows must be counted.
        """
        if not len(self.rows):
            return np.empty(0, dtype=np.int64)
        total = self._total(counted)
        first = self.group == np.arange(len(self.rows), dtype=np.int32)
        begins = first & (total[self.group_end + 1] > total[self.group])
        step = np.cumsum(begins, dtype=np.int32)
        nearest = np.maximum.accumulate(np.where(used[self.rows], step, np.int32(-1)))[self.group_end]
        before = (step - begins)[self.start]
        return np.where(nearest > before, step - nearest, np.int32(-1))

    def _total(self, counted: Array) -> Array:
        total = np.zeros(len(self.rows) + 1, dtype=np.int32)
        np.cumsum(counted[self.rows], out=total[1:])
        return total


def order_images(nodes: Nodes, dates: Array, chosen: Array) -> Order:
    """Order the chosen rows (a mask) that have a date."""
    rows = np.flatnonzero(chosen & (dates != UNKNOWN))
    rows = rows[np.lexsort((-dates[rows], nodes.repository[rows]))]
    repository, date = nodes.repository[rows], dates[rows]
    places = np.arange(len(rows), dtype=np.int32)
    new_repository = np.append(True, repository[1:] != repository[:-1])[: len(rows)]
    new_moment = new_repository | np.append(True, date[1:] != date[:-1])[: len(rows)]
    group = np.maximum.accumulate(np.where(new_moment, places, np.int32(0))) if len(rows) else places
    start = np.maximum.accumulate(np.where(new_repository, places, np.int32(0))) if len(rows) else places
    first_places = np.flatnonzero(new_moment)
    ends = (np.append(first_places[1:], len(rows)) - 1).astype(np.int32)
    group_end = ends[np.cumsum(new_moment) - 1] if len(rows) else places
    return Order(rows=rows, group=group, group_end=group_end, start=start)
