"""From events that wait to runs: many events make one run, and an event that concerns nobody is put away."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from registry_core.copy_rule import CopyRule

#: Events of one registry are gathered until none came for so long …
QUIET = timedelta(seconds=10)
#: … but no longer than this: a registry that is pushed to all day must not wait for the night.
MOST_GATHERED = timedelta(seconds=60)


class Event(Protocol):
    """What is asked of an event that was noted."""

    @property
    def id(self) -> int: ...
    @property
    def registry(self) -> str: ...
    @property
    def repository(self) -> str: ...
    @property
    def received_at(self) -> datetime: ...


@dataclass(frozen=True, slots=True)
class Due:
    """What is to be done now: `runs` are rules with the events that ask for each, `for_nobody` concern no rule."""

    runs: Mapping[str, tuple[int, ...]]
    for_nobody: tuple[int, ...]

    @property
    def taken(self) -> tuple[int, ...]:
        """Every event that a run was made of."""
        return tuple(sorted({number for ids in self.runs.values() for number in ids}))


def due_events(events: Iterable[Event], rules: Sequence[CopyRule], *, now: datetime) -> Due:
    """Which rules are to be run for the events that wait. `rules` are those that follow events.

    All events of a registry become due together, so that ten pushes in a second make one run of each rule.
    """
    by_registry: dict[str, list[Event]] = {}
    for event in events:
        by_registry.setdefault(event.registry, []).append(event)
    runs: dict[str, tuple[int, ...]] = {}
    for_nobody: list[int] = []
    for registry, told in by_registry.items():
        times = [event.received_at for event in told]
        if now - max(times) < QUIET and now - min(times) < MOST_GATHERED:
            continue
        asked_for: set[int] = set()
        for rule in rules:
            if rule.source != registry:
                continue
            scope = rule.selection.scope()
            if ids := tuple(event.id for event in told if event.repository in scope):
                runs[rule.name] = ids
                asked_for.update(ids)
        for_nobody += [event.id for event in told if event.id not in asked_for]
    return Due(runs, tuple(for_nobody))
