"""The workers of a copy: a few threads, each with a connection to both sides, and what is left to be done, in order."""

from __future__ import annotations

import heapq
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from itertools import count

from resources.registry.connection import RegistryConnection
from resources.registry.reading import Reader

_LONGEST_GOODBYE_SECONDS = 5.0


class Rank(IntEnum):
    """What is done first: what ends an image, then what is quick, then the largest blobs."""

    CONCLUDE = 0
    MOUNT = 1
    LOOK = 2
    CARRY = 3


@dataclass(frozen=True, slots=True)
class Hands:
    """What a worker holds: both registries, over engines of its own thread."""

    source: Reader
    destination: Reader


Deed = Callable[[Hands], None]


class Stopped(Exception):
    """The copy was broken off by whoever asked for it."""


class Crew:
    """Threads that are there while the context is open. A deed that raises ends the copy: `failed` is told."""

    def __init__(
        self,
        source: RegistryConnection,
        destination: RegistryConnection,
        width: int,
        failed: Callable[[BaseException], None],
    ) -> None:
        self._source = source
        self._destination = destination
        self._failed = failed
        self._heap: list[tuple[int, int, int, Deed]] = []
        self._serial = count()
        self._change = threading.Condition()
        self._threads = [threading.Thread(target=self._work, name=f"copy-{at}", daemon=True) for at in range(width)]
        self.stopped = False

    def __enter__(self) -> Crew:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with self._change:
            self.stopped = True
            self._change.notify_all()
        until = time.monotonic() + _LONGEST_GOODBYE_SECONDS
        for thread in self._threads:  # one that waits for a silent registry may wait alone
            thread.join(max(0.0, until - time.monotonic()))

    def add(self, rank: Rank, deed: Deed, *, size_bytes: int = 0) -> None:
        """Have it done by whoever is free; of one rank, the largest first."""
        with self._change:
            heapq.heappush(self._heap, (rank, -size_bytes, next(self._serial), deed))
            self._change.notify()

    def go_on(self) -> None:
        """Raises Stopped where the copy was broken off."""
        if self.stopped:
            raise Stopped

    def _work(self) -> None:
        try:
            with self._source.engine() as source, self._destination.engine() as destination:
                hands = Hands(Reader(self._source, source), Reader(self._destination, destination))
                while (deed := self._next()) is not None:
                    deed(hands)
        except Stopped:
            pass
        except BaseException as error:  # noqa: BLE001 - told to whoever waits for the outcomes
            self._failed(error)

    def _next(self) -> Deed | None:
        with self._change:
            while not self._heap and not self.stopped:
                self._change.wait()
            return None if self.stopped else heapq.heappop(self._heap)[3]
