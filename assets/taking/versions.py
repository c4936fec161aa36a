"""Bring together what is deployed and what is available, over all clusters and registries of a site."""

from __future__ import annotations

from registry_core.coverage import Gap
from registry_core.deployed_versions import CatalogSeen, VersionsReport, Wish
from registry_core.deployed_versions_report import Clusters, compare_versions
from registry_core.errors import IncompleteSnapshot
from registry_core.globs import compile_globs
from registry_core.products import Choice, ProductNames
from registry_core.versions import VersionPattern
from resources.configuration.settings import Site
from resources.connections import Connections
from resources.registry.crawling.listing import CATALOG


def take_versions(connections: Connections) -> VersionsReport:
    """The report by the newest snapshots, whole or not; what they lack is told in it.

    Raises IncompleteSnapshot when no cluster was ever read: "deployed nowhere" would not be true.
    """
    site = connections.site
    return compare_versions(_clusters(connections), _catalogs(connections), _products(site), _wish(site))


def _clusters(connections: Connections) -> Clusters:
    site, history = connections.site, connections.history
    newest = {name: history.latest("inventory", name) for name in site.clusters}
    read = {name: snapshot for name, snapshot in newest.items() if snapshot is not None}
    if not read:
        raise IncompleteSnapshot(
            "nothing can be said about deployed versions yet: no cluster was read. Materialize cluster_inventory first"
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


def _catalogs(connections: Connections) -> list[CatalogSeen]:
    history, seen = connections.history, []
    for name, settings in connections.site.registries.items():
        newest = history.latest("catalog", name)
        gaps = newest.coverage.unexcused if newest is not None else ()
        seen.append(
            CatalogSeen(
                registry=name,
                hosts=settings.names,
                as_of=newest.as_of if newest is not None else None,
                frames=history.read_catalog(name, at=newest) if newest is not None else None,
                unread={_place(gap): gap for gap in gaps},
                include=compile_globs(settings.include),
                exclude=compile_globs(settings.exclude),
            )
        )
    return seen


def _place(gap: Gap) -> str:
    """`*` where the registry did not list its repositories: any of them may be unread."""
    return "*" if gap.place == CATALOG else gap.place


def _products(site: Site) -> ProductNames:
    settings = site.versions
    return ProductNames(
        hosts={name: registry.names for name, registry in site.registries.items()},
        rules=settings.products,
        choice=Choice(prefixes=settings.prefixes, allow=settings.allow, block=settings.block),
    )


def _wish(site: Site) -> Wish:
    settings = site.versions
    return Wish(
        patterns=tuple(VersionPattern(pattern) for pattern in settings.patterns),
        newest=settings.newest,
        prereleases=settings.prereleases,
        compare=settings.compare,
    )
