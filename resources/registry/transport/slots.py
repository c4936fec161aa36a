"""The bound on what is under way at one registry, over all engines and threads."""

from __future__ import annotations

import threading


class Slots:
    """As many transfers at once as the settings allow (`connections`).

    Blob downloads are counted apart, with the same limit: a copy holds one open while it uploads, and would
    wait for itself with one connection.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._free = {False: limit, True: limit}  # by `streaming`
        self._lock = threading.Lock()
        self._freed = threading.Condition(self._lock)
        self._waiting = 0

    def take(self, *, streaming: bool) -> bool:
        with self._lock:  # a semaphore takes three locks for this, 400,000 times a crawl
            free = self._free[streaming]
            if not free:
                return False
            self._free[streaming] = free - 1
        return True

    def give_back(self, *, streaming: bool) -> None:
        with self._lock:
            self._free[streaming] += 1
            if self._waiting:
                self._freed.notify()

    def wait(self, seconds: float) -> None:
        """Sleep until a slot may be free again, no longer than `seconds`."""
        with self._lock:
            self._waiting += 1
            self._freed.wait_for(lambda: self._free[False] > 0, seconds)
            self._waiting -= 1
