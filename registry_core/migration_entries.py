"""Entries of a migration plan: one image, with all its chosen tags, from a repository to a repository."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, get_args

from registry_core.copying import CopyOutcome, ImageCopy, PlannedCopy, left_behind
from registry_core.coverage import Fault
from registry_core.migration_words import Chosen

PlanWord = Literal["copy", "already there", "conflict", "unreadable"]
"""already there: with the same digest, whole, under all its tags. conflict: a tag or a name of the destination is
taken. unreadable: the source, or the destination, did not tell; `fault` says how."""

PLAN_WORDS: tuple[PlanWord, ...] = get_args(PlanWord)


@dataclass(frozen=True, slots=True, kw_only=True)
class MigrationEntry:
    """One line of a plan. An entry without `digest` is never copied: it tells what could not be read.

    `travel_bytes` and `mounts` are what is left for this image after those before it in the plan.
    """

    repository: str
    digest: str | None
    tags: tuple[str, ...]
    to_repository: str
    word: PlanWord
    manifests: int = 0  #: all that belong to it
    travel_bytes: int = 0
    mounts: int = 0
    reasons: tuple[str, ...] = ()
    used_by: str = ""
    fault: Fault | None = None
    why: str = ""  #: of a conflict, of what cannot be read, of tags that are overwritten or kept
    overwrites: Mapping[str, str] = field(default_factory=dict)  #: tags that are moved, and where they point to now
    attached: tuple[str, ...] = ()  #: digests of referrers and signatures that go with it
    #: Cosign's tags that go with it, and their digests, as the look found them; not a part of the plan.
    signature_tags: Mapping[str, str] = field(default_factory=dict, compare=False, repr=False)

    def __str__(self) -> str:
        name = f"{self.repository}:{self.tags[0]}" if self.tags else self.repository
        return name if self.tags or self.digest is None else f"{name}@{self.digest}"

    @property
    def copies(self) -> bool:
        return self.word == "copy"

    @property
    def image(self) -> ImageCopy | None:
        """What the copy engine is asked for: by digest, with all tags; None where no digest is known."""
        if self.digest is None:
            return None
        return image_to_copy(self.repository, self.digest, self.to_repository, self.tags)

    def to_json(self) -> dict[str, Any]:
        written: dict[str, Any] = {
            "repository": self.repository,
            "digest": self.digest,
            "tags": list(self.tags),
            "to_repository": self.to_repository,
            "word": self.word,
            "manifests": self.manifests,
            "travel_bytes": self.travel_bytes,
            "mounts": self.mounts,
            "reasons": list(self.reasons),
        }
        optional = {
            "used_by": self.used_by,
            "fault": self.fault,
            "why": self.why,
            "overwrites": dict(self.overwrites),
            "attached": list(self.attached),
        }
        return {**written, **{key: value for key, value in optional.items() if value}}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> MigrationEntry:
        return cls(
            repository=value["repository"],
            digest=value["digest"],
            tags=tuple(value["tags"]),
            to_repository=value["to_repository"],
            word=value["word"],
            manifests=value["manifests"],
            travel_bytes=value["travel_bytes"],
            mounts=value["mounts"],
            reasons=tuple(value["reasons"]),
            used_by=value.get("used_by", ""),
            fault=value.get("fault"),
            why=value.get("why", ""),
            overwrites=value.get("overwrites", {}),
            attached=tuple(value.get("attached", ())),
        )


def image_to_copy(repository: str, reference: str, to_repository: str, tags: tuple[str, ...]) -> ImageCopy:
    """One image with all its tags, for the copy engine."""
    first, *others = tags or (None,)
    return ImageCopy(repository, reference, to_repository, first, tuple(other for other in others if other))


def image_as_planned(entry: MigrationEntry, tags: tuple[str, ...]) -> ImageCopy:
    """An entry that is carried out, under these of its tags: no tag of the destination is moved but those that the
    entry says it overwrites, from where it says they point to."""
    if entry.digest is None:
        raise ValueError(f"the entry {entry} has no digest, so it is never copied")
    image = image_to_copy(entry.repository, entry.digest, entry.to_repository, tags)
    return replace(image, may_replace=tuple(sorted(entry.overwrites.items())))


def entry_of(chosen: Chosen, planned: PlannedCopy) -> MigrationEntry:
    """A line of the plan, of what was chosen and of what both registries say about it now."""
    return MigrationEntry(
        repository=chosen.repository,
        digest=planned.digest or chosen.digest,
        tags=chosen.tags,
        to_repository=planned.image.to_repository,
        word=planned.word,
        manifests=planned.manifests,
        travel_bytes=planned.travel_bytes,
        mounts=planned.mounts,
        reasons=chosen.reasons,
        used_by=chosen.used_by,
        fault=planned.fault,
        why="; ".join(part for part in (planned.detail, planned.left_behind) if part),
        overwrites={one.tag: one.there for one in planned.conflicts if one.ruling == "overwritten"},
        attached=planned.attached,
        signature_tags=planned.signature_tags,
    )


def entry_without_look(chosen: Chosen, to_repository: str, *, conflict: str = "") -> MigrationEntry:
    """A line of what neither registry is asked about: known not to be readable, or without a name to go to."""
    return MigrationEntry(
        repository=chosen.repository,
        digest=chosen.digest,
        tags=chosen.tags,
        to_repository=to_repository,
        word="conflict" if conflict else "unreadable",
        reasons=chosen.reasons,
        used_by=chosen.used_by,
        fault=None if conflict else chosen.fault,
        why=conflict or chosen.why,
    )


def without_kept_tags(chosen: Chosen, planned: PlannedCopy) -> tuple[Chosen, str] | None:
    """The same image without the tags that the destination keeps for itself, and a sentence about those; None where
    none is left, or none is kept."""
    kept = {conflict.tag for conflict in planned.conflicts if conflict.ruling == "kept"}
    left = tuple(tag for tag in chosen.tags if tag not in kept)
    ours = tuple(tag for tag in chosen.tags if tag in kept)
    if not ours or not left or len(ours) != len(kept):
        return None
    return replace(chosen, tags=left), f"the destination keeps its own {', '.join(ours)}"


MigrationWord = Literal["copied", "already there", "conflict", "failed"]
"""copied: every manifest and tag of it was read back at the destination. already there: nothing was left to do.
conflict: a tag of the destination points elsewhere by now, and was left. failed: `why` says what to do."""

MIGRATION_WORDS: tuple[MigrationWord, ...] = get_args(MigrationWord)


@dataclass(frozen=True, slots=True, kw_only=True)
class MigrationOutcome:
    """What became of one entry. As text: `copied`, `already there`, `conflict: <why>`, `failed: <why>`."""

    word: MigrationWord
    why: str = ""
    sent_bytes: int = 0
    sent_blobs: int = 0
    mounted_blobs: int = 0
    seconds: float = 0.0

    def __str__(self) -> str:
        return f"{self.word}: {self.why}" if self.why else self.word

    @property
    def is_final(self) -> bool:
        """Whether a second start of the plan leaves this entry alone. One in conflict is looked at again."""
        return self.word in ("copied", "already there")

    @property
    def is_settled(self) -> bool:
        """Whether the plan may end with it: copied, there, or left out by rule."""
        return self.word != "failed"

    @classmethod
    def of(cls, outcome: CopyOutcome) -> MigrationOutcome:
        return cls(
            word=outcome.word,
            why="; ".join(part for part in (outcome.detail, left_behind(outcome.foreign_layers, outcome.lost)) if part),
            sent_bytes=outcome.sent_bytes,
            sent_blobs=outcome.sent_blobs,
            mounted_blobs=outcome.mounted_blobs,
            seconds=outcome.duration.total_seconds(),
        )
