"""Look at some repositories of a registry as they are now: the last look before a deletion.

The same reading as a crawl, but of given repositories, and with questions about given images: whether each is there,
and what refers to it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from registry_core.catalog import RepositoryCrawled
from registry_core.errors import RegistryError
from resources.registry.connection import RegistryConnection
from resources.registry.crawling.context import CrawlContext
from resources.registry.crawling.memory import ConfigsSeen, Remembered
from resources.registry.crawling.referrers_api import ReferrersApi
from resources.registry.crawling.repository import RepositoryCrawl
from resources.registry.reading import Reader

#: Of images that are not asked about, what is remembered stands.
_NEVER_AGAIN = timedelta(days=36_500)

_REPOSITORIES_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class Looked:
    """One repository. `gone`: asked images that it answers 404 for. `referrers`: what its API lists for each asked
    image. `unread`: why any of it could not be read, so that nothing may be concluded; empty where all was."""

    crawled: RepositoryCrawled
    gone: frozenset[str]
    referrers: Mapping[str, tuple[str, ...]]
    unread: str = ""


def look_at(
    connection: RegistryConnection,
    asked: Mapping[str, Collection[str]],
    *,
    remembered: Remembered,
    as_of: datetime,
) -> Iterator[Looked]:
    """Look at the repositories, and at the images (digests) that are asked about in each; in no promised order.

    Raises nothing of the registry: what could not be read is `unread`.
    """
    with connection.engine() as engine:
        context = CrawlContext(connection, engine, remembered, ConfigsSeen(), ReferrersApi(engine), as_of, _NEVER_AGAIN)
        found: deque[Looked] = deque()

        async def look(repository: str) -> None:
            found.append(await _Look(context, repository, asked[repository]).look())

        task = engine.spawn(engine.each(list(asked), look, width=_REPOSITORIES_AT_ONCE))
        try:
            while not task.done:
                engine.step()
                while found:
                    yield found.popleft()
            task.result()
            yield from found
        finally:
            engine.cancel(task)


class _Look:
    def __init__(self, context: CrawlContext, repository: str, asked: Collection[str]) -> None:
        self._context = context
        self._repository = repository
        self._asked = asked
        self._reader = Reader(context.connection, context.engine)
        self._gone: set[str] = set()
        self._referrers: dict[str, tuple[str, ...]] = {}

    async def look(self) -> Looked:
        crawled = await RepositoryCrawl(self._context, self._repository).read()
        unread = "" if crawled.gap is None else crawled.gap.detail
        if not unread:
            named = {tag.digest for tag in crawled.tags}
            try:
                # A tag that resolves to an image has proven it; a child that is only listed has not.
                await self._context.engine.each([one for one in self._asked if one not in named], self._find)
                await self._context.engine.each([one for one in self._asked if one not in self._gone], self._ask)
            except RegistryError as error:
                unread = str(error)
        return Looked(crawled, frozenset(self._gone), self._referrers, unread)

    async def _find(self, digest: str) -> None:
        try:
            await self._reader.resolve(self._repository, digest)
        except RegistryError as error:
            if error.fault != "missing":
                raise
            self._gone.add(digest)

    async def _ask(self, digest: str) -> None:
        _, listed = await self._context.referrers.ask(self._reader, self._repository, digest)
        if listed:
            self._referrers[digest] = listed
