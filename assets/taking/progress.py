"""Progress of long work, told to whoever listens: a bar in a terminal, log lines in Dagster."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Protocol


class Progress(Protocol):
    """Told what is being done and how far it is. `advance` may be called very often."""

    def begin(self, what: str, *, total: int | None = None) -> None:
        """Something starts; `total` things where known."""

    def advance(self, count: int = 1, *, total: int | None = None) -> None:
        """`count` more are done; `total` corrects what was known."""

    def note(self, message: str) -> None:
        """A sentence worth keeping."""


class Silent:
    """Nobody listens."""

    def begin(self, what: str, *, total: int | None = None) -> None: ...

    def advance(self, count: int = 1, *, total: int | None = None) -> None: ...

    def note(self, message: str) -> None: ...


class LoggedProgress:
    """Progress as log lines with counts and rate, at most one each `every`."""

    def __init__(
        self,
        log: Callable[[str], object],
        *,
        clock: Callable[[], float] = time.monotonic,
        every: timedelta = timedelta(seconds=10),
    ) -> None:
        self._log, self._clock, self._every = log, clock, every.total_seconds()
        self.begin("")

    def begin(self, what: str, *, total: int | None = None) -> None:
        self._what, self._total, self._done = what, total, 0
        self._began = self._said = self._clock()

    def advance(self, count: int = 1, *, total: int | None = None) -> None:
        self._done += count
        self._total = total if total is not None else self._total
        now = self._clock()
        if now - self._said >= self._every:
            self._said = now
            of = f" of {self._total:,}" if self._total else ""
            rate = self._done / max(now - self._began, 1e-9)
            self._log(f"{self._what}: {self._done:,}{of}, {rate:,.0f} a second")

    def note(self, message: str) -> None:
        self._log(message)
