"""Our frames as Dagster metadata that a person wants to read.

Dagster's tables are not virtualised, so at most 50 rows, short columns and no digests (design §9); NumPy and
pandas scalars are refused in metadata, so everything becomes a plain Python value here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
import pandas as pd

from registry_core.coverage import Coverage

Metadata = dict[str, Any]
"""Metadata of a materialization, by its label."""

MAX_ROWS = 50
_MAX_TEXT = 120
_MAX_SUMMARY = 1_000


def plain(value: Any) -> Any:
    """A value as metadata takes it: Python's own numbers and texts, or None."""
    if hasattr(value, "item"):
        value = value.item()
    if value is None or value is pd.NA or value != value:  # NaN and NaT differ from themselves
        return None
    return moment(value) if isinstance(value, datetime) else value


def moment(value: datetime) -> str:
    """A time as people of several time zones read it: `2026-11-21 07:35 UTC`."""
    return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


def amount(count: int, one: str, many: str | None = None) -> str:
    """`1 image`, `1,204 images`: a number with its noun."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def size(size_bytes: float) -> str:
    """Bytes as people read them, in powers of 1024: `3.4 GiB`."""
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if abs(size_bytes) < 1024 or unit == "TiB":
            return f"{size_bytes:,.0f} {unit}" if unit == "B" else f"{size_bytes:,.1f} {unit}"
        size_bytes /= 1024
    raise AssertionError("the loop ends at the last unit")


def table(frame: pd.DataFrame, columns: Sequence[str], *, rows: int = MAX_ROWS) -> dg.TableMetadataValue:
    """The first rows of a frame as a Dagster table, texts cut so that it stays readable."""
    shown = frame.loc[:, list(columns)].head(min(rows, MAX_ROWS))
    records = [
        dg.TableRecord({name: _cell(value) for name, value in zip(columns, row, strict=True)})
        for row in shown.itertuples(index=False)
    ]
    schema = dg.TableSchema(columns=[dg.TableColumn(name, type="string") for name in columns])
    return dg.MetadataValue.table(records=records, schema=schema)


def _cell(value: Any) -> str | int | float | bool:
    simple = plain(value)
    if simple is None:
        return ""
    shown: str | int | float | bool = _cut(simple) if isinstance(simple, str) else simple
    return shown


def _cut(text: str) -> str:
    return text if len(text) <= _MAX_TEXT else text[: _MAX_TEXT - 1] + "…"


def markdown_table(frame: pd.DataFrame, headings: Mapping[str, str], *, rows: int = 10) -> str:
    """A small Markdown table; `headings` maps columns to what the reader sees above them."""
    if frame.empty:
        return ""
    lines = ["| " + " | ".join(headings.values()) + " |", "|" + "---|" * len(headings)]
    for row in frame.loc[:, list(headings)].head(rows).itertuples(index=False):
        lines.append(
            "| " + " | ".join(str(_cell(value)).replace("|", "\\|").replace("\n", " ") for value in row) + " |"
        )
    if len(frame) > rows:
        lines.append(f"\n… and {len(frame) - rows:,} more.")
    return "\n".join(lines)


def coverage_markdown(coverage: Coverage) -> str:
    """Coverage as a sentence and, where something was not read, a list; what is excused only as a number."""
    excused = len(coverage.gaps) - len(coverage.unexcused)
    counts = f"{coverage.answered:,} of {coverage.asked:,} places answered" + (
        f", {excused} may be absent" if excused else ""
    )
    if coverage.complete:
        return f"**Complete**: {counts}."
    lines = [f"**Incomplete**: {counts}. Nothing may be concluded from what is not here."]
    lines += [f"- {gap.place}: **{gap.fault}**, {_cut(gap.detail)}" for gap in coverage.unexcused[:5]]
    if len(coverage.unexcused) > 5:
        lines.append(f"- … and {len(coverage.unexcused) - 5} more")
    return "\n".join(lines)


def summary_markdown(parts: Iterable[str]) -> dg.MarkdownMetadataValue:
    """The parts that fit, the weightiest first: Dagster shows Markdown of under 1,000 characters in place and
    hides longer ones behind "[Show Markdown]" (design §9)."""
    shown = ""
    for part in parts:
        longer = f"{shown}\n\n{part}" if shown and part else shown or part
        if len(longer) < _MAX_SUMMARY:
            shown = longer
    return dg.MetadataValue.md(shown)


def span(duration: timedelta) -> str:
    """A duration in its two largest units: `2 h 5 min`, `3 d 4 h`, `12 s`."""
    seconds = int(duration.total_seconds())
    units = (("d", 86400), ("h", 3600), ("min", 60), ("s", 1))
    parts = []
    for name, length in units:
        if seconds >= length:
            parts.append(f"{seconds // length} {name}")
            seconds %= length
    return " ".join(parts[:2]) or "0 s"
