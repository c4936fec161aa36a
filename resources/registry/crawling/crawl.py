"""The crawl of a registry: every repository, many at once, in one thread.

The bound is the connections, not the repositories: another repository is begun when those at hand do not keep
the connections busy, so few are open at a time and memory stays flat however many there are.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from registry_core.catalog import RepositoryCrawled
from registry_core.coverage import Coverage, Gap
from resources.registry.connection import RegistryConnection
from resources.registry.crawling.context import CrawlContext
from resources.registry.crawling.listing import Listing, list_repositories
from resources.registry.crawling.memory import ConfigsSeen, NothingRemembered, Remembered
from resources.registry.crawling.referrers_api import ReferrersApi
from resources.registry.crawling.repository import RepositoryCrawl
from resources.registry.crawling.vendor import VendorBeside
from resources.registry.providers.interface import Provider
from resources.registry.reading import Reader
from resources.registry.spent import Spent
from resources.registry.transport.engine import Engine, Task

_PROGRESS_SECONDS = 0.2

#: What a crawl covers before its end, or when somebody stopped listening.
_UNFINISHED = Coverage(asked=1, gaps=(Gap("the crawl", "unreachable", "it was not read to its end"),))


@dataclass(frozen=True, slots=True)
class CrawlProgress:
    """How far a crawl is."""

    repositories: int
    of_repositories: int
    tags: int
    requests: int


@dataclass
class Crawl:
    """One crawl. Iterate it once, to the end; then `coverage` tells what was asked and what answered.

    A repository that cannot be read is yielded with its gap: the crawl itself ends early only for errors of
    our own, which are raised. `as_of` is the time that referrers are dated with. `in_use` are the repositories that
    clusters name, for registries that do not list theirs, each with the digests that are used there: no registry
    lists an image without a tag, so only who asks for it by its digest learns that it is there.
    """

    connection: RegistryConnection
    as_of: datetime
    remembered: Remembered = field(default_factory=NothingRemembered)
    in_use: Mapping[str, Collection[str]] = field(default_factory=dict)
    provider: Provider | None = None  #: the vendor's own API, asked beside the registry
    on_progress: Callable[[CrawlProgress], None] | None = None
    coverage: Coverage = field(default=_UNFINISHED, init=False)
    listing: Listing | None = field(default=None, init=False)  #: once the repositories are known

    def __iter__(self) -> Iterator[RepositoryCrawled]:
        """Repositories as they are done, in no promised order."""
        with self.connection.engine() as engine:
            reader = Reader(self.connection, engine)
            settings = self.connection.settings
            vendor = VendorBeside(self.provider)
            spent_before = self._spent
            listing = engine.run(list_repositories(reader, settings, self.in_use, vendor))
            self.listing = listing
            context = CrawlContext(
                self.connection,
                engine,
                self.remembered,
                ConfigsSeen(),
                ReferrersApi(engine),
                self.as_of,
                settings.referrers_every,
                vendor,
                in_use=self.in_use,
            )
            counts = _Counts(listing, self.connection)
            running = _Running(engine, context, listing)
            try:
                while running.going:
                    for repository in running.step():
                        counts.add(repository)
                        yield repository
                    self._tell(counts, running)
            finally:
                running.stop()
                vendor.close()
            self.coverage = counts.coverage(vendor.notes.values(), self._spent - spent_before)
            self._tell(counts, running, at_once=True)

    @property
    def _spent(self) -> Spent:
        return self.connection.spent if self.provider is None else self.connection.spent + self.provider.spent

    def _tell(self, counts: _Counts, running: _Running, *, at_once: bool = False) -> None:
        if self.on_progress is None:
            return
        now = time.monotonic()
        if at_once or now - counts.told_at >= _PROGRESS_SECONDS:
            counts.told_at = now
            self.on_progress(counts.progress(running.tags_under_way))


class _Running:
    """The repositories under way."""

    def __init__(self, engine: Engine, context: CrawlContext, listing: Listing) -> None:
        self._engine = engine
        self._context = context
        self._waiting = deque(listing.repositories)
        self._named = listing.named
        self._jobs: dict[Task[RepositoryCrawled], RepositoryCrawl] = {}
        self._most = 2 * context.connection.settings.connections + 8

    @property
    def going(self) -> bool:
        return bool(self._waiting or self._jobs)

    @property
    def tags_under_way(self) -> int:
        return sum(job.tags_read for job in self._jobs.values())

    def step(self) -> Iterator[RepositoryCrawled]:
        """Begin what there is room for, move everything on a little, give what was finished."""
        while self._waiting and self._engine.hungry and len(self._jobs) < self._most:
            name = self._waiting.popleft()
            job = RepositoryCrawl(self._context, name, named=name in self._named)
            self._jobs[self._engine.spawn(job.read())] = job
        self._engine.step()
        for task in [task for task in self._jobs if task.done]:
            del self._jobs[task]
            yield task.result()

    def stop(self) -> None:
        for task in self._jobs:
            self._engine.cancel(task)


class _Counts:
    """What the crawl has found so far."""

    def __init__(self, listing: Listing, connection: RegistryConnection) -> None:
        self._connection = connection
        self._sent_before = connection.sent
        self._asked = len(listing.repositories) + 1  # and the list itself
        self._answered = 0 if listing.gap is not None and not listing.gap.excused else 1
        self._gaps: list[Gap] = [listing.gap] if listing.gap is not None else []
        self._of = len(listing.repositories)
        self._found = dict.fromkeys(("repositories", "tags", "images", "manifests read"), 0)
        self.told_at = 0.0

    def add(self, repository: RepositoryCrawled) -> None:
        self._found["repositories"] += 1
        self._found["tags"] += len(repository.tags)
        self._found["images"] += len(repository.images)
        self._found["manifests read"] += len(repository.manifests)
        if repository.gap is None:
            self._answered += 1
        else:
            self._gaps.append(repository.gap)

    def coverage(self, notes: Iterable[Gap], spent: Spent) -> Coverage:
        return Coverage(self._asked, self._answered, {**self._found, **spent.found()}, (*self._gaps, *notes))

    def progress(self, tags_under_way: int) -> CrawlProgress:
        return CrawlProgress(
            self._found["repositories"],
            self._of,
            self._found["tags"] + tags_under_way,
            self._connection.sent - self._sent_before,
        )
