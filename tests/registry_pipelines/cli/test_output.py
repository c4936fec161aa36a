"""Tables for people, JSON and CSV for programs: whole, and with nothing that steers a terminal."""

from __future__ import annotations

import csv
import io
import json
from datetime import datetime, timedelta, timezone

import numpy as np
import pandas as pd
import pytest

from registry_pipelines.cli.output import Form, line, printable, progress, show

ROWS = [
    {
        "name": "[bold]x[/bold]",
        "at": datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone(timedelta(hours=1))),
        "count": np.int64(12345),
        "seen": pd.Timestamp("2026-01-02T03:04:05Z"),
        "never": pd.NaT,
        "share": float("nan"),
        "missing": None,
        "yes": np.bool_(True),
        "parts": ("a", "b"),
        "age": timedelta(minutes=2),
    }
]
COLUMNS = tuple(ROWS[0])


def test_json_knows_times_numbers_and_the_unknown(capsys: pytest.CaptureFixture[str]) -> None:
    show(ROWS, COLUMNS, Form.JSON)
    assert json.loads(capsys.readouterr().out) == [
        {
            "name": "[bold]x[/bold]",
            "at": "2026-01-02T02:04:05Z",
            "count": 12345,
            "seen": "2026-01-02T03:04:05Z",
            "never": None,
            "share": None,
            "missing": None,
            "yes": True,
            "parts": ["a", "b"],
            "age": 120.0,
        }
    ]


def test_csv_leaves_the_unknown_empty(capsys: pytest.CaptureFixture[str]) -> None:
    show(ROWS, COLUMNS, Form.CSV)
    header, row = csv.reader(io.StringIO(capsys.readouterr().out))
    assert header == list(COLUMNS)
    assert row[1] == "2026-01-02T02:04:05Z"
    assert row[4:8] == ["", "", "", "yes"]


def test_json_is_written_as_rows_come(capsys: pytest.CaptureFixture[str]) -> None:
    def rows():
        yield {"n": 1}
        yield {"n": 2}
        assert '{"n": 1}' in capsys.readouterr().out

    show(rows(), ("n",), Form.JSON)
    assert capsys.readouterr().out == "\n]\n"


def test_a_table_that_is_piped_is_as_wide_as_its_content(capsys: pytest.CaptureFixture[str]) -> None:
    wide = "x" * 500 + "界" * 100
    show([{"a": wide, "b": "end"}], ("a", "b"), Form.TABLE)
    header, row = capsys.readouterr().out.splitlines()
    assert row == f"{wide}  end"
    assert header.split() == ["a", "b"]


def test_a_table_shows_markup_as_it_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    show(ROWS, ("name", "count"), Form.TABLE)
    out = capsys.readouterr().out
    assert "[bold]x[/bold]" in out
    assert "12,345" in out


def test_a_table_without_rows_says_so_beside_the_output(capsys: pytest.CaptureFixture[str]) -> None:
    show([], ("a",), Form.TABLE, empty="no image is in use")
    assert capsys.readouterr() == ("", "no image is in use\n")


@pytest.mark.parametrize("name", ["\x1b[31mred", "two\x07", "\x9b2J", "a\u202eb"])
def test_a_name_from_outside_cannot_steer_the_terminal(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    line(name)
    show([{"a": name}], ("a",), Form.TABLE)
    out = capsys.readouterr().out
    assert all(character.isprintable() for character in out.replace("\n", ""))
    assert "\\" in printable(name)


def test_progress_is_silent_where_nobody_looks(capsys: pytest.CaptureFixture[str]) -> None:
    with progress("things", 3) as advance:
        advance()
        advance(2, total=5)
    assert capsys.readouterr() == ("", "")
