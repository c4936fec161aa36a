"""When to ask again: how long to wait, and when enough is enough."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_FIRST_WAIT_SECONDS = 0.5
_LONGEST_WAIT_SECONDS = 30.0
_LONGEST_RETRY_AFTER_SECONDS = 366 * 86_400.0

#: Statuses that pass: timeout, too early, too many requests, and the server's own troubles.
PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})


def backoff_seconds(attempt: int) -> float:
    """Wait before the try after `attempt` failed ones (1, 2, …): doubling, with half of it by chance."""
    longest = min(_LONGEST_WAIT_SECONDS, _FIRST_WAIT_SECONDS * 2.0 ** (min(attempt, 16) - 1))
    return longest * (0.5 + random.random() / 2)  # noqa: S311 - spreads retries, guards nothing


def retry_after_seconds(value: str | None, *, now: datetime | None = None, date: str | None = None) -> float | None:
    """`Retry-After` (RFC 9110, 10.2.3), seconds or a date, as seconds from now; None where it makes no sense.

    A date is read against the server's own `Date` where it sent one, so that a wrong clock does no harm.
    """
    if not value:
        return None
    value = value.strip()
    if value.isascii() and value.isdigit():
        return min(float(value), _LONGEST_RETRY_AFTER_SECONDS)
    until = _parse_date(value)
    if until is None:
        return None
    reference = _parse_date(date) or now or datetime.now(UTC)
    return min(max(0.0, (until - reference).total_seconds()), _LONGEST_RETRY_AFTER_SECONDS)


def _parse_date(value: str | None) -> datetime | None:
    if not value:
        return None
    try:
        parsed = parsedate_to_datetime(value)
    except (ValueError, IndexError, TypeError, OverflowError):
        return None
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


class RetryBudget:
    """Retries are for the odd failure: a registry that fails all the time is told so, not asked five times more.

    Each retry takes one, each good answer gives back a tenth; at zero, requests fail at their first failure
    (gRPC's retry throttling, gRFC A6). 400,000 tags of a broken registry then cost one try each.
    """

    def __init__(self, size: int = 200) -> None:
        self._size = float(size)
        self._left = float(size)

    def take(self) -> bool:
        if self._left < 1:
            return False
        self._left -= 1
        return True

    def earn(self) -> None:
        if self._left < self._size:
            self._left = min(self._size, self._left + 0.1)


class Breaker:
    """Fails fast after several requests in a row found nobody, retries included; then lets one through to see.

    It counts requests that gave up, not attempts: one restart of a registry breaks many connections at once.
    """

    def __init__(self, limit: int = 5, rest_seconds: float = 30.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit = limit
        self._rest_seconds = rest_seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._gave_up = 0
        self._closed_until = 0.0
        self._last = ""

    def refuses(self) -> str | None:
        """Why nobody should ask now; None where asking is fine."""
        if self._gave_up < self._limit:
            return None
        with self._lock:
            now = self._clock()
            if now >= self._closed_until:
                self._closed_until = now + self._rest_seconds  # this one may try; the others wait for it
                return None
        return self._last

    def gave_up(self, why: str) -> None:
        with self._lock:
            self._gave_up += 1
            self._last = why
            self._closed_until = self._clock() + self._rest_seconds

    def answered(self) -> None:
        if self._gave_up:
            self._gave_up = 0

    @property
    def open(self) -> bool:
        return self._gave_up >= self._limit
