"""What is wrong between `events`, the registries that they are about, and the replications that follow them; and among
the names of those."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from resources.configuration.document import KeyPath
from resources.configuration.event_settings import EventSettings
from resources.configuration.registry_settings import RegistrySettings
from resources.configuration.replication_settings import ReplicationSettings, name_in_dagster


def crosscheck_events(
    events: Mapping[str, EventSettings | None],
    registries: Mapping[str, RegistrySettings | None],
    replications: Mapping[str, ReplicationSettings | None],
) -> Iterator[tuple[KeyPath, str]]:
    """(place, what is wrong) for each problem. An entry that could not be read is None: nothing is said of it."""
    for name, entry in events.items():
        if entry is not None and entry.registry not in registries:
            known = ", ".join(registries) or "none"
            yield ("events", name, "registry"), f"no registry is called `{entry.registry}`; configured are: {known}"
    yield from _names_alike(replications)
    heard = {entry.registry for entry in events.values() if entry is not None}
    unsure = any(entry is None for entry in events.values())
    for name, replication in replications.items():
        if replication is None or replication.trigger != "event" or replication.source in heard or unsure:
            continue
        if replication.source in registries:
            yield (
                ("replications", name, "trigger"),
                f"no entry of `events` is about `{replication.source}`, so nothing would set it going but the schedule;"
                " add one, or write `trigger: schedule`",
            )


def _names_alike(replications: Mapping[str, ReplicationSettings | None]) -> Iterator[tuple[KeyPath, str]]:
    """Each has a schedule in Dagster, where a name has letters, digits and `_` only."""
    first: dict[str, str] = {}
    for name in replications:
        other = first.setdefault(name_in_dagster(name), name)
        if other != name:
            yield (
                ("replications", name),
                f"`{name}` and `{other}` differ only in `-`, `.` and `_`, which Dagster writes as one; rename one",
            )
