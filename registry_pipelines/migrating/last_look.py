"""Look once more before an image is copied: do its tags still point to it at the source?

The digest decides: what was approved is this image under these names. A tag that moved since is left out and told.
What became of the destination's tags is seen by the copy itself, at the moment when it writes them
(`ImageCopy.may_replace`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

from registry_core.errors import RegistryError
from registry_core.migration_entries import MigrationEntry, MigrationOutcome
from resources.registry.connection import RegistryConnection
from resources.registry.reading import Reader

_LOOKED_AT_ONCE = 64


@dataclass(frozen=True, slots=True)
class PlacedEntry:
    """An entry of a plan, and its place there."""

    position: int
    entry: MigrationEntry


@dataclass(frozen=True, slots=True)
class Looked:
    """What is left of an entry: `tags` may be written. `outcome` is set where nothing may."""

    placed: PlacedEntry
    tags: tuple[str, ...]
    left_out: str = ""  #: which tags were left out and why, in words
    outcome: MigrationOutcome | None = None


def look_again(entries: Iterable[PlacedEntry], source: RegistryConnection) -> Iterator[Looked]:
    """One answer for each entry, in their order; a few are asked for at a time."""
    waiting = iter(entries)
    while some := list(islice(waiting, _LOOKED_AT_ONCE)):
        wanted = [(one.entry.repository, tag) for one in some for tag in one.entry.tags]
        there = _resolve(source, wanted)
        for one in some:
            yield _still_named(one, there)


def _still_named(placed: PlacedEntry, there: Mapping[tuple[str, str], str | RegistryError | None]) -> Looked:
    entry = placed.entry
    kept, told = [], []
    for tag in entry.tags:
        found = there[entry.repository, tag]
        if isinstance(found, RegistryError):
            outcome = MigrationOutcome(word="failed", why=f"{found.fault}: {found}")
            return Looked(placed, (), outcome=outcome)
        if found == entry.digest:
            kept.append(tag)
        else:
            told.append(f"tag {tag} " + (f"moved to {found}" if found else "is gone"))
    left_out = "; ".join(told)
    if entry.tags and not kept:
        why = f"tag moved: at the source, {left_out} since the plan was made; make a new plan"
        return Looked(placed, (), outcome=MigrationOutcome(word="failed", why=why))
    if left_out:
        left_out = f"left out, because at the source {left_out} since the plan was made"
    return Looked(placed, tuple(kept), left_out)


def _resolve(
    registry: RegistryConnection, wanted: Iterable[tuple[str, str]]
) -> dict[tuple[str, str], str | RegistryError | None]:
    """The digest of each (repository, tag); None where there is no such tag, the error where nobody knows."""
    found: dict[tuple[str, str], str | RegistryError | None] = {}
    with registry.engine() as engine:
        reader = Reader(registry, engine)

        async def ask(name: tuple[str, str]) -> None:
            try:
                found[name] = (await reader.head_manifest(*name))[0]
            except RegistryError as error:
                found[name] = None if error.fault == "missing" else error

        engine.run(engine.each(list(dict.fromkeys(wanted)), ask))
    return found
