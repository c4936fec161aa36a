"""What must stay, by docs/policy.md and the laws of the design, in plain loops and without the product's code.

The oracle keeps the least that the page promises. Where the product keeps more, that is the product's caution;
where the product lets go of what the oracle keeps, one of the two is wrong.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from typing import Any, NamedTuple

from tests.registry_core.oracle.structure import Structure
from tests.registry_core.oracle.uses import first_match, matches, span, usage
from tests.registry_core.oracle.versions import newest_versions
from tests.registry_core.oracle.world import Name, World

Reasons = dict[Name, set[str]]
_UNREAD = ("forbidden", "unreachable", "throttled")
_OF_TAGS = {"in use", "keep_tags", "keep_versions"}


class Verdict(NamedTuple):
    """`images`: each image that must stay, with its reasons. `tags`: tags that must stay on their image."""

    images: Reasons
    tags: set[tuple[str, str]]


def what_stays(world: World) -> Verdict:
    return _Oracle(world).verdict()


class _Oracle:
    def __init__(self, world: World) -> None:
        self.world = world
        self.images = Structure(world)
        self.entries = {name: first_match(world.policies, name) for name in self.images.repositories}
        self.used = usage(world, self.entries)
        self.in_use = self.images.with_indexes(self.used.images)
        self.reasons: Reasons = {name: set() for name in self.images.stored}
        self.tags: set[tuple[str, str]] = set()

    def verdict(self) -> Verdict:
        anything_unread = bool(self.world.gaps) or any(self._is_unread(name) for name in self.images.repositories)
        for repository in self.images.repositories:
            entry = self.entries[repository]
            self._laws(repository, entry, anything_unread)
            goes_whole = (entry or {}).get("when_unused") == "evict" and repository not in self.used.repositories
            if entry is not None and not entry.get("protect") and not goes_whole:
                _Entry(self, repository, entry).apply()
        self._what_belongs()
        kept = {name: why for name, why in self.reasons.items() if why}
        return Verdict(kept, self.tags | self._tags_that_stay(kept))

    def _is_unread(self, repository: str) -> bool:
        """Whether something that may name or list any image of the repository was not read."""
        images = [self.images.stored[name] for name in self.images.in_repository(repository)]
        return (
            repository in self.world.gaps
            or any(image.fault in _UNREAD and not image.manifest_read for image in images)
            or any(
                tag.repository == repository and tag.digest is None and tag.fault != "missing"
                for tag in self.world.tags
            )
        )

    def _laws(self, repository: str, entry: dict[str, Any] | None, anything_unread: bool) -> None:
        here = self.images.in_repository(repository)
        corrupt = [
            name
            for name in here
            if self.images.stored[name].fault == "corrupt" and not self.images.stored[name].manifest_read
        ]
        unread = self._is_unread(repository)
        for name in here:
            image, why = self.images.stored[name], self.reasons[name]
            tagged = bool(self.images.ordinary_tags(name))
            if entry is None:
                why.add("no policy")
            elif entry.get("protect"):
                why.add("protected")
            if name in self.in_use:
                why.add("in use")
            if unread:
                why.add("repository not read whole")
            if image.fault in _UNREAD or (image.fault == "corrupt" and not broken_may_go(entry)):
                why.add("unreadable")
            if not tagged and any(other != name for other in corrupt):
                why.add("beside a corrupt manifest")
            if image.protection is not None or image.protection_unknown:
                why.add("vendor")
            if name in self.images.broken and not broken_may_go(entry):
                why.add("could not be put back")
            if anything_unread and not tagged and self.images.tags_for_the_unknown(name):
                why.add("what was not read may be its subject")

    def _what_belongs(self) -> None:
        """Children and referrers of what stays, and what that refers to in its own repository."""
        about: dict[Name, list[Name]] = defaultdict(list)
        for name, subjects in self.images.subjects.items():
            for subject in subjects:
                about[subject].append(name)
        waiting = [name for name, why in self.reasons.items() if why]
        while waiting:
            name = waiting.pop()
            subjects = [subject for subject in self.images.subjects[name] if subject[0] == name[0]]
            for other, word in (
                *((child, "part of what stays") for child in self.images.children(name)),
                *((referrer, "refers to what stays") for referrer in about[name]),
                # Else an image would stay because of its own signature, and that because of the image.
                *((subject, "what stays refers to it") for subject in subjects if not self.reasons[subject]),
            ):
                if not self.reasons[other]:
                    waiting.append(other)
                self.reasons[other].add(word)

    def _tags_that_stay(self, kept: Reasons) -> set[tuple[str, str]]:
        """Tags that no rule keeps and that must stay all the same."""
        found: set[tuple[str, str]] = set()
        for name, why in kept.items():
            texts = [tag.text for tag in self.images.tags_of[name]]
            named = set().union(*(self.used.names.get(part, ()) for part in (name, *self.images.below([name]))))
            named_otherwise = any(one is None or one[0] != name[0] or one[1] not in texts for one in named)
            asked = {text for text in texts if (name[0], text) in named | self.tags}
            if why - _OF_TAGS or named_otherwise or not asked:
                asked = set(texts)
            found |= {(name[0], text) for text in asked}
        return found


def broken_may_go(entry: dict[str, Any] | None) -> bool:
    return bool(((entry or {}).get("broken") or {}).get("evict"))


class _Entry:
    """The rules of one entry, in one repository."""

    def __init__(self, oracle: _Oracle, repository: str, entry: dict[str, Any]) -> None:
        self.oracle, self.images, self.entry = oracle, oracle.images, entry
        self.as_of = oracle.world.as_of
        self.here = self.images.in_repository(repository)
        self.dates = {name: self.images.date(name) for name in self.here}
        self.tagged = [name for name in self.here if self.images.ordinary_tags(name)]
        parts = self.images.below(self.tagged)
        self.ranked = [name for name in self.tagged if name not in parts and not self._refers(name)]
        self.counted = [name for name in self.ranked if name not in self.images.broken]  # these take places
        self.alone = [
            name
            for name in self.here
            if name not in self.tagged and not self.images.listed_by[name] and not self.images.subjects[name]
        ]

    def _refers(self, name: Name) -> bool:
        """Signatures and other referrers are not counted, whether or not what they are about is still there."""
        return self.images.stored[name].subject is not None or bool(self.images.subjects[name])

    def apply(self) -> None:
        self._keep_last()
        self._keep_within(self.tagged, self.entry.get("keep_within"), "keep_within")
        self._rollbacks()
        self._keep_tags()
        rule = self.entry.get("untagged")
        if rule is None or rule.get("keep"):
            self._keep(self.alone, "untagged")
        else:
            self._keep_within(self.alone, rule.get("keep_within"), "untagged.keep_within")

    def _keep(self, names: list[Name], why: str) -> None:
        for name in names:
            self.oracle.reasons[name].add(why)

    def _is_undated(self, name: Name) -> bool:
        """Of unknown date, so kept by a rule that asks for it; nothing can date what is broken and may go."""
        return self.dates[name] is None and name not in self.images.broken

    def _keep_last(self) -> None:
        last = self.entry.get("keep_last")
        for name in self.ranked if last is not None else ():
            newer = [one for one in self.counted if _is_newer(self.dates[one], self.dates[name])]
            if self._is_undated(name) or (self.dates[name] is not None and len(newer) < last):
                self._keep([name], "keep_last")

    def _keep_within(self, names: list[Name], within: str | None, why: str) -> None:
        for name in names if within is not None else ():
            date = self.dates[name]
            if self._is_undated(name) or (date is not None and date >= self.as_of - span(within)):
                self._keep([name], why)

    def _rollbacks(self) -> None:
        """What came in the steps before each image in use. All images of one time are one step."""
        rollbacks = (self.entry.get("keep_in_use") or {}).get("rollbacks", 0)
        # A part of an index that is in use is not in the order; its index is, and that is in use as well.
        used = [name for name in self.here if name in self.oracle.in_use and not self.images.listed_by[name]]
        others = {name for name in (*self.ranked, *self.alone) if name not in self.oracle.in_use}
        if not rollbacks or not used:
            return
        anything = any(self.dates[name] is None for name in used)
        self._keep([name for name in others if anything or self._is_undated(name)], "rollbacks")
        for at in {date for name in used if (date := self.dates[name]) is not None}:
            for names, steps in ((self.ranked, self.counted), (self.alone, [*self.counted, *self.alone])):
                for name in others.intersection(names):
                    if self._steps_back(name, at, steps) < rollbacks:
                        self._keep([name], "rollbacks")

    def _steps_back(self, name: Name, at: datetime, counted: list[Name]) -> float:
        """How many steps lie between an image and a time; none for an image of that time."""
        mine = self.dates[name]
        if mine is None or mine > at:
            return float("inf")
        if mine == at:
            return -1
        between = [date for one in counted if (date := self.dates[one]) is not None and mine < date < at]
        return len(set(between))

    def _keep_tags(self) -> None:
        for name in self.here:
            for text in (*self.images.ordinary_tags(name), *self.images.tags_for_the_unknown(name)):
                if any(matches(pattern, text) for pattern in self.entry.get("keep_tags", ())):
                    self._keep([name], "keep_tags")
                    self.oracle.tags.add((name[0], text))
        if (rule := self.entry.get("keep_versions")) is not None:
            named = [(name, text) for name in self.here for text in self.images.ordinary_tags(name)]
            for name, text in newest_versions(rule, named, self.dates):
                self._keep([name], "keep_versions")
                self.oracle.tags.add((name[0], text))


def _is_newer(one: datetime | None, other: datetime | None) -> bool:
    return one is not None and other is not None and one > other
