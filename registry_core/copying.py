"""Copies of images: what was asked, what a destination's tag means for it, what must travel, what became of it.

A copy keeps the digest. What belongs to an image goes with it: what an index lists, the blobs, what refers to it, and
cosign's tags; its tag is written last.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Literal

from registry_core.coverage import Fault

ConflictRule = Literal["refuse", "overwrite", "keep"]
TagRuling = Literal["write", "there", "refused", "overwritten", "kept"]
CopyWord = Literal["copied", "already there", "conflict", "failed"]


MayReplace = tuple[tuple[str, str], ...]
"""Pairs of a tag of the destination and the digest that it may be moved away from."""


@dataclass(frozen=True, slots=True)
class ImageCopy:
    """One image to copy. Without `to_tag` it is stored by its digest alone.

    `may_replace` narrows the rule `overwrite` to what somebody has agreed to lose: any other tag that points elsewhere
    is refused, whenever that is seen. None: the rule alone decides.
    """

    repository: str
    reference: str  #: tag or digest at the source
    to_repository: str
    to_tag: str | None = None
    also_tags: tuple[str, ...] = ()  #: further tags that it gets at the destination
    may_replace: MayReplace | None = None

    def __str__(self) -> str:
        joint = "@" if ":" in self.reference else ":"
        return f"{self.repository}{joint}{self.reference}"


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyChoice:
    """What goes with an image, and what happens to a destination's tag that points elsewhere."""

    referrers: bool = True  #: whatever names it as `subject`
    signatures: bool = True  #: cosign's tags `sha256-<hex>.sig`, `.att`, `.sbom`
    foreign_layers: bool = False  #: also fetch layers that their manifest says lie elsewhere
    on_conflict: ConflictRule = "refuse"
    repair: bool = False  #: also look for the blobs of manifests that are there: a destination may have lost some


@dataclass(frozen=True, slots=True)
class TagConflict:
    """A tag of the destination that pointed to another image, and what the rule made of it."""

    tag: str
    there: str  #: digest at the destination
    wanted: str
    ruling: TagRuling

    def __str__(self) -> str:
        return f"tag {self.tag} of the destination points to {self.there} instead of {self.wanted}: {self.ruling}"


@dataclass(frozen=True, slots=True)
class MissingBlob:
    """A blob that a repository of the destination lacks; `size_bytes` is 0 where nothing tells it."""

    repository: str
    digest: str
    size_bytes: int
    elsewhere: bool = False  #: another repository of the destination is known to hold it


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedCopy:
    """One image of a plan. `word`: `copy`, `already there`, `conflict`, `unreadable` (then `detail` says why).

    `travel_bytes` and `mounts` are what is left for this image after those before it in the plan.
    """

    image: ImageCopy
    word: Literal["copy", "already there", "conflict", "unreadable"]
    digest: str | None = None
    manifests: int = 0  #: all that belong to it
    missing_manifests: int = 0
    missing_blobs: tuple[MissingBlob, ...] = ()
    travel_bytes: int = 0
    mounts: int = 0
    conflicts: tuple[TagConflict, ...] = ()
    foreign_layers: tuple[str, ...] = ()  #: not fetched
    lost: tuple[str, ...] = ()  #: listed at the source as referring to it, and not there
    attached: tuple[str, ...] = ()  #: manifests that no index of it lists: referrers and signatures
    signature_tags: Mapping[str, str] = field(default_factory=dict, hash=False)  #: cosign's, and their digests
    fault: Fault | None = None
    detail: str = ""

    @property
    def left_behind(self) -> str:
        """What does not go with it, in words; empty where all of it does."""
        return left_behind(self.foreign_layers, self.lost)


