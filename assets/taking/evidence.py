"""The evidence about one registry: the newest catalog and the newest inventory of every cluster, as frames."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import pandas as pd

from registry_core.catalog import CatalogFrames
from registry_core.coverage import Coverage, Gap
from registry_core.errors import IncompleteSnapshot
from resources.connections import Connections
from resources.database.snapshots import Snapshot
from resources.registry.crawling.listing import CATALOG


@dataclass(frozen=True)
class Evidence:
    """What is known about one registry at this moment, and how well.

    `unasked` are clusters without any inventory that the configuration does not require.
    """

    registry: str
    catalog_snapshot: Snapshot
    inventory_snapshots: tuple[Snapshot, ...]
    catalog: CatalogFrames = field(repr=False)
    inventory: pd.DataFrame = field(repr=False)
    unasked: tuple[str, ...] = ()

    @property
    def as_of(self) -> datetime:
        """The newest of its times: what was seen, was seen by then."""
        return max(snapshot.as_of for snapshot in (self.catalog_snapshot, *self.inventory_snapshots))

    @property
    def oldest(self) -> Snapshot:
        """The part that is the least fresh."""
        return min((self.catalog_snapshot, *self.inventory_snapshots), key=lambda snapshot: snapshot.as_of)

    @property
    def coverage(self) -> Coverage:
        return Coverage.total(snapshot.coverage for snapshot in (self.catalog_snapshot, *self.inventory_snapshots))

    @property
    def unread(self) -> Mapping[str, Gap]:
        """Repositories that the catalog could not read whole; `*` stands for the list of them."""
        gaps = self.catalog_snapshot.coverage.gaps
        return {"*" if gap.place == CATALOG else gap.place: gap for gap in gaps}

    @property
    def basis(self) -> Mapping[str, str]:
        """Which snapshots these are, for what is made from them."""
        return {
            f"{part.kind} {part.source}": str(part.id) for part in (self.catalog_snapshot, *self.inventory_snapshots)
        }


def gather_evidence(connections: Connections, registry: str) -> Evidence:
    """Read the newest snapshots, whole or not; their coverage says which.

    Raises IncompleteSnapshot when there is no catalog yet, or no inventory of a cluster that is required: "not
    asked yet" is not "nothing there".
    """
    history, site = connections.history, connections.site
    catalog = history.latest("catalog", registry)
    newest = {cluster: history.latest("inventory", cluster) for cluster in site.clusters}
    absent = [cluster for cluster, snapshot in newest.items() if snapshot is None]
    required = [cluster for cluster in absent if site.clusters[cluster].required]
    if catalog is None or required:
        wanted = [*([f"registry_catalog of {registry}"] if catalog is None else []),
                  *(f"cluster_inventory of {cluster}" for cluster in required)]  # fmt: skip
        raise IncompleteSnapshot(
            f"nothing can be said about the use of {registry} yet: materialize {', '.join(wanted)} first"
            " (or run `registry-pipelines catalog` and `registry-pipelines inventory`)"
        )
    return Evidence(
        registry=registry,
        catalog_snapshot=catalog,
        inventory_snapshots=tuple(snapshot for snapshot in newest.values() if snapshot is not None),
        catalog=history.read_catalog(registry, at=catalog),
        inventory=history.read_inventories([cluster for cluster in newest if cluster not in absent]),
        unasked=tuple(absent),
    )
