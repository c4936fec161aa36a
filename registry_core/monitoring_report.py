"""Monitoring: `/_report.csv`, the rows of `/_report.json` for a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

from registry_core.monitoring_troubles import Trouble

REPORT_COLUMNS = ("tag", "wrongs", "namespaces", "phase")


def report_csv(troubles: Iterable[Trouble]) -> str:
    """A header and a row a trouble; lists are written `['one', 'two']`, as the predecessor wrote them.

    A text that a spreadsheet would take for a formula, which no reference is, gets an apostrophe in front.
    """
    written = io.StringIO()
    rows = csv.writer(written)
    rows.writerow(REPORT_COLUMNS)
    for trouble in troubles:
        row = trouble.to_row()
        rows.writerow(_no_formula(str(row[column])) for column in REPORT_COLUMNS)
    return written.getvalue()


def _no_formula(text: str) -> str:
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text
