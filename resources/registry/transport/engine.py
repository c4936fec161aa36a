"""One thread, many transfers: jobs are coroutines, libcurl moves their bytes.

A job awaits `transfer`, `pause` and other tasks, and nothing else. There is no event loop of a framework below:
libcurl's own loop is the fastest that we measured (docs/performance.md), and this is what it needs around it.
The engine runs only while somebody calls `step` or `run`, in that caller's thread; it is not to be shared
between threads (`EnginePool` lends one to each).
"""

from __future__ import annotations

import heapq
import time
import types
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Generator, Iterable
from itertools import count
from typing import Any, Generic, TypeVar

import pycurl

from resources.registry.transport.curl_errors import TransferFailed
from resources.registry.transport.handles import Handle, Handles
from resources.registry.transport.messages import Answer, Request
from resources.registry.transport.slots import Slots

T = TypeVar("T")
Item = TypeVar("Item")

_LONGEST_WAIT_SECONDS = 0.25  # a bound, so that a slot freed by another engine is seen


class Transfer:
    """One attempt at a request: where to, with which headers."""

    __slots__ = ("headers", "request", "url")

    def __init__(self, request: Request, url: str, headers: list[str]) -> None:
        self.request = request
        self.url = url
        self.headers = headers


class Task(Generic[T]):
    """A job that was started. Await it for its value; a failure is raised there, and never lost silently."""

    __slots__ = ("coroutine", "done", "error", "handle", "value", "waiting")

    def __init__(self, coroutine: Coroutine[Any, Any, T]) -> None:
        self.coroutine = coroutine
        self.done = False
        self.value: Any = None
        self.error: BaseException | None = None
        self.waiting: list[Task[Any]] = []
        self.handle: Handle | None = None

    def result(self) -> T:
        if self.error is not None:
            raise self.error
        return self.value  # type: ignore[no-any-return]

    def __await__(self) -> Generator[Any, Any, T]:
        if not self.done:
            yield self
        return self.result()


@types.coroutine
def transfer(request: Request, url: str, headers: list[str]) -> Generator[Any, Any, Answer]:
    """One attempt. Raises TransferFailed where no whole answer came."""
    return (yield Transfer(request, url, headers))  # type: ignore[no-any-return]


@types.coroutine
def pause(seconds: float) -> Generator[Any, Any, None]:
    """Let others go on for a while."""
    yield seconds


