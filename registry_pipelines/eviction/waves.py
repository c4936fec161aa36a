"""Waves: the entries of a plan, a bounded number at a time, families never split."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from registry_core.eviction_entries import Entry


@dataclass(frozen=True, slots=True)
class Placed:
    """An entry and its position in the plan."""

    position: int
    entry: Entry


def waves(entries: Iterable[Placed], *, size: int) -> Iterator[list[Placed]]:
    """Waves of about `size` entries, in the order of the plan within each repository.

    What owns and what belongs to it is in one wave, so one family may make it larger.
    """
    wave: list[Placed] = []
    for family in _families(list(entries)):
        if wave and len(wave) + len(family) > size:
            yield sorted(wave, key=_position)
            wave = []
        wave.extend(family)
    if wave:
        yield sorted(wave, key=_position)


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
