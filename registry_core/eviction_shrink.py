"""Shrink a plan to what may still go now (law 4): the decision of the last look before a deletion.

It can only leave entries out. What it was not told about is spared, because "not looked at" is not "free to go".
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from registry_core.digests import subject_of_tag
from registry_core.eviction_entries import Entry
from registry_core.eviction_use import Image, UseNow
from registry_core.policy_rules import Policies


@dataclass(frozen=True)
class Fresh:
    """What was seen just now, of the repositories of the entries.

    `tags`: all tags of each repository and what they resolve to, None where that could not be read.
    `use`: who uses what.
    `bonds`: for each image, digests that are stored now and stand with it: indexes that list it, images that it
    refers to, images that refer to it.
    `gone`: images that the registry answered 404 for. `unread`: repositories that could not be read, and why.
    `protected`: images that the registry's vendor holds, in words.
    `kept` and `kept_tags`: images, and tags (repository, tag), that the policies of now keep, in words.
    `doubts`: repositories of which the registry contradicts what it said before, in words.
    """

    tags: Mapping[str, Mapping[str, str | None]]
    use: UseNow = field(default_factory=UseNow)
    bonds: Mapping[Image, tuple[str, ...]] = field(default_factory=dict)
    gone: frozenset[Image] = frozenset()
    unread: Mapping[str, str] = field(default_factory=dict)
    protected: Mapping[Image, str] = field(default_factory=dict)
    policies: Policies | None = None
    kept: Mapping[Image, str] = field(default_factory=dict)
    kept_tags: Mapping[tuple[str, str], str] = field(default_factory=dict)
    doubts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Spared:
    """An entry that stays, and why, in words for the journal. `for_now`: another look may find that it can go."""

    entry: Entry
    why: str
    for_now: bool = False


@dataclass(frozen=True, slots=True)
class Shrunk:
    """The rest of a plan: what may be deleted in this order, what stays, and what is gone already."""

    entries: tuple[Entry, ...]
    spared: tuple[Spared, ...] = ()
    gone: tuple[Entry, ...] = ()


def shrink(entries: Iterable[Entry], fresh: Fresh) -> Shrunk:
    """Decide over the entries of a plan, or of one wave of it, what may still go.

    Give whole families: an entry whose owner is in the plan but not among `entries` must have its owner gone
    already (`fresh.gone`), else it is spared.
    """
    given = tuple(entries)
    gone = [entry for entry in given if entry.image in fresh.gone]
    rest = [entry for entry in given if entry.image not in fresh.gone]
    tags_now = {repository: _tags_by_digest(tags) for repository, tags in fresh.tags.items()}
    nothing: dict[str | None, list[str]] = {}
    protected = {name: _protected(fresh.policies, name) for name in {entry.repository for entry in rest}}

    why: dict[Image, str] = {}
    for entry in rest:
        reason = protected[entry.repository] or _why_spared(entry, fresh, tags_now.get(entry.repository, nothing))
        if reason:
            why[entry.image] = reason
    _spare_families(rest, fresh, why)
    for entry in rest:
        if reason := _why_kept(entry, fresh):
            why.setdefault(entry.image, f"kept by the policies of now: {reason}")
    _spare_families(rest, fresh, why)
    for_now = {entry.image for entry in rest if entry.repository in fresh.doubts and entry.image not in why}
    why.update({image: fresh.doubts[image[0]] for image in for_now})
    return Shrunk(
        entries=tuple(entry for entry in rest if entry.image not in why),
        spared=tuple(Spared(entry, why[entry.image], entry.image in for_now) for entry in rest if entry.image in why),
        gone=tuple(gone),
    )


def _tags_by_digest(tags: Mapping[str, str | None]) -> dict[str | None, list[str]]:
    """The tags of each digest; under None those that could not be read."""
    found: dict[str | None, list[str]] = {}
    for tag, digest in tags.items():
        found.setdefault(digest, []).append(tag)
    return found


def _protected(policies: Policies | None, repository: str) -> str | None:
    if policies is None:
        return None
    number = policies.entry_of(repository)
    if number is None:
        return "no policy matches the repository any more, so it is kept whole"
    return f"protected since by policies[{number}]" if policies.entries[number].protect else None


def _why_spared(entry: Entry, fresh: Fresh, tags_now: Mapping[str | None, list[str]]) -> str | None:
    """The first reason of an entry itself; None where it may go as far as it is concerned alone."""
    if entry.repository in fresh.unread:
        return f"the repository could not be read: {fresh.unread[entry.repository]}"
    tags = fresh.tags.get(entry.repository)
    if tags is None:
        return "the repository was not looked at before the deletion"
    if holder := fresh.protected.get(entry.image):
        return f"protected by {holder}"
    if entry.kind == "delete" and (user := fresh.use.images.get(entry.image)):
        return f"now in use by {user}"
    if unknown := tags_now.get(None):
        return f"the tag {min(unknown)} could not be read and may name it"
    for tag in entry.tags:
        if tag in tags and tags[tag] != entry.digest:
            return f"the tag {tag} has moved to {tags[tag]}"
    others = set(tags_now.get(entry.digest, ())).difference(entry.tags)
    for repository, digest in entry.subjects_elsewhere:
        if (repository, digest) not in fresh.gone:
            return f"it refers to {repository}@{digest}, which is not gone yet"
    if entry.kind == "untag":
        return _why_its_tags_stay(entry, fresh, others)
    return f"it has the new tag {min(others)}" if others else None


def _why_kept(entry: Entry, fresh: Fresh) -> str | None:
    if entry.kind == "delete":
        return fresh.kept.get(entry.image)
    return next((why for tag in entry.tags if (why := fresh.kept_tags.get((entry.repository, tag)))), None)


def _why_its_tags_stay(entry: Entry, fresh: Fresh, others: Iterable[str]) -> str | None:
    """An image in use may lose names by which nobody asks for it, and no image may lose its last one."""
    for tag in entry.tags:
        if user := fresh.use.tags.get((entry.repository, tag)):
            return f"the tag {tag} is now in use by {user}"
    if user := fresh.use.whole.get(entry.image):
        return f"now in use by {user}, which names none of its tags"
    if all(subject_of_tag(tag) is not None for tag in others):
        return "no other tag is left on the image"
    return None


def _spare_families(entries: list[Entry], fresh: Fresh, why: dict[Image, str]) -> None:
    """Spare what stands with anything that stays, until nothing changes."""
    going = {entry.image: entry for entry in entries if entry.kind == "delete"}
    owned: defaultdict[Image, list[Image]] = defaultdict(list)
    for entry in going.values():
        for digest in (*entry.owners, *fresh.bonds.get(entry.image, ())):
            there = entry.repository, digest
            owned[there].append(entry.image)
            if there not in going and there not in fresh.gone:
                why.setdefault(entry.image, f"it belongs with {digest}, which stays")
    waiting = [image for image in going if image in why]
    while waiting:
        image = waiting.pop()
        for other, reason in _follow(image, going=going, owned=owned, fresh=fresh):
            if other in going and other not in why:
                why[other] = reason
                waiting.append(other)


def _follow(
    image: Image, *, going: Mapping[Image, Entry], owned: Mapping[Image, list[Image]], fresh: Fresh
) -> Iterator[tuple[Image, str]]:
    repository, digest = image
    for dependent in owned.get(image, ()):
        yield dependent, f"it belongs with {digest}, which stays"
    for subject in going[image].subjects:
        yield (repository, subject), f"{digest} refers to it and stays"
    if image in fresh.use.images:
        for parent in going[image].parents:
            yield (repository, parent), f"its child {digest} is in use by {fresh.use.images[image]}"
