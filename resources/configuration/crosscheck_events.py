"""What is wrong between `events` and the registries that they are about."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from resources.configuration.document import KeyPath
from resources.configuration.event_settings import EventSettings
from resources.configuration.settings import RegistrySettings


def crosscheck_events(
    events: Mapping[str, EventSettings | None], registries: Mapping[str, RegistrySettings | None]
) -> Iterator[tuple[KeyPath, str]]:
    """(place, what is wrong) for each problem. An entry that could not be read is None: nothing is said of it."""
    for name, entry in events.items():
        if entry is not None and entry.registry not in registries:
            known = ", ".join(registries) or "none"
            yield ("events", name, "registry"), f"no registry is called `{entry.registry}`; configured are: {known}"
