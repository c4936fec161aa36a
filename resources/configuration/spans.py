"""Spans of time as a person writes them: `90s`, `15m`, `2h`, `30d`, `4w`."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated

from pydantic import BeforeValidator

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def parse_span(value: object) -> timedelta:
    """A text as a span. Raises ValueError with what to write instead."""
    if isinstance(value, timedelta):
        return value
    match = re.fullmatch(r"\s*(\d{1,6})\s*([smhdw])\s*", value, re.ASCII) if isinstance(value, str) else None
    if not match:
        raise ValueError(f"write a span of time as a number and one of s, m, h, d, w (`30d`), not {str(value)[:60]!r}")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


def print_span(span: timedelta) -> str:
    """The shortest text that `parse_span` reads as the same span."""
    seconds = int(span.total_seconds())
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if seconds and seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


Span = Annotated[timedelta, BeforeValidator(parse_span)]
