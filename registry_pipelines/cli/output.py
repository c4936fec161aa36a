"""How commands print: tables for people, JSON and CSV for programs, progress on stderr.

A table on a terminal wraps what is too wide; piped, it is as wide as its content: nothing is ever cut off.
"""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from enum import Enum
from typing import Annotated, Any, Protocol

import typer

JsonOption = Annotated[bool, typer.Option("--json", help="Print a JSON list of objects.")]
CsvOption = Annotated[bool, typer.Option("--csv", help="Print CSV with a header.")]


class Form(Enum):
    """How rows are printed."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


def form_of(as_json: bool, as_csv: bool) -> Form:
    """The form that the options ask for."""
    if as_json and as_csv:
        raise typer.BadParameter("choose one of --json and --csv")
    return Form.JSON if as_json else Form.CSV if as_csv else Form.TABLE


def show(rows: Iterable[Mapping[Any, Any]], columns: Sequence[str], form: Form, *, empty: str = "nothing") -> None:
    """Print rows, with these keys and in their order; `empty` is what a table without rows says.

    Times are ISO 8601 in JSON and CSV. What is unknown (None, NaN, NaT) is null in JSON and empty elsewhere.
    """
    if form is Form.JSON:
        _show_json(rows, columns)
    elif form is Form.CSV:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows([_text(row.get(column)) for column in columns] for row in rows)
    else:
        _show_table(rows, columns, empty)


def line(text: str) -> None:
    """Print one line of pipeable output, flushed by the caller's exit; control characters are made visible."""
    sys.stdout.write(printable(text) + "\n")


def note(text: str) -> None:
    """Tell a person something on stderr, out of the way of the output."""
    print(printable(text), file=sys.stderr)


def printable(text: str) -> str:
    """The text with control characters escaped: a name from outside must not steer the terminal."""
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() or character == "\n" else character.encode("unicode_escape").decode()
        for character in text
    )


class Advance(Protocol):
    """Counts work that was done; `total` may become known, or grow, on the way."""

    def __call__(self, done: int = 1, *, total: int | None = None) -> None: ...


@contextmanager
def progress(what: str, total: int | None = None, *, in_bytes: bool = False) -> Iterator[Advance]:
    """A progress bar on stderr where that is a terminal, else nothing: `with progress("tags") as advance:`."""
    if not sys.stderr.isatty():
        yield lambda done=1, *, total=None: None
        return
    from rich.console import Console  # only where there is somebody to see it
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TransferSpeedColumn,
    )

    counted = (DownloadColumn(), TransferSpeedColumn()) if in_bytes else (MofNCompleteColumn(),)
    columns = (TextColumn("{task.description}"), BarColumn(), *counted, TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=total)

        def advance(done: int = 1, *, total: int | None = None) -> None:
            if total is not None:
                bar.update(task, total=total)
            bar.advance(task, done)

        yield advance


def _plain(value: Any) -> Any:
    """A value as JSON knows it."""
    if value is None or value is True or value is False:
        return value
    if hasattr(value, "item"):  # a scalar of numpy
        value = value.item()
    if value != value:  # NaN and NaT are unknown; nothing else differs from itself
        return None
    if isinstance(value, datetime):
        # Whole seconds or microseconds as they are; UTC is written `Z`.
        text = (value.astimezone(UTC) if value.tzinfo else value).isoformat()
        return text.replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(item) for item in value]
    return value if isinstance(value, (str, int, float)) else str(value)


def _text(value: Any) -> str:
    plain = _plain(value)
    if plain is None:
        return ""
    if isinstance(plain, bool):
        return "yes" if plain else "no"
    return plain if isinstance(plain, str) else json.dumps(plain, ensure_ascii=False)


def _show_json(rows: Iterable[Mapping[Any, Any]], columns: Sequence[str]) -> None:
    """A list, an object a line, written as the rows come."""
    separator = "["
    for row in rows:
        plain = {column: _plain(row.get(column)) for column in columns}
        sys.stdout.write(f"{separator}\n  {json.dumps(plain, ensure_ascii=False)}")
        separator = ","
    sys.stdout.write("[]\n" if separator == "[" else "\n]\n")


def _show_table(rows: Iterable[Mapping[Any, Any]], columns: Sequence[str], empty: str) -> None:
    from rich import box  # takes a moment; JSON and CSV do without
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD if sys.stdout.isatty() else None, pad_edge=False, show_edge=False)
    for column in columns:
        table.add_column(column.replace("_", " "), overflow="fold")
    widest, count = 0, 0
    for row in rows:
        cells = [printable(_cell(row.get(column))) for column in columns]
        widest = max(widest, sum(len(cell) for cell in cells))
        table.add_row(*(Text(cell) for cell in cells))
        count += 1
    if not count:
        note(empty)
        return
    if sys.stdout.isatty():
        Console(file=sys.stdout, highlight=False).print(table)
        return
    # Piped, rich would take 80 columns and wrap; a cell may hold characters that are two columns wide.
    console = Console(file=io.StringIO(), width=2 * widest + 40 * len(columns), highlight=False, color_system=None)
    console.print(table)
    for printed in console.file.getvalue().splitlines():  # type: ignore[attr-defined]
        sys.stdout.write(printed.rstrip() + "\n")


def _cell(value: Any) -> str:
    if isinstance(value, datetime) and value == value:
        return (value.astimezone(UTC) if value.tzinfo else value).strftime("%Y-%m-%d %H:%M")
    plain = _plain(value)
    return f"{plain:,}" if isinstance(plain, int) and not isinstance(plain, bool) else _text(plain)
