"""How fast we may ask: the bound on requests a second, and the pause that a throttling registry asked for."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

_BURST_SECONDS = 0.1


class Pace:
    """A token bucket over all threads (`requests_per_second`), and a time before which nobody asks."""

    def __init__(self, per_second: float | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._interval = 1 / per_second if per_second else 0.0
        self._clock = clock
        self._next = 0.0
        self._held_until = 0.0
        self._lock = threading.Lock()

    def reserve(self) -> float:
        """Take the next free moment; how many seconds from now it is."""
        if not self._interval:
            return max(0.0, self._held_until - self._clock()) if self._held_until else 0.0
        with self._lock:
            now = self._clock()
            start = max(self._next, now - _BURST_SECONDS, self._held_until)
            self._next = start + self._interval
            return max(0.0, start - now)

    @property
    def held_seconds(self) -> float:
        """How long the registry asked us to stay away, from now."""
        return max(0.0, self._held_until - self._clock())

    def hold(self, seconds: float) -> None:
        """Nobody asks before this has passed: one request was throttled, the others would be."""
        with self._lock:
            self._held_until = max(self._held_until, self._clock() + seconds)
