"""Rows of a query as columns of a frame, quickly and in little memory.

Texts are `object` columns with None for unknown, counts `Int64`, times `datetime64[us, UTC]`. Equal texts of one
reading are one object in memory.
"""

from __future__ import annotations

import gc
from collections.abc import Collection, Container, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import pandas as pd
import sqlalchemy as sa

#: Absent number; numpy reads it as NaT where the number is a time.
ABSENT = np.iinfo("int64").min

_FETCHED_AT_ONCE = 50_000

Arrays = dict[str, np.ndarray[Any, Any]]


def fetch_columns(
    connection: sa.Connection,
    query: sa.Select[Any],
    numbers: Collection[str],
    texts: dict[str, str],
    only: Container[str] | None = None,
) -> Arrays:
    """The columns of a query by name: `numbers` as int64 (ABSENT for null), others as objects shared by `texts`.

    `only` are the values of the first column whose rows are wanted.
    """
    names = [column.name for column in query.selected_columns]
    parts: dict[str, list[np.ndarray[Any, Any]]] = {name: [_empty(name in numbers)] for name in names}
    share = texts.setdefault
    options = {"yield_per": _FETCHED_AT_ONCE}
    with _no_collection(), connection.execute(query, execution_options=options) as result:
        while rows := result.fetchmany(_FETCHED_AT_ONCE):
            wanted = rows if only is None else [row for row in rows if row[0] in only]
            for name, values in zip(names, zip(*wanted, strict=True), strict=bool(wanted)):
                if name in numbers:
                    part = np.array([ABSENT if value is None else value for value in values], dtype="int64")
                else:
                    part = _objects([value if value is None else share(value, value) for value in values])
                parts[name].append(part)
    return {name: np.concatenate(part) for name, part in parts.items()}


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


def aligned(found: Arrays, key: str, wanted: np.ndarray[Any, Any]) -> Arrays:
    """The rows of `found` whose unique `key` is wanted, in that order; absent where there is none."""
    rows = pd.Index(found[key], dtype=object).get_indexer(pd.Index(wanted, dtype=object))
    absent = {
        name: np.array([ABSENT if values.dtype == "int64" else None], values.dtype) for name, values in found.items()
    }
    # -1, for not found, takes the last one: the absent value that is put there.
    return {name: np.concatenate([values, absent[name]])[rows] for name, values in found.items() if name != key}


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


def _objects(values: list[Any]) -> np.ndarray[Any, Any]:
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def _empty(number: bool) -> np.ndarray[Any, Any]:
    return np.empty(0, dtype="int64" if number else object)
