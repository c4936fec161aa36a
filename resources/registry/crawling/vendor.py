"""The vendor's API beside the crawl: asked in threads, a few at a time, while the engine goes on."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import TypeVar

from registry_core.catalog import HowFound, ImageSeen
from registry_core.coverage import Gap
from resources.registry.providers.interface import ImageDetail, Provider, RepositoriesListed, RepositoryDetails
from resources.registry.transport.engine import pause

T = TypeVar("T")

_THREADS = 4  # GitHub asks for few requests at a time; the others do not mind
_FIRST_PAUSE_SECONDS = 0.002
_LONGEST_PAUSE_SECONDS = 0.1


class VendorBeside:
    """One provider for the time of one crawl; `close` it at the end. Without a provider it knows nothing."""

    def __init__(self, provider: Provider | None) -> None:
        self._provider = provider
        self.notes: dict[str, Gap] = {}  #: what the vendor did not tell and we can do without, one a fault
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="vendor") if provider is not None else None

    @property
    def names_every_image(self) -> bool:
        return self._provider is not None and self._provider.names_every_image

    async def repositories(self) -> RepositoriesListed | None:
        """What the vendor lists; None where no vendor is asked, or where it was not told of whom."""
        provider = self._provider
        if provider is None or not provider.can_list:
            return None
        told = await self._wait_for(provider.repositories)
        return replace(told, gap=self._gap(told.gap))

    async def details(self, repository: str) -> RepositoryDetails:
        """What the vendor knows of a repository; nothing where no vendor is asked."""
        provider = self._provider
        if provider is None:
            return RepositoryDetails(repository)
        told = await self._wait_for(lambda: provider.details(repository))
        return replace(told, gap=self._gap(told.gap))

    def close(self) -> None:
        """Nobody waits for what is still under way."""
        if self._threads is not None:
            self._threads.shutdown(wait=False, cancel_futures=True)

    def _gap(self, gap: Gap | None) -> Gap | None:
        """The gap where it matters. One that is excused is noted: the registry itself was read whole."""
        if gap is None or self._provider is None:
            return None
        if gap.excused or (self._provider.by_host and gap.fault in ("forbidden", "missing")):
            note = Gap(f"{self._provider.title}'s own API", gap.fault, gap.detail, excused=True)
            self.notes.setdefault(gap.fault, note)
            return None
        if self._provider.by_host:
            return replace(gap, detail=f"{gap.detail}; to do without the vendor's API write `provider: plain`")
        return gap

    async def _wait_for(self, ask: Callable[[], T]) -> T:
        assert self._threads is not None
        future: Future[T] = self._threads.submit(ask)
        seconds = _FIRST_PAUSE_SECONDS
        while not future.done():
            await pause(seconds)
            seconds = min(2 * seconds, _LONGEST_PAUSE_SECONDS)
        return future.result()


def with_times(images: dict[str, ImageSeen], details: Mapping[str, ImageDetail]) -> None:
    """Push and pull times of the vendor, for the images that the registry showed."""
    for digest, detail in details.items():
        seen = images.get(digest)
        if seen is not None and (detail.pushed_at is not None or detail.pulled_at is not None):
            images[digest] = replace(seen, pushed_at=detail.pushed_at, pulled_at=detail.pulled_at)


def how_found(digest: str, listed: Collection[str], subject: str | None) -> HowFound:
    """What an image is that the vendor named by digest alone: part of an index, a referrer, or by itself."""
    if digest in listed:
        return "child"
    return "referrer" if subject is not None else "digest"
