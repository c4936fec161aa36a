"""What a crawl may know from before, so that a second one costs one HEAD a tag."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Protocol

from registry_core.manifests import ConfigFacts
from registry_core.media_types import ListedKind


class KnownManifest(Protocol):
    """A manifest that was read before, by any crawl of any registry."""

    @property
    def digest(self) -> str: ...
    @property
    def config_read(self) -> bool: ...
    @property
    def subject(self) -> str | None: ...
    @property
    def children(self) -> tuple[str, ...]: ...
    @property
    def listed_as(self) -> tuple[ListedKind, ...]: ...


class Remembered(Protocol):
    """The history of one registry, asked a few times for each repository."""

    def digests_of(self, repository: str) -> Mapping[str, str]:
        """Tags of a repository and where they pointed when it was last read."""

    def known(self, digests: Iterable[str]) -> Mapping[str, KnownManifest]:
        """Those of the digests whose manifest is kept."""

    def referrers_read_at(self, repository: str) -> Mapping[str, datetime]:
        """Images of a repository and when the referrers API was last asked about them."""

    def referrers_of(self, repository: str) -> Mapping[str, Collection[str]]:
        """Images of a repository and the referrers that were found for them when it was last read."""


class NothingRemembered:
    """The memory of a first crawl."""

    def digests_of(self, repository: str) -> Mapping[str, str]:
        return {}

    def known(self, digests: Iterable[str]) -> Mapping[str, KnownManifest]:
        return {}

    def referrers_read_at(self, repository: str) -> Mapping[str, datetime]:
        return {}

    def referrers_of(self, repository: str) -> Mapping[str, Collection[str]]:
        return {}


class ConfigsSeen:
    """Configs that this crawl has read, the latest of them: images of many repositories share a config."""

    def __init__(self, most: int = 20_000) -> None:
        self._most = most
        self._facts: OrderedDict[str, ConfigFacts] = OrderedDict()

    def get(self, digest: str) -> ConfigFacts | None:
        return self._facts.get(digest)

    def keep(self, digest: str, facts: ConfigFacts) -> None:
        self._facts[digest] = facts
        if len(self._facts) > self._most:
            self._facts.popitem(last=False)
