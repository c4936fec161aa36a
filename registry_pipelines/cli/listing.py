"""Read the tags of many repositories at once, and give them in order as they come."""

from __future__ import annotations

from collections import deque
from collections.abc import Coroutine, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from registry_core.errors import RegistryError
from resources.registry.connection import RegistryConnection
from resources.registry.reading import Reader
from resources.registry.transport.engine import Engine


@dataclass(slots=True)
class Listed:
    """What was learned of one repository. `digests` runs beside `tags` where digests were asked for."""

    repository: str
    tags: list[str] = field(default_factory=list)
    digests: list[str | None] = field(default_factory=list)
    problems: list[RegistryError] = field(default_factory=list)


def read_tags(
    connection: RegistryConnection, repositories: Sequence[str], *, digests: bool = False
) -> Iterator[Listed]:
    """Each repository with its tags, in the order given, as soon as it and all before it were read.

    A repository that cannot be read, or a tag that does not resolve, has its error among the problems.
    """
    with connection.engine() as engine:
        reading = _Reading(Reader(connection, engine), digests)
        yield from _stream(engine, reading.all(repositories), reading.ready)


class _Reading:
    def __init__(self, reader: Reader, digests: bool) -> None:
        self.ready: deque[Listed] = deque()
        self._reader = reader
        self._digests = digests
        self._done: dict[int, Listed] = {}
        self._next = 0

    async def all(self, repositories: Sequence[str]) -> None:
        await self._reader.engine.each(enumerate(repositories), self._one)

    async def _one(self, numbered: tuple[int, str]) -> None:
        number, repository = numbered
        listed = Listed(repository)
        try:
            listed.tags = sorted(await self._reader.tags(repository))
        except RegistryError as error:
            listed.problems.append(error)
        if self._digests and listed.tags:
            await self._resolve(listed)
        self._done[number] = listed
        while self._next in self._done:
            self.ready.append(self._done.pop(self._next))
            self._next += 1

    async def _resolve(self, listed: Listed) -> None:
        listed.digests = [None] * len(listed.tags)

        async def one(position: int) -> None:
            try:
                found = await self._reader.head_manifest(listed.repository, listed.tags[position])
                listed.digests[position] = found[0]
            except RegistryError as error:
                listed.problems.append(error)

        await self._reader.engine.each(range(len(listed.tags)), one)


def _stream(engine: Engine, work: Coroutine[Any, Any, None], ready: deque[Listed]) -> Iterator[Listed]:
    task = engine.spawn(work)
    try:
        while not task.done:
            engine.step()
            while ready:
                yield ready.popleft()
        yield from ready
        task.result()
    finally:
        engine.cancel(task)
