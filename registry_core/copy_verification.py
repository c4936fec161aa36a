"""What is expected of copies at their destination, and what was found there."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from registry_core.coverage import Fault


@dataclass(frozen=True, slots=True)
class ExpectedImage:
    """One image that was copied: its place at the destination, and what of it no index lists: `attached`."""

    repository: str
    digest: str
    tags: tuple[str, ...] = ()
    attached: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.repository}:{self.tags[0]}" if self.tags else f"{self.repository}@{self.digest}"


@dataclass(frozen=True, slots=True)
class VerifiedImage:
    """What was found of it. `moved_tags` point to another image since: that is somebody's right, and is told."""

    image: ExpectedImage
    fault: Fault | None = None
    detail: str = ""
    moved_tags: tuple[str, ...] = ()
    manifests: int = 0
    read_bytes: int = 0  #: of blobs that were read whole and proven

    @property
    def is_damaged(self) -> bool:
        """It, or a part of it, is not there, or is not what its digest says."""
        return self.fault in ("missing", "corrupt")

    @property
    def is_unknown(self) -> bool:
        """It could not be asked for, so nothing is known."""
        return self.fault is not None and not self.is_damaged


@dataclass(frozen=True, slots=True)
class Verification:
    """All of them."""

    images: tuple[VerifiedImage, ...]

    @classmethod
    def of(cls, images: Iterable[VerifiedImage]) -> Verification:
        return cls(tuple(sorted(images, key=lambda one: (one.image.repository, one.image.tags, one.image.digest))))

    @property
    def damaged(self) -> tuple[VerifiedImage, ...]:
        return tuple(image for image in self.images if image.is_damaged)

    @property
    def unknown(self) -> tuple[VerifiedImage, ...]:
        return tuple(image for image in self.images if image.is_unknown)

    @property
    def is_whole(self) -> bool:
        """Everything was asked for, and is there."""
        return not self.damaged and not self.unknown
