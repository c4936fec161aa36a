"""One transaction for what arrives while another one is written.

A commit costs a SQLite database milliseconds, whatever is in it. Threads that come meanwhile queue up, and the first of
them to get its turn writes for all.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from registry_core.errors import RegistryPipelinesError

Item = TypeVar("Item")
Result = TypeVar("Result")


class _Waiting(Generic[Item, Result]):
    """One item, until its result or its error is there."""

    def __init__(self, item: Item) -> None:
        self.item = item
        self.results: list[Result] = []
        self.error: BaseException | None = None

    def result(self) -> Result:
        if self.error is not None:
            raise self.error
        return self.results[0]

    @property
    def is_done(self) -> bool:
        return bool(self.results) or self.error is not None


class GroupCommit(Generic[Item, Result]):
    """`write` stores several items in one transaction and returns a result for each; all or none are stored then.

    Where it fails for several, each is written alone, so that one that cannot be stored takes no other with it; but
    not where the database itself may pass (busy, away): then all fail at once.
    """

    def __init__(self, write: Callable[[Sequence[Item]], Sequence[Result]], *, most: int = 500) -> None:
        self._write = write
        self._most = most
        self._queue: list[_Waiting[Item, Result]] = []
        self._queued = threading.Lock()
        self._writing = threading.Lock()

    def add(self, item: Item) -> Result:
        """Blocks until the item is committed. Raises what `write` raises."""
        waiting: _Waiting[Item, Result] = _Waiting(item)
        with self._queued:
            self._queue.append(waiting)
        while not waiting.is_done:
            with self._writing:
                if not waiting.is_done:
                    self._write_queued()
        return waiting.result()

    def _write_queued(self) -> None:
        with self._queued:
            batch, self._queue = self._queue[: self._most], self._queue[self._most :]
        try:
            self._store(batch)
        except RegistryPipelinesError as error:
            if not error.retryable and len(batch) > 1:
                self._store_each(batch)
            else:
                _fail(batch, error)
        except Exception as error:  # noqa: BLE001 - raised in the threads that wait
            _fail(batch, error) if len(batch) == 1 else self._store_each(batch)
        except BaseException as error:
            _fail(batch, error)
            raise

    def _store_each(self, batch: Sequence[_Waiting[Item, Result]]) -> None:
        for waiting in batch:
            try:
                self._store([waiting])
            except Exception as error:  # noqa: BLE001 - raised in the thread that waits
                waiting.error = error

    def _store(self, batch: Sequence[_Waiting[Item, Result]]) -> None:
        results = self._write([waiting.item for waiting in batch])
        for waiting, result in zip(batch, results, strict=True):
            waiting.results.append(result)


def _fail(batch: Sequence[_Waiting[Item, Result]], error: BaseException) -> None:
    for waiting in batch:
        waiting.error = error
