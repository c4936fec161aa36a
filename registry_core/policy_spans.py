"""Spans of time as a person writes them in a policy or a limit: `90s`, `15m`, `2h`, `30d`, `4w`."""

from __future__ import annotations

import re
from datetime import timedelta

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_LONGEST = timedelta(days=36500)

#: How far back uses count, beside those of the newest inventories: not at all, or as far as anything was recorded.
NOW, FOREVER = timedelta(0), timedelta.max
_WINDOWS = {"now": NOW, "forever": FOREVER}


def parse_span(text: object) -> timedelta:
    """`30d` as a span. Raises ValueError with what to write instead, also for more than a hundred years."""
    match = re.fullmatch(r"\s*(\d{1,12})\s*([smhdw])\s*", text) if isinstance(text, str) else None
    if not match:
        raise ValueError(f"write a span of time as a number and one of s, m, h, d, w (`30d`), not {text!r}")
    try:
        span = timedelta(**{_UNITS[match[2]]: int(match[1])})
    except OverflowError:
        span = timedelta.max
    if span > _LONGEST:
        raise ValueError(f"{text!r} is more than a hundred years: write a shorter span (`30d`)")
    return span


def print_span(span: timedelta) -> str:
    """The span in its largest whole unit but weeks, so that `parse_span` gives it back: `36h`, `30d`.

    Parts of a second are told as the whole seconds before them.
    """
    seconds = int(span.total_seconds())
    for unit, length in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds and seconds % length == 0:
            return f"{seconds // length}{unit}"
    return f"{seconds}s"


def parse_window(text: object) -> timedelta:
    """`31d`, `now` or `forever` as a span. Raises ValueError as `parse_span`, and for a span of nothing."""
    if isinstance(text, str) and text.strip() in _WINDOWS:
        return _WINDOWS[text.strip()]
    try:
        span = parse_span(text)
    except ValueError as error:
        raise ValueError(f"{error}; `now` and `forever` are possible too") from None
    if not span:
        raise ValueError(f"{text!r} is no span: write a longer one (`30d`), or `now` for the newest inventories alone")
    return span


def print_window(window: timedelta) -> str:
    """The window as a person writes it: `31d`, `now`, `forever`."""
    return next((word for word, span in _WINDOWS.items() if span == window), None) or print_span(window)


def print_age(span: timedelta) -> str:
    """An age for a sentence, in one unit, rounded down: `3 days`, `5 hours`, `1 minute`."""
    seconds = max(0, int(span.total_seconds()))
    for unit, length in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= length:
            count = seconds // length
            return f"{count} {unit}{'' if count == 1 else 's'}"
    return f"{seconds} second{'' if seconds == 1 else 's'}"
