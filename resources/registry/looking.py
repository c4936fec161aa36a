"""Look at some repositories of a registry as they are now: the last look before a deletion.

The same reading as a crawl, but of given repositories, and with questions about given images: whether each is there,
and what refers to it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
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
class Question:
    """What is asked of one repository: is each of these images (digests) there, what refers to it, and what does each
    of these tags name, whether or not the registry lists it?"""

    images: Collection[str]
    tags: Mapping[str, Collection[str]] = field(default_factory=dict)  #: tag → digests that it is known to have named
    used: Collection[str] = ()  #: digests that workloads use


@dataclass(frozen=True, slots=True)
class Looked:
    """One repository. `crawled` holds the tags that are listed and those that were asked for; `listed` names the
    former. `there` and `gone`: images that were asked about, also those that a tag which now names nothing named
    before. `referrers`: what its API lists for each image. `unread`: why any of it could not be read, so that nothing
    may be concluded; empty where all was."""

    crawled: RepositoryCrawled
    listed: frozenset[str]
    there: frozenset[str]
    gone: frozenset[str]
    referrers: Mapping[str, tuple[str, ...]]
    unread: str = ""

    @property
    def named(self) -> dict[str, str | None]:
        """What each tag that could be read names, None for nothing (404)."""
        return {tag.tag: tag.digest for tag in self.crawled.tags if tag.digest is not None or tag.fault == "missing"}


def look_at(
    connection: RegistryConnection,
    questions: Mapping[str, Question],
    *,
    remembered: Remembered,
    as_of: datetime,
) -> Iterator[Looked]:
    """Look at the repositories that there are questions about; in no promised order.

    Raises nothing of the registry: what could not be read is `unread`.
    """
    with connection.engine() as engine:
        context = CrawlContext(
            connection,
            engine,
            remembered,
            ConfigsSeen(),
            ReferrersApi(engine),
            as_of,
            _NEVER_AGAIN,
            asked_tags={repository: question.tags for repository, question in questions.items()},
            in_use={repository: question.used for repository, question in questions.items()},
        )
        found: deque[Looked] = deque()

        async def look(repository: str) -> None:
            found.append(await _Look(context, repository, questions[repository]).look())

        task = engine.spawn(engine.each(list(questions), look, width=_REPOSITORIES_AT_ONCE))
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
    def __init__(self, context: CrawlContext, repository: str, question: Question) -> None:
        self._context = context
        self._repository = repository
        self._question = question
        self._reader = Reader(context.connection, context.engine)
        self._there: set[str] = set()
        self._gone: set[str] = set()
        self._referrers: dict[str, tuple[str, ...]] = {}

    async def look(self) -> Looked:
        crawl = RepositoryCrawl(self._context, self._repository)
        crawled = await crawl.read()
        unread = "" if crawled.gap is None else crawled.gap.detail
        if not unread:
            named = {tag.digest for tag in crawled.tags}
            # A tag that resolves to an image has proven it; a child that is only listed has not.
            asked = {*self._question.images, *self._named_before(crawled)} - named
            try:
                await self._context.engine.each(asked, self._find)
                await self._context.engine.each(
                    [one for one in self._question.images if one not in self._gone], self._ask
                )
            except RegistryError as error:
                unread = str(error)
        return Looked(
            crawled,
            frozenset(crawl.listed or ()),
            frozenset(self._there),
            frozenset(self._gone),
            self._referrers,
            unread,
        )

    def _named_before(self, crawled: RepositoryCrawled) -> set[str]:
        """Images of tags that name nothing now."""
        lost = [tag.tag for tag in crawled.tags if tag.fault == "missing"]
        return {digest for tag in lost for digest in self._question.tags.get(tag, ())}

    async def _find(self, digest: str) -> None:
        found = await self._reader.find(self._repository, digest)
        (self._gone if found is None else self._there).add(digest)

    async def _ask(self, digest: str) -> None:
        _, listed = await self._context.referrers.ask(self._reader, self._repository, digest)
        if listed:
            self._referrers[digest] = listed
