"""Rows of a query as columns of a frame, quickly and in little memory.

Texts are `object` columns with None for unknown, counts `Int64`, times `datetime64[us, UTC]`. Equal texts of one
reading are one object in memory.
"""

from __future__ import annotations

import gc
from collections.abc import Collection, Container, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice, repeat
from typing import Any

import numpy as np
import pandas as pd
import sqlalchemy as sa

#: Absent number; numpy reads it as NaT where the number is a time.
ABSENT = np.iinfo("int64").min

_FETCHED_AT_ONCE = 1_000

Arrays = dict[str, np.ndarray[Any, Any]]


def fetch_columns(
    connection: sa.Connection,
    query: sa.Select[Any],
    numbers: Collection[str],
    texts: dict[Any, Any],
    only: Container[str] | None = None,
) -> Arrays:
    """The columns of a query by name: `numbers` as int64 (ABSENT for null), others as objects shared by `texts`.

    `only` are the values of the first column whose rows are wanted.
    """
    names = [column.name for column in query.selected_columns]
    parts: dict[str, list[np.ndarray[Any, Any]]] = {name: [_empty(0, number=name in numbers)] for name in names}
    for rows in _fetched(connection, query):
        wanted = rows if only is None else [row for row in rows if row[0] in only]
        for name, values in zip(names, zip(*wanted, strict=True), strict=bool(wanted)):
            parts[name].append(_numbers(values) if name in numbers else _shared(values, texts))
    return {name: np.concatenate(part) for name, part in parts.items()}


def fetch_aligned(
    connection: sa.Connection,
    query: sa.Select[Any],
    numbers: Collection[str],
    texts: dict[Any, Any],
    wanted: np.ndarray[Any, Any],
) -> Arrays:
    """As `fetch_columns`, a row for each of `wanted`, in that order: the row that has it in the unique first column,
    which is not among the columns that come back. Absent where there is none."""
    rows_of, distinct = pd.factorize(wanted)
    place = {text: at for at, text in enumerate(distinct)}
    names = [column.name for column in query.selected_columns][1:]
    found = {name: _empty(len(distinct), number=name in numbers) for name in names}
    for rows in _fetched(connection, query):
        at = np.fromiter(map(place.get, (row[0] for row in rows), repeat(-1)), dtype="int64", count=len(rows))
        if (at < 0).any():
            rows, at = [row for row, there in zip(rows, at >= 0, strict=True) if there], at[at >= 0]
        for name, values in zip(names, islice(zip(*rows, strict=True), 1, None), strict=bool(rows)):
            found[name][at] = _numbers(values) if name in numbers else _shared(values, texts)
    return {name: column[rows_of] for name, column in found.items()}


def _fetched(connection: sa.Connection, query: sa.Select[Any]) -> Iterator[Sequence[sa.Row[Any]]]:
    """The rows of a query, as many at a time as stay in the processor's cache until they are columns."""
    options = {"stream_results": True, "max_row_buffer": _FETCHED_AT_ONCE}
    with _no_collection(), connection.execute(query, execution_options=options) as result:
        while rows := result.fetchmany(_FETCHED_AT_ONCE):
            yield rows


@contextmanager
def _no_collection() -> Iterator[None]:
    """Millions of short-lived rows hold no cycles; looking for some costs a quarter of the time of a reading."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def text_column(values: np.ndarray[Any, Any]) -> pd.Series[Any]:
    # Without the dtype pandas would make `str` of it, where unknown is NaN.
    return pd.Series(values, dtype=object)


def count_column(values: np.ndarray[Any, Any]) -> pd.Series[Any]:
    return pd.Series(pd.arrays.IntegerArray(values, values == ABSENT))


def time_column(micros: np.ndarray[Any, Any]) -> pd.Series[Any]:
    return pd.Series(micros.view("datetime64[us]")).dt.tz_localize("UTC")


def frame_of(columns: Mapping[str, pd.Series[Any]], order: Sequence[str]) -> pd.DataFrame:
    """A frame of these columns in this order, without a copy."""
    return pd.DataFrame({name: columns[name] for name in order}, copy=False)


def taken(values: Sequence[str], rows: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Object array of `values[row]` for each row."""
    found: np.ndarray[Any, Any] = _objects(list(values))[rows]
    return found


def _numbers(values: tuple[int | None, ...]) -> np.ndarray[Any, Any]:
    if None in values:
        return np.array([ABSENT if value is None else value for value in values], dtype="int64")
    return np.array(values, dtype="int64")


def _shared(values: tuple[str | None, ...], texts: dict[Any, Any]) -> np.ndarray[Any, Any]:
    """The texts as objects, each the one that `texts` has already; None is a text like any other."""
    return np.fromiter(map(texts.setdefault, values, values), dtype=object, count=len(values))


def _objects(values: list[Any]) -> np.ndarray[Any, Any]:
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def _empty(size: int, *, number: bool) -> np.ndarray[Any, Any]:
    return np.full(size, ABSENT, dtype="int64") if number else np.full(size, None, dtype=object)
