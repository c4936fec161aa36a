"""Entries of a plan: one image that goes with all its tags, or single tags that go from an image that stays."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from registry_core.retention_decisions import Decisions
from registry_core.retention_names import Groups
from registry_core.retention_nodes import Array

Kind = Literal["delete", "untag"]
_DEEPEST = 64
_LOOSE = "no rule keeps these tags and no workload names them"


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a plan.

    `parents` and `subjects` are the images of the same plan and repository that list it or that it refers to:
    it goes with them, and not before they are gone. `subjects_elsewhere` (repository, digest) are those of other
    repositories: it goes only after the registry answered that each of them is gone.
    """

    kind: Kind
    repository: str
    digest: str
    tags: tuple[str, ...]  #: all of the image's tags, or those that are removed from it
    media_type: str | None
    image_bytes: int  #: manifest, config and layers, as their descriptors say; shared layers counted each time
    reasons: tuple[str, ...]
    parents: tuple[str, ...] = ()
    subjects: tuple[str, ...] = ()
    subjects_elsewhere: tuple[tuple[str, str], ...] = ()
    broken: str = ""  #: why it could not be put back; empty where it could

    @property
    def image(self) -> tuple[str, str]:
        return self.repository, self.digest

    @property
    def owners(self) -> tuple[str, ...]:
        return (*self.parents, *self.subjects)

    def to_json(self) -> dict[str, Any]:
        written: dict[str, Any] = {
            "kind": self.kind,
            "repository": self.repository,
            "digest": self.digest,
            "tags": list(self.tags),
            "media_type": self.media_type,
            "image_bytes": self.image_bytes,
            "reasons": list(self.reasons),
        }
        if self.parents:
            written["parents"] = list(self.parents)
        if self.subjects:
            written["subjects"] = list(self.subjects)
        if self.subjects_elsewhere:
            written["subjects_elsewhere"] = [list(image) for image in self.subjects_elsewhere]
        if self.broken:
            written["broken"] = self.broken
        return written

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Entry:
        return cls(
            kind=value["kind"],
            repository=value["repository"],
            digest=value["digest"],
            tags=tuple(value["tags"]),
            media_type=value["media_type"],
            image_bytes=value["image_bytes"],
            reasons=tuple(value["reasons"]),
            parents=tuple(value.get("parents", ())),
            subjects=tuple(value.get("subjects", ())),
            subjects_elsewhere=tuple((name, digest) for name, digest in value.get("subjects_elsewhere", ())),
            broken=value.get("broken", ""),
        )


def deletions(decisions: Decisions) -> list[Entry]:
    """An entry for each image that may go, by repository, what owns before what belongs to it, then by digest."""
    nodes = decisions.facts.nodes
    rows = np.flatnonzero(decisions.evicted)
    depth = _depths(decisions)
    images = nodes.catalog.images
    digests = images["digest"].to_numpy(dtype=object)
    names = nodes.names.tolist()
    order = sorted(
        zip(
            (names[place] for place in nodes.repository[rows].tolist()),
            depth[rows].tolist(),
            digests[rows],
            rows.tolist(),
            strict=True,
        )
    )
    rows = np.array([row for *_, row in order], dtype=np.int64)
    parents, subjects = (
        _inside(relation.edges_of(rows), decisions.evicted, len(nodes))
        for relation in (nodes.graph.parents, nodes.graph.subjects)
    )
    elsewhere = _inside(decisions.facts.subjects.abroad_subjects.edges_of(rows), decisions.evicted, len(nodes))
    sizes = images["size_bytes"].fillna(0).to_numpy() + images["image_bytes"].fillna(0).to_numpy()
    types = images["media_type"].astype(object).where(images["media_type"].notna(), None).to_numpy()
    has_tags = np.zeros(len(nodes), dtype=bool)
    has_tags[nodes.tag_image[nodes.tag_image >= 0]] = True
    return [
        Entry(
            kind="delete",
            repository=repository,
            digest=digest,
            tags=tuple(decisions.words.names.tags_of(row)) if tagged else (),
            media_type=media_type,
            image_bytes=int(size),
            reasons=reasons,
            parents=tuple(sorted(digests[owner] for owner in parents.of(row))) if belongs else (),
            subjects=tuple(sorted(digests[owner] for owner in subjects.of(row))) if belongs else (),
            subjects_elsewhere=tuple(sorted((names[nodes.repository[owner]], digests[owner]) for owner in abroad))
            if belongs and (abroad := elsewhere.of(row))
            else (),
            broken=decisions.words.why_broken(row) if broken else "",
        )
        for (repository, level, digest, row), tagged, belongs, broken, media_type, size, reasons in zip(
            order,
            has_tags[rows].tolist(),
            decisions.facts.shape.dependent[rows].tolist(),
            decisions.facts.shape.broken[rows].tolist(),
            types[rows].tolist(),
            sizes[rows].tolist(),
            decisions.words.of_many(rows),
            strict=True,
        )
    ]


def _depths(decisions: Decisions) -> Array:
    """How many owners stand above each image at most, among those that go. A circle of tags ends at a bound."""
    nodes = decisions.facts.nodes
    rows = np.flatnonzero(decisions.evicted)
    pairs = [relation.edges_of(rows) for relation in (nodes.graph.children, nodes.graph.referrers)]
    owner, dependent = (np.concatenate(side) for side in zip(*pairs, strict=True))
    inside = decisions.evicted[dependent]
    owner, dependent = owner[inside], dependent[inside]
    depth = np.zeros(len(nodes), dtype=np.int64)
    for _ in range(_DEEPEST):
        before = depth[dependent]
        np.maximum.at(depth, dependent, depth[owner] + 1)
        if np.array_equal(before, depth[dependent]):
            break
    return depth


def _inside(edges: tuple[Array, Array], evicted: Array, size: int) -> Groups:
    source, target = edges
    chosen = evicted[target]
    return Groups.by(source[chosen], target[chosen], size)


def single_tags(decisions: Decisions) -> list[Entry]:
    """An entry for each image that stays for some of its tags only, with the tags that may go."""
    nodes = decisions.facts.nodes
    rows = np.flatnonzero(decisions.single_tags)
    tags_of: dict[int, list[str]] = {}
    for tag, image in zip(nodes.catalog.tags["tag"].iloc[rows], nodes.tag_image[rows].tolist(), strict=True):
        tags_of.setdefault(image, []).append(tag)
    return sorted(_untags(decisions, tags_of), key=lambda entry: entry.image)


def _untags(decisions: Decisions, tags_of: Mapping[int, Sequence[str]]) -> Iterator[Entry]:
    nodes = decisions.facts.nodes
    images = nodes.catalog.images.iloc[list(tags_of)]
    reasons = decisions.words.of_many(np.array(list(tags_of), dtype=np.int64))
    columns = (images["repository"], images["digest"], images["media_type"], tags_of.values(), reasons)
    for repository, digest, media_type, tags, why in zip(*columns, strict=True):
        yield Entry(
            kind="untag",
            repository=repository,
            digest=digest,
            tags=tuple(sorted(tags)),
            media_type=media_type,
            image_bytes=0,
            reasons=(_LOOSE, *(f"the image stays: {reason}" for reason in why)),
        )
