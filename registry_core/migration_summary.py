"""A migration plan in figures, and what of it a person should know before they agree."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from registry_core.migration import MigrationPlan


@dataclass(frozen=True, slots=True)
class MigrationSummary:
    """`unusual`: sentences without a full stop, the gravest first."""

    copies: int
    already_there: int
    conflicts: int
    unreadable: int
    unreadable_in_use: int
    tags: int
    travel_bytes: int
    mounts: int
    repositories: tuple[tuple[str, int, int], ...]  #: name, images, bytes that travel; the most bytes first
    unusual: tuple[str, ...]


def summarise_migration(plan: MigrationPlan) -> MigrationSummary:
    images: Counter[str] = Counter()
    travel: Counter[str] = Counter()
    for entry in plan.of("copy"):
        images[entry.repository] += 1
        travel[entry.repository] += entry.travel_bytes
    unreadable = plan.of("unreadable")
    return MigrationSummary(
        copies=plan.images,
        already_there=len(plan.of("already there")),
        conflicts=len(plan.of("conflict")),
        unreadable=len(unreadable),
        unreadable_in_use=sum(bool(entry.used_by) for entry in unreadable),
        tags=plan.tags,
        travel_bytes=plan.travel_bytes,
        mounts=sum(entry.mounts for entry in plan.of("copy")),
        repositories=tuple(
            sorted(((name, count, travel[name]) for name, count in images.items()), key=lambda row: (-row[2], row[0]))
        ),
        unusual=tuple(_unusual(plan)),
    )


def _unusual(plan: MigrationPlan) -> Iterator[str]:
    unreadable = plan.of("unreadable")
    used = sum(bool(entry.used_by) for entry in unreadable)
    if used:
        yield f"**{used:,} that {'is' if used == 1 else 'are'} in use cannot be read**, so nobody can copy them"
    if len(unreadable) > used:
        yield f"{len(unreadable) - used:,} that nobody is known to use cannot be read"
    if conflicts := len(plan.of("conflict")):
        verb = "is" if conflicts == 1 else "are"
        yield f"{conflicts:,} {verb} left out, because the destination has something else under that name"
    if overwritten := sum(len(entry.overwrites) for entry in plan.of("copy")):
        yield f"{overwritten:,} {'tag' if overwritten == 1 else 'tags'} of the destination would be moved to our image"
    if plan.basis.destination is None:
        yield "the destination has no catalog yet, so what could be mounted there is not known and counts as sent"
