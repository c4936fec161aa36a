"""Times as registries write them: RFC 3339, with up to nine digits of a second (Go's `time.RFC3339Nano`)."""

from __future__ import annotations

import re
from datetime import UTC, datetime

_RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)", re.ASCII)


def read_time(value: object) -> datetime | None:
    """An aware UTC datetime cut to microseconds, or None for whatever is no instant.

    No zone, no such day, outside of the years 1 to 9999, not a text: None. Dates that are merely improbable
    (1970, the year 1, tomorrow) are told as written; judging them is for retention.
    """
    if not isinstance(value, str) or not _RFC3339.fullmatch(value):
        return None
    try:
        return datetime.fromisoformat(value).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