class Engine:
    """Drives tasks and transfers; `slots` bounds the transfers of all engines of one registry."""

    def __init__(self, handles: Handles, slots: Slots) -> None:
        self._handles = handles
        self._slots = slots
        self._multi = pycurl.CurlMulti()
        self._multi.setopt(pycurl.M_MAXCONNECTS, slots.limit + 8)
        self._ready: deque[tuple[Task[Any], Any, BaseException | None]] = deque()
        self._queued: deque[tuple[Task[Any], Transfer]] = deque()
        self._flying: dict[pycurl.Curl, Handle] = {}
        self._sleeping: list[tuple[float, int, Task[Any]]] = []
        self._serial = count()
        #: tokens being fetched by a task of this engine, so that others wait for it
        self.errands: dict[str, Task[Any]] = {}

    @property
    def at_rest(self) -> bool:
        """True when nothing is under way, so that somebody else may use the engine."""
        return not (self._queued or self._flying or self._ready or self._sleeping)

    @property
    def hungry(self) -> bool:
        """True while more transfers could be under way than the jobs at hand ask for."""
        return len(self._queued) + len(self._flying) + len(self._ready) < self._slots.limit

    def spawn(self, coroutine: Coroutine[Any, Any, T]) -> Task[T]:
        """Start a job; it runs to its first wait at the next `step`."""
        task = Task(coroutine)
        self._ready.append((task, None, None))
        return task

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Start a job and step until it is done. Other tasks of the engine go on meanwhile."""
        task = self.spawn(coroutine)
        try:
            while not task.done:
                self.step()
        finally:
            self.cancel(task)
        return task.result()

    async def each(
        self, items: Iterable[Item], do: Callable[[Item], Awaitable[None]], *, width: int | None = None
    ) -> None:
        """Do something for every item, a few at a time; the first failure ends it and is raised."""
        shared = iter(items)
        first = next(shared, None)
        if first is None:
            return

        going = True

        async def worker(item: Item | None) -> None:
            nonlocal going
            try:
                while going and item is not None:
                    await do(item)
                    item = next(shared, None)
            except BaseException:
                going = False
                raise

        workers = [self.spawn(worker(first))]
        for _ in range((width or self._slots.limit) - 1):
            item = next(shared, None)
            if item is None:
                break
            workers.append(self.spawn(worker(item)))
        try:
            for task in workers:
                await task
        finally:
            for task in workers:
                self.cancel(task)

    def cancel(self, task: Task[Any]) -> None:
        """End a task where it stands; nothing happens to one that is done."""
        if task.done:
            return
        if task.handle is not None:
            self._release(task.handle)
        self._finish(task, None, RuntimeError("this task was cancelled"))
        task.coroutine.close()

    def close(self) -> None:
        """Drop all transfers and connections."""
        for handle in list(self._flying.values()):
            self._release(handle)
        self._multi.close()

    def step(self) -> None:
        """Do what can be done now, then wait for the network or for the next sleeper, not for long."""
        self._advance_ready()
        self._launch_queued()
        if self._flying:
            self._multi.perform()
            self._collect()
        if not self._ready:
            self._wait()

    def _advance_ready(self) -> None:
        now = time.monotonic()
        while self._sleeping and self._sleeping[0][0] <= now:
            self._ready.append((heapq.heappop(self._sleeping)[2], None, None))
        ready = self._ready
        while ready:
            task, value, error = ready.popleft()
            if not task.done:
                self._advance(task, value, error)

    def _advance(self, task: Task[Any], value: Any, error: BaseException | None) -> None:
        try:
            wish = task.coroutine.send(value) if error is None else task.coroutine.throw(error)
        except StopIteration as end:
            self._finish(task, end.value, None)
            return
        except Exception as failure:  # noqa: BLE001 - kept, and raised where the task is awaited
            self._finish(task, None, failure)
            return
        if type(wish) is Transfer:
            self._queued.append((task, wish))
        elif type(wish) is Task:
            wish.waiting.append(task)
        else:
            heapq.heappush(self._sleeping, (time.monotonic() + wish, next(self._serial), task))

    def _finish(self, task: Task[Any], value: Any, error: BaseException | None) -> None:
        task.done, task.value, task.error = True, value, error
        for waiting in task.waiting:
            self._ready.append((waiting, None, None))

    def _launch_queued(self) -> None:
        while self._queued:
            task, wish = self._queued[0]
            if task.done:
                self._queued.popleft()
                continue
            streaming = wish.request.sink is not None
            if not self._slots.take(streaming=streaming):
                return
            self._queued.popleft()
            handle = self._handles.lend(wish.request.method)
            handle.task, handle.streaming, task.handle = task, streaming, handle
            self._flying[handle.curl] = handle
            try:
                handle.load(wish.request, wish.url, wish.headers)
                self._multi.add_handle(handle.curl)
            except (pycurl.error, UnicodeError, ValueError) as error:
                self._release(handle)
                self._ready.append((task, None, TransferFailed(pycurl.E_URL_MALFORMAT, str(error))))

    def _collect(self) -> None:
        more = True
        while more:
            more, done, failed = self._multi.info_read()
            for curl in done:
                handle = self._flying[curl]
                task, answer = handle.task, handle.answer()
                self._release(handle)
                self._ready.append((task, answer, None))
            for curl, code, message in failed:
                handle = self._flying[curl]
                task, outcome = handle.task, handle.failure(code, message)
                self._release(handle)
                if isinstance(outcome, Answer):
                    self._ready.append((task, outcome, None))
                else:
                    self._ready.append((task, None, outcome))

    def _release(self, handle: Handle) -> None:
        del self._flying[handle.curl]
        try:  # noqa: SIM105 - once for each request, and `suppress` costs ten times as much
            self._multi.remove_handle(handle.curl)
        except pycurl.error:
            pass  # it was never added
        task, handle.task = handle.task, None
        if task is not None:
            task.handle = None
        self._slots.give_back(streaming=handle.streaming)
        self._handles.take_back(handle)

    def _wait(self) -> None:
        wait = _LONGEST_WAIT_SECONDS
        if self._sleeping:
            wait = min(wait, max(0.0, self._sleeping[0][0] - time.monotonic()))
        if self._flying:
            self._multi.select(wait)
        elif self._queued:
            self._slots.wait(min(wait, 0.02))
        elif wait > 0 and self._sleeping:
            time.sleep(wait)
