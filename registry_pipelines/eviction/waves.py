"""Waves: the entries of a plan, a bounded number at a time, families never split."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from registry_core.eviction_entries import Entry

_REPOSITORIES_AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class Placed:
    """An entry and its position in the plan."""

    position: int
    entry: Entry


def waves(entries: Iterable[Placed], *, size: int, last: Collection[int] = ()) -> Iterator[list[Placed]]:
    """Waves of about `size` entries, in the order of the plan within each repository.

    What owns and what belongs to it is in one wave, so one family may make it larger. A wave takes from several
    repositories, because a registry deletes in them at once, and from few, because all tags of each are looked at.
    What holds one of the positions `last` comes in waves after all others, and after these what refers to images of
    other repositories: those must be seen to be gone.
    """
    turns: tuple[list[list[Placed]], ...] = ([], [], [])
    for family in _families(list(entries)):
        turn = 2 if any(one.entry.subjects_elsewhere for one in family) else any(one.position in last for one in family)
        turns[turn].append(family)
    for families in turns:
        yield from _waves_of(families, size=size)


def _waves_of(families: Iterable[list[Placed]], *, size: int) -> Iterator[list[Placed]]:
    waiting: dict[str, deque[list[Placed]]] = {}
    for family in families:
        waiting.setdefault(family[0].entry.repository, deque()).append(family)
    while waiting:
        wave: list[Placed] = []
        while waiting and len(wave) < size:
            at_hand = list(waiting)[:_REPOSITORIES_AT_ONCE]
            share = max(1, (size - len(wave)) // len(at_hand))
            for repository in at_hand:
                wave += _taken(waiting, repository, min(share, size - len(wave)))
        yield sorted(wave, key=_position)


def _taken(waiting: dict[str, deque[list[Placed]]], repository: str, most: int) -> list[Placed]:
    """The next families of a repository, up to `most` entries and a family beyond; none for zero."""
    taken: list[Placed] = []
    while len(taken) < most and waiting[repository]:
        taken += waiting[repository].popleft()
    if not waiting[repository]:
        del waiting[repository]
    return taken


def _families(entries: Sequence[Placed]) -> list[list[Placed]]:
    """Entries that hang together by owners, each family in the order of the plan."""
    head: dict[tuple[str, str], tuple[str, str]] = {one.entry.image: one.entry.image for one in entries}

    def find(image: tuple[str, str]) -> tuple[str, str]:
        while head[image] != image:
            head[image] = head[head[image]]
            image = head[image]
        return image

    for one in entries:
        for owner in one.entry.owners:
            there = (one.entry.repository, owner)
            if there in head:
                head[find(one.entry.image)] = find(there)
    families: dict[tuple[str, str], list[Placed]] = {}
    for one in sorted(entries, key=_position):
        families.setdefault(find(one.entry.image), []).append(one)
    return list(families.values())


def _position(one: Placed) -> int:
    return one.position
