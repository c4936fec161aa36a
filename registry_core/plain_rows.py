"""Rows of a frame as plain Python values, for code that looks at them one by one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd


def plain_rows(frame: pd.DataFrame, columns: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    """The named columns, row by row; every sort of missing value is None."""
    values = []
    for name in columns:
        column = frame[name]
        missing = column.isna().to_numpy()
        values.append([None if absent else value for value, absent in zip(column.tolist(), missing, strict=True)])
    return zip(*values, strict=True)


def text_or_none(value: Any) -> str | None:
    """A cell of a text column, which may be None, NaN or NA where nothing is known."""
    return value if isinstance(value, str) else None
