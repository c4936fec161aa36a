"""Who used which image before now: from all inventories and catalogs that were stored, and from stored usage."""

from __future__ import annotations

from datetime import datetime

import pandas as pd

from registry_core.backtest import Sightings
from registry_core.catalog import CatalogFrames
from registry_core.errors import IncompleteSnapshot
from registry_core.usage import UsageFrames
from registry_core.usage_past import join_past_usage, with_past_usage
from resources.connections import Connections


def with_the_past(
    connections: Connections, catalog: CatalogFrames, usage: UsageFrames, *, since: datetime | None
) -> UsageFrames:
    """The usage of now with all uses that were last seen at or after `since` (None: ever).

    A reference of now whose tag the catalog does not show any more is a use of what the tag named before.
    """
    return with_past_usage(usage, *_past(connections, catalog, since))


def sightings_of(connections: Connections, registry: str) -> Sightings:
    """All that was ever seen of a registry and of its use. Raises IncompleteSnapshot before the first catalog."""
    past = connections.history.read_past(registry)
    uses = pd.concat([past.usage.usage, *_past(connections, past.catalog, None)], ignore_index=True)
    return Sightings(
        past.catalog, UsageFrames(registry, uses, past.usage.unresolved), history_began_at=past.history_began_at
    )


def _past(connections: Connections, catalog: CatalogFrames, since: datetime | None) -> list[pd.DataFrame]:
    history, site, registry = connections.history, connections.site, catalog.registry
    joined = join_past_usage(
        history.read_past_uses(since),
        catalog,
        history.read_moved_tags(registry, since),
        names=site.directory.names_of(registry),
        environment_of=site.environment_of,
    )
    try:
        return [joined, history.read_usage_since(registry, since)]
    except IncompleteSnapshot:  # only Dagster stores usage; the inventories say the same
        return [joined]
