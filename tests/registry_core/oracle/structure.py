"""What the images of a world are to each other: indexes and parts, signatures and subjects, dates."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime

from tests.registry_core.oracle.world import Name, Tag, World

FIRST_IMAGE = datetime(2013, 3, 20, tzinfo=UTC)
_SUBJECT_TAG = re.compile(r"sha256-([0-9a-f]{64})(\.sig|\.att|\.sbom)?")


def subject_of_tag(text: str) -> str | None:
    match = _SUBJECT_TAG.fullmatch(text)
    return f"sha256:{match[1]}" if match else None


class Structure:
    def __init__(self, world: World) -> None:
        self.world = world
        self.stored = {image.name: image for image in world.images if image.fault != "missing"}
        self.repositories = sorted({image.repository for image in world.images})
        self.tags_of: dict[Name, list[Tag]] = defaultdict(list)
        for tag in world.tags:
            if tag.digest is not None and (tag.repository, tag.digest) in self.stored:
                self.tags_of[tag.repository, tag.digest].append(tag)
        self.listed_by: dict[Name, list[Name]] = defaultdict(list)
        for image in self.stored.values():
            for child in image.children:
                self.listed_by[image.repository, child].append(image.name)
        self.subjects = {name: self._subjects(name) for name in self.stored}
        self.broken = {name for name in self.stored if self._is_broken(name)}

    def in_repository(self, repository: str) -> list[Name]:
        return [name for name in self.stored if name[0] == repository]

    def _places(self, name: Name, digest: str) -> list[Name]:
        """Where what an image names is: in its own repository, else in others of this registry; never itself."""
        if digest == name[1]:
            return []
        if (name[0], digest) in self.stored:
            return [(name[0], digest)]
        return [other for other in self.stored if other[1] == digest]

    def _subjects(self, name: Name) -> list[Name]:
        """The stored images that this one is about, by its `subject` or by a tag that is named for one."""
        named = [self.stored[name].subject, *(subject_of_tag(tag.text) for tag in self.tags_of[name])]
        return [place for digest in named if digest is not None for place in self._places(name, digest)]

    def ordinary_tags(self, name: Name) -> list[str]:
        """Tags that are not named for a digest."""
        return [tag.text for tag in self.tags_of[name] if subject_of_tag(tag.text) is None]

    def tags_for_the_unknown(self, name: Name) -> list[str]:
        """Tags that are named for a subject that nobody stores: they are tags like others to `keep_tags`."""
        return [
            tag.text
            for tag in self.tags_of[name]
            if (digest := subject_of_tag(tag.text)) is not None and not self._places(name, digest)
        ]

    def children(self, name: Name) -> list[Name]:
        """What an image lists and the registry has."""
        return [(name[0], child) for child in self.stored[name].children if (name[0], child) in self.stored]

    def below(self, names: Iterable[Name]) -> set[Name]:
        """What these images list, at any depth."""
        found: set[Name] = set()
        waiting = list(names)
        while waiting:
            for child in self.children(waiting.pop()):
                if child not in found:
                    found.add(child)
                    waiting.append(child)
        return found

    def with_indexes(self, names: Iterable[Name]) -> set[Name]:
        """These images, and every index that holds one of them, at any depth."""
        found: set[Name] = set()
        waiting = list(names)
        while waiting:
            name = waiting.pop()
            if name not in found:
                found.add(name)
                waiting += self.listed_by[name]
        return found

    def _is_broken(self, name: Name) -> bool:
        """Whether it could not be put back: a part of it is lost, at any depth."""
        parts = [name, *self.below([name])]
        lost_child = any((name[0], child) not in self.stored for part in parts for child in self.stored[part].children)
        return lost_child or any(self.stored[part].fault == "corrupt" for part in parts)

    def date(self, name: Name) -> datetime | None:
        """When an image came; None where that is not known, or impossible."""
        image, began = self.stored[name], self.world.history_began
        given = image.pushed
        if given is None and image.first_seen is not None and (began is None or image.first_seen > began):
            given = image.first_seen
        if given is None:
            given = self._created(name)
        return given if given is not None and self._is_possible(given) else None

    def _created(self, name: Name) -> datetime | None:
        """An index without a date of its own is as new as its newest child, where all dates of those are possible."""
        created = self.stored[name].created
        if created is not None:
            return created
        below = [date for child in self.children(name) if (date := self._created(child)) is not None]
        impossible = [date for date in below if not self._is_possible(date)]
        return impossible[0] if impossible else max(below, default=None)

    def _is_possible(self, date: datetime) -> bool:
        return FIRST_IMAGE <= date <= self.world.as_of
