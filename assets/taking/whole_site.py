"""The newest evidence of a whole site, over all clusters and registries, with what it lacks in words."""

from __future__ import annotations

from registry_core.coverage import Gap
from registry_core.deployed_versions import CatalogSeen
from registry_core.deployed_versions_report import Clusters
from registry_core.errors import IncompleteSnapshot
from registry_core.globs import compile_globs
from resources.connections import Connections
from resources.registry.crawling.listing import CATALOG


def clusters_of_site(connections: Connections, wanted: str) -> Clusters:
    """All clusters that were ever read. Raises IncompleteSnapshot where none was: nothing could be said about
    `wanted`."""
    site, history = connections.site, connections.history
    newest = {name: history.latest("inventory", name) for name in site.clusters}
    read = {name: snapshot for name, snapshot in newest.items() if snapshot is not None}
    if not read:
        raise IncompleteSnapshot(
            f"nothing can be said about {wanted} yet: no cluster was read. Materialize cluster_inventory first"
            " (or run `registry-pipelines inventory`)"
        )
    unread = [f"cluster {name} was never read" for name in newest if name not in read]
    unread += [f"cluster {name}: {gap}" for name, snapshot in read.items() for gap in snapshot.coverage.unexcused]
    return Clusters(
        inventory=history.read_inventories(list(read)),
        environments=connections.environments,
        environment_of=site.environment_of,
        as_of=min(snapshot.as_of for snapshot in read.values()),
        unread=tuple(unread),
    )


def catalogs_of_site(connections: Connections) -> list[CatalogSeen]:
    """Every configured registry, also one that was never crawled."""
    return [catalog_of(connections, name) for name in connections.site.registries]


def catalog_of(connections: Connections, name: str) -> CatalogSeen:
    """The newest catalog of one configured registry, with what it lacks."""
    history, settings = connections.history, connections.registry_settings(name)
    newest = history.latest("catalog", name)
    gaps = newest.coverage.unexcused if newest is not None else ()
    return CatalogSeen(
        registry=name,
        hosts=settings.names,
        as_of=newest.as_of if newest is not None else None,
        frames=history.read_catalog(name, at=newest) if newest is not None else None,
        unread={_place(gap): gap for gap in gaps},
        include=compile_globs(settings.include),
        exclude=compile_globs(settings.exclude),
        answered=history.read_whole("catalog", name, newest) if newest is not None else frozenset(),
    )


def _place(gap: Gap) -> str:
    """`*` where the registry did not list its repositories: any of them may be unread."""
    return "*" if gap.place == CATALOG else gap.place