@dataclass(frozen=True, slots=True)
class CopyPlan:
    """What a copy would do now, image by image, in the order given."""

    images: tuple[PlannedCopy, ...]

    @property
    def travel_bytes(self) -> int:
        """Bytes that must really travel: each blob once, what can be mounted not at all."""
        return sum(image.travel_bytes for image in self.images)

    @property
    def mounts(self) -> int:
        return sum(image.mounts for image in self.images)

    def of(self, word: str) -> tuple[PlannedCopy, ...]:
        """The images of one word."""
        return tuple(image for image in self.images if image.word == word)


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyOutcome:
    """What became of one image. `conflict`: nothing was written, by the rule that its conflicts name."""

    image: ImageCopy
    word: CopyWord
    digest: str | None = None
    sent_bytes: int = 0  #: that travelled for this image; a blob shared with another counts once
    sent_blobs: int = 0
    mounted_blobs: int = 0
    manifests: int = 0  #: all that belong to it, read back at the destination
    written_manifests: int = 0
    conflicts: tuple[TagConflict, ...] = ()
    foreign_layers: tuple[str, ...] = ()  #: not fetched: they lie elsewhere by their manifest
    lost: tuple[str, ...] = ()  #: listed at the source as referring to it, and not there
    signature_tags: Mapping[str, str] = field(default_factory=dict, hash=False)  #: cosign's, and their digests
    fault: Fault | None = None
    retryable: bool = False
    tag_written: bool | None = None  #: of one that failed: whether its tag points to it, as read back; None: unknown
    detail: str = ""
    duration: timedelta = field(default_factory=timedelta)

    def __str__(self) -> str:
        return f"{self.word}: {self.detail}" if self.detail else self.word


@dataclass(frozen=True, slots=True)
class CopyProgress:
    """How far a copy is. `expected_bytes` grows while images are still being looked at."""

    sent_bytes: int
    expected_bytes: int
    images: int  #: that are done


def left_behind(foreign_layers: Sequence[str], lost: Sequence[str]) -> str:
    """What a copy leaves behind, in words: foreign layers that are not fetched, referrers that the source lost."""
    told = []
    if foreign_layers:
        told.append(f"not fetched, as they lie elsewhere by their manifest: {', '.join(foreign_layers)}")
    if lost:
        told.append(f"listed at the source and not there: {', '.join(lost)}")
    return "; ".join(told)


def rule_tag(
    tag: str, there: str | None, wanted: str, rule: ConflictRule, may_replace: MayReplace | None = None
) -> TagRuling:
    """What happens to a tag of the destination that points to `there` (None: it does not exist)."""
    if there is None:
        return "write"
    if there == wanted:
        return "there"
    if rule == "overwrite" and may_replace is not None and (tag, there) not in may_replace:
        return "refused"
    rulings: dict[ConflictRule, TagRuling] = {"refuse": "refused", "overwrite": "overwritten", "keep": "kept"}
    return rulings[rule]


def conflicts_of(
    there: Mapping[str, str | None],
    wanted: Mapping[str, str],
    rule: ConflictRule,
    may_replace: MayReplace | None = None,
) -> tuple[TagConflict, ...]:
    """The tags that point elsewhere, in the order wanted."""
    ruled = ((tag, there.get(tag), digest) for tag, digest in wanted.items())
    return tuple(
        TagConflict(tag, found, digest, rule_tag(tag, found, digest, rule, may_replace))
        for tag, found, digest in ruled
        if found is not None and found != digest
    )


class TravelCount:
    """Counts what must travel, image after image: the first one that lacks a blob brings it, for the others it is
    mounted."""

    def __init__(self) -> None:
        self._coming: set[str] = set()
        self._landed: set[tuple[str, str]] = set()

    def counted(self, image: PlannedCopy) -> PlannedCopy:
        """The image with what is left for it after those that were counted before."""
        travel_bytes = mounts = 0
        for blob in image.missing_blobs if image.word == "copy" else ():
            if (blob.repository, blob.digest) in self._landed:
                continue
            self._landed.add((blob.repository, blob.digest))
            if blob.elsewhere or blob.digest in self._coming:
                mounts += 1
            else:
                travel_bytes += blob.size_bytes
                self._coming.add(blob.digest)
        return replace(image, travel_bytes=travel_bytes, mounts=mounts)
