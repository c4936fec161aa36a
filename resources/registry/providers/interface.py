"""What a vendor's API can tell of a registry beside the OCI API, and in which words.

A vendor's file yields what it reads, page by page, and raises RegistryError where it cannot go on. The base class
makes of that what a crawl needs: all that was read, and the gap where something was not. Nothing is lost silently.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from typing import ClassVar, Literal

from registry_core.coverage import Gap
from registry_core.errors import ConfigError, RegistryError
from registry_core.rfc3339 import read_time
from resources.registry.spent import Spent

Verdict = Literal["yes", "no", "unknown"]

VENDOR_LIST = "list of repositories"

#: Docker's first release. What claims to be older was never pushed or pulled (Harbor writes the year 1 for "never").
_FIRST_PUSH = datetime(2013, 3, 20, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Capability:
    """Whether a vendor can do one thing, and one sentence on how, or why not."""

    verdict: Verdict
    told: str


def yes(told: str) -> Capability:
    return Capability("yes", told)


def no(told: str) -> Capability:
    return Capability("no", told)


def unknown(told: str) -> Capability:
    return Capability("unknown", told)


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a vendor declares. The order is that of the table in the documentation and of the doctor."""

    lists_repositories: Capability
    knows_push_time: Capability
    knows_last_pull: Capability
    removes_single_tags: Capability
    deletes: Capability
    restores: Capability
    referrers: Capability
    locks: Capability
    collection: Capability

    def rows(self) -> Iterator[tuple[str, Capability]]:
        """(name in words, capability) in order."""
        for one in fields(self):
            yield one.name.replace("_", " "), getattr(self, one.name)


@dataclass(frozen=True, slots=True)
class ImageDetail:
    """What a vendor knows of one manifest. One image may come in several pieces (one a tag): they are joined."""

    digest: str
    tags: tuple[str, ...] = ()
    pushed_at: datetime | None = None
    pulled_at: datetime | None = None  #: last pull, as exact as the vendor keeps it
    protection: tuple[str, ...] = ()  #: why the vendor will not let it be deleted, one clause each
    labels: tuple[str, ...] = ()
    readable: bool = True  #: False where the registry will not give it (archived), though it is there

    def joined(self, other: ImageDetail) -> ImageDetail:
        """Both pieces as one; of two times the later counts, as a push anew makes an image new."""
        return replace(
            self,
            tags=tuple(dict.fromkeys((*self.tags, *other.tags))),
            pushed_at=_later(self.pushed_at, other.pushed_at),
            pulled_at=_later(self.pulled_at, other.pulled_at),
            protection=tuple(dict.fromkeys((*self.protection, *other.protection))),
            labels=tuple(dict.fromkeys((*self.labels, *other.labels))),
            readable=self.readable and other.readable,
        )


@dataclass(frozen=True, slots=True)
class RepositoriesListed:
    """Names as the OCI API knows them, sorted; with a gap there may be more of them."""

    names: tuple[str, ...] = ()
    gap: Gap | None = None


@dataclass(frozen=True, slots=True)
class RepositoryDetails:
    """What the vendor told of one repository; with a gap there may be more of it."""

    repository: str
    images: Mapping[str, ImageDetail] = field(default_factory=dict)  #: by digest
    gap: Gap | None = None
    #: why the vendor told nothing, where the registry itself was read and that is enough for a catalog
    silence: Gap | None = None


class Provider(ABC):
    """One vendor's API for one registry. Safe to share between threads; nothing is opened before it is used."""

    name: ClassVar[str]  #: as the settings write it
    title: ClassVar[str]  #: as people write it
    capabilities: ClassVar[Capabilities]
    #: True where `details` names every manifest, those without a tag too, so that bare referrers can be read.
    names_every_image: ClassVar[bool] = False
    #: True where nobody named the vendor: its host told. What it refuses then is no gap, only unknown.
    by_host: bool = False

    @property
    def spent(self) -> Spent:
        """What asking the vendor took so far; nothing is known of what a library of the vendor's asks (ECR)."""
        return Spent()

    @property
    def can_list(self) -> bool:
        """False where the settings do not say of whom repositories are to be listed."""
        return True

    def repositories(self) -> RepositoriesListed:
        """All repositories that the vendor lists. What failed is the gap; ConfigError is raised where a named
        vendor cannot be asked at all."""
        names: set[str] = set()
        gap: Gap | None = None
        try:
            for name in self.list_repositories():
                names.add(name)  # one by one: what was read before a failure stays
        except (RegistryError, ConfigError) as error:
            gap = self._gap(VENDOR_LIST, error)
        return RepositoriesListed(tuple(sorted(names)), gap)

    def details(self, repository: str) -> RepositoryDetails:
        """What is known of the images of a repository. What failed is the gap; ConfigError is raised where a named
        vendor cannot be asked at all."""
        images: dict[str, ImageDetail] = {}
        gap: Gap | None = None
        try:
            for image in self.read_images(repository):
                known = images.get(image.digest)
                images[image.digest] = image if known is None else known.joined(image)
        except (RegistryError, ConfigError) as error:
            gap = self._gap(repository, error)
        return RepositoryDetails(repository, images, gap)

    def close(self) -> None:  # noqa: B027 - nothing to close is a good answer
        """Close idle connections; the provider may be used again."""

    def _gap(self, place: str, error: RegistryError | ConfigError) -> Gap:
        """`missing` of a repository is an answer of this API alone: the OCI API was read, so it is excused."""
        if isinstance(error, ConfigError):
            if not self.by_host:
                raise error
            return Gap(place, "forbidden", str(error))  # nobody configured this vendor, so nobody configured it wrong
        return Gap(place, error.fault, str(error), excused=error.fault == "missing" and place != VENDOR_LIST)

    @abstractmethod
    def list_repositories(self) -> Iterator[str]:
        """Names, as they are read. Raises RegistryError; what was yielded before counts."""

    @abstractmethod
    def read_images(self, repository: str) -> Iterator[ImageDetail]:
        """Images of a repository, as they are read. Raises RegistryError; what was yielded before counts."""


def vendor_time(value: object) -> datetime | None:
    """A time as vendors write it (RFC 3339); None for none, and for what stands for "never"."""
    at = read_time(value)
    return at if at is not None and at >= _FIRST_PUSH else None


def unix_time(seconds: object) -> datetime | None:
    """A time in seconds since 1970; None for none, and for what stands for "never"."""
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        return None
    try:
        at = datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, OSError, ValueError):
        return None
    return at if at >= _FIRST_PUSH else None


def not_offered(title: str, what: str, why: str) -> RegistryError:
    """The error of a verb that a vendor does not have."""
    return RegistryError(f"{title} cannot {what}: {why}", fault="forbidden")


def _later(one: datetime | None, other: datetime | None) -> datetime | None:
    if one is None or other is None:
        return one or other
    return max(one, other)
