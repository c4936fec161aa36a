"""Rows of a query as columns of a frame, quickly and in little memory.

Texts are `object` columns with None for unknown, counts `Int64`, times `datetime64[us, UTC]`. Equal texts of one
reading are one object in memory.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import sqlalchemy as sa

#: Absent number; numpy reads it as NaT where the number is a time.
ABSENT = np.iinfo("int64").min

_FETCHED_AT_ONCE = 50_000

Arrays = dict[str, np.ndarray[Any, Any]]


def fetch_columns(
    connection: sa.Connection, query: sa.Select[Any], numbers: Collection[str], texts: dict[str, str]
) -> Arrays:
    """The columns of a query by name: `numbers` as int64 (ABSENT for null), others as objects shared by `texts`."""
    names = [column.name for column in query.selected_columns]
    parts: dict[str, list[np.ndarray[Any, Any]]] = {name: [_empty(name in numbers)] for name in names}
    share = texts.setdefault
    with connection.execute(query, execution_options={"yield_per": _FETCHED_AT_ONCE}) as result:
        while rows := result.fetchmany(_FETCHED_AT_ONCE):
            for name, values in zip(names, zip(*rows, strict=True), strict=True):
                if name in numbers:
                    part = np.array([ABSENT if value is None else value for value in values], dtype="int64")
                else:
                    part = _objects([value if value is None else share(value, value) for value in values])
                parts[name].append(part)
    return {name: np.concatenate(part) for name, part in parts.items()}


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
