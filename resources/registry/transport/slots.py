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
        self._free = threading.Semaphore(limit)
        self._free_streams = threading.Semaphore(limit)

    def take(self, *, streaming: bool) -> bool:
        return (self._free_streams if streaming else self._free).acquire(blocking=False)

    def give_back(self, *, streaming: bool) -> None:
        (self._free_streams if streaming else self._free).release()

    def wait(self, seconds: float) -> None:
        """Sleep until a slot may be free again, no longer than `seconds`."""
        if self._free.acquire(timeout=seconds):
            self._free.release()
