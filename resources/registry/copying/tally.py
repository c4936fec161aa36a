"""The bytes of a copy, counted by all its workers."""

from __future__ import annotations

import threading


class Tally:
    """What travelled, and what is known to have to."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.sent_bytes = 0
        self.expected_bytes = 0

    def passed(self, count: int) -> None:
        with self._lock:
            self.sent_bytes += count

    def expect(self, count: int) -> None:
        with self._lock:
            self.expected_bytes += count
