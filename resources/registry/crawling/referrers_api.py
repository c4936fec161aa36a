"""The referrers API during a crawl: whether the registry has it is found out once."""

from __future__ import annotations

from collections.abc import Iterable

from registry_core.catalog import TagSeen
from registry_core.digests import subject_of_tag
from registry_core.errors import RegistryError
from resources.registry.reading import Reader
from resources.registry.referrers import Referrer, ReferrersReader
from resources.registry.transport.engine import Engine, Task


class ReferrersApi:
    """Asks the API where there is one. The first image's answer tells; the others wait for it."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._supported: bool | None = None
        self._first: Task[list[Referrer] | None] | None = None

    @property
    def supported(self) -> bool | None:
        """None until an answer came."""
        return self._supported

    async def ask(self, reader: Reader, repository: str, digest: str) -> tuple[bool, tuple[str, ...]]:
        """Whether the API answered about this image, and the digests that it lists. Raises RegistryError."""
        referrers = ReferrersReader(reader)
        while self._supported is None:
            if self._first is None:
                task = self._first = self._engine.spawn(referrers.by_api(repository, digest))
                try:
                    listed = await task
                finally:
                    self._first = None
                self._supported = listed is not None
                return self._supported, _digests(listed)
            try:
                await self._first
            except RegistryError:
                continue  # somebody else's failure: ask with our own image
        if not self._supported:
            return False, ()
        listed = await referrers.by_api(repository, digest)
        return listed is not None, _digests(listed)


def fallback_indexes(tags: Iterable[TagSeen]) -> set[str]:
    """Digests of the lists of referrers that stand under a fallback tag (`sha256-<hex>`)."""
    return {
        seen.digest
        for seen in tags
        if seen.digest is not None and (named := subject_of_tag(seen.tag)) is not None and not named.suffix
    }


def _digests(listed: list[Referrer] | None) -> tuple[str, ...]:
    return tuple(referrer.digest for referrer in listed or ())
