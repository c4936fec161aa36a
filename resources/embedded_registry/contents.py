"""What the registry holds, in memory: repositories with their tags, manifests, blobs and referrers.

Every difference is a `Change`; applying the same changes in the same order gives the same contents, and
applying them once more changes nothing. The journal rests on that.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from typing import Literal

from registry_core.errors import RegistryError

Deed = Literal["put_manifest", "link_blob", "delete_tag", "delete_manifest", "delete_blob"]


@dataclass(frozen=True, slots=True)
class KeptManifest:
    """What the registry remembers of one manifest of one repository, beside its bytes."""

    media_type: str
    size_bytes: int
    subject: str | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """One line of the journal."""

    do: Deed
    repository: str
    digest: str | None = None
    tag: str | None = None
    media_type: str | None = None
    size_bytes: int | None = None
    subject: str | None = None

    def to_line(self) -> bytes:
        present = {name: value for name in _FIELDS if (value := getattr(self, name)) is not None}
        return json.dumps(present, separators=(",", ":")).encode() + b"\n"

    @classmethod
    def from_line(cls, line: bytes) -> Change:
        """Raises ValueError or TypeError where the line is not one of ours."""
        return cls(**json.loads(line))


_FIELDS = tuple(item.name for item in fields(Change))


@dataclass(slots=True)
class Repository:
    """One repository. Blobs and manifests are kept apart: a manifest is not served as a blob."""

    tags: dict[str, str] = field(default_factory=dict)
    manifests: dict[str, KeptManifest] = field(default_factory=dict)
    blobs: set[str] = field(default_factory=set)
    referrers: dict[str, dict[str, None]] = field(default_factory=dict)
    _tags_version: int = 0
    _sorted_tags: tuple[int, list[str]] = (-1, [])

    @property
    def known(self) -> bool:
        return bool(self.tags or self.manifests or self.blobs)

    def set_tag(self, tag: str, digest: str) -> None:
        if tag not in self.tags:
            self._tags_version += 1
        self.tags[tag] = digest

    def drop_tag(self, tag: str) -> None:
        if self.tags.pop(tag, None) is not None:
            self._tags_version += 1

    def sorted_tags(self) -> list[str]:
        """Tags in the specification's lexical order, "case-insensitive alphanumeric". Do not change the list.

        Kept until a tag comes or goes, so that a walk over many pages sorts once.
        """
        version = self._tags_version
        if self._sorted_tags[0] != version:
            self._sorted_tags = (version, sorted(self.tags, key=tag_order))
        return self._sorted_tags[1]


def tag_order(tag: str) -> tuple[str, str]:
    return tag.lower(), tag


class Contents:
    """All repositories, and how many of them hold each digest. Not locked: the layout does that."""

    def __init__(self) -> None:
        self.repositories: dict[str, Repository] = {}
        self.holders: Counter[str] = Counter()

    def __len__(self) -> int:
        return sum(len(held.tags) + len(held.manifests) for held in self.repositories.values())

    def names(self) -> list[str]:
        """Repositories with at least one tag or manifest, sorted."""
        return sorted(name for name, held in list(self.repositories.items()) if held.tags or held.manifests)

    def apply(self, change: Change) -> None:
        held = self.repositories.setdefault(change.repository, Repository())
        match change:
            case Change(do="put_manifest", digest=str(digest), media_type=str(media_type)):
                kept = KeptManifest(media_type, change.size_bytes or 0, change.subject)
                self._keep_manifest(held, digest, kept)
                if change.tag is not None:
                    held.set_tag(change.tag, digest)
            case Change(do="link_blob", digest=str(digest)):
                if digest not in held.blobs:
                    held.blobs.add(digest)
                    self.holders[digest] += 1
            case Change(do="delete_tag", tag=str(tag)):
                held.drop_tag(tag)
            case Change(do="delete_manifest", digest=str(digest)):
                self._drop_manifest(held, digest)
            case Change(do="delete_blob", digest=str(digest)):
                if digest in held.blobs:
                    held.blobs.remove(digest)
                    self._release(digest)
            case _:
                raise RegistryError(f"the journal holds a change nobody knows: {change}", fault="corrupt")

    def changes(self) -> Iterator[Change]:
        """The contents, tags left out, as the changes that would make them."""
        for name, held in self.repositories.items():
            for digest, kept in held.manifests.items():
                yield Change("put_manifest", name, digest, None, kept.media_type, kept.size_bytes, kept.subject)
            for digest in held.blobs:
                yield Change("link_blob", name, digest)

    def _keep_manifest(self, held: Repository, digest: str, kept: KeptManifest) -> None:
        if digest not in held.manifests:
            self.holders[digest] += 1
        held.manifests[digest] = kept
        if kept.subject is not None:
            held.referrers.setdefault(kept.subject, {})[digest] = None

    def _drop_manifest(self, held: Repository, digest: str) -> None:
        kept = held.manifests.pop(digest, None)
        if kept is not None:
            self._release(digest)
            if kept.subject is not None:
                held.referrers.get(kept.subject, {}).pop(digest, None)
        for tag in [tag for tag, target in held.tags.items() if target == digest]:
            held.drop_tag(tag)

    def _release(self, digest: str) -> None:
        self.holders[digest] -= 1
        if self.holders[digest] <= 0:
            del self.holders[digest]
