"""The vendor's API beside the crawl: asked in threads, a few at a time, while the engine goes on."""

from __future__ import annotations

from collections.abc import Callable, Collection
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import TypeVar

from registry_core.catalog import HowFound, ImageSeen
from registry_core.coverage import Gap
from resources.registry.providers.interface import Provider, RepositoriesListed, RepositoryDetails
from resources.registry.transport.engine import pause

T = TypeVar("T")

_THREADS = 4  # GitHub asks for few requests at a time; the others do not mind
_FIRST_PAUSE_SECONDS = 0.002
_LONGEST_PAUSE_SECONDS = 0.1
_LONGEST_WORDS = 300


class VendorBeside:
    """One provider for the time of one crawl; `close` it at the end. Without a provider it knows nothing."""

    def __init__(self, provider: Provider | None) -> None:
        self._provider = provider
        self.notes: dict[str, Gap] = {}  #: what the vendor did not tell and we can do without, one a fault
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="vendor") if provider is not None else None

    @property
    def title(self) -> str:
        return "" if self._provider is None else self._provider.title

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
        gap = self._gap(told.gap)
        # A vendor that cannot lock anything leaves nothing to know.
        matters = gap is None and provider.capabilities.locks.verdict != "no"
        return replace(told, gap=gap, silence=told.gap if matters else None)

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


def with_vendor_facts(images: dict[str, ImageSeen], told: RepositoryDetails, title: str) -> None:
    """Push and pull times, and what the vendor protects, for the images that the registry showed.

    Where the vendor told nothing of the repository, nobody knows what it holds there: that is said of each image.
    """
    for digest, detail in told.images.items():
        seen = images.get(digest)
        if seen is not None and (detail.pushed_at or detail.pulled_at or detail.protection):
            held = f"{title}: {'; '.join(detail.protection)}" if detail.protection else None
            images[digest] = replace(
                seen, pushed_at=detail.pushed_at, pulled_at=detail.pulled_at, protection=_cut(held)
            )
    if told.silence is not None:
        why = _cut(f"what {title} protects is not known ({told.silence.detail})")
        for digest, seen in images.items():
            images[digest] = replace(seen, protection=why, protection_fault=told.silence.fault)


def _cut(text: str | None) -> str | None:
    return text if text is None or len(text) <= _LONGEST_WORDS else f"{text[:_LONGEST_WORDS]}…"


def how_found(digest: str, listed: Collection[str], subject: str | None) -> HowFound:
    """What an image is that the vendor named by digest alone: part of an index, a referrer, or by itself."""
    if digest in listed:
        return "child"
    return "referrer" if subject is not None else "digest"
