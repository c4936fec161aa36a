"""Bring together what is deployed and what is available, over all clusters and registries of a site."""

from __future__ import annotations

from assets.taking.whole_site import catalogs_of_site, clusters_of_site
from registry_core.deployed_versions import VersionsReport, Wish
from registry_core.deployed_versions_report import compare_versions
from registry_core.products import Choice, ProductNames
from registry_core.versions import VersionPattern
from resources.configuration.settings import Site
from resources.connections import Connections


def take_versions(connections: Connections) -> VersionsReport:
    """The report by the newest snapshots, whole or not; what they lack is told in it.

    Raises IncompleteSnapshot when no cluster was ever read: "deployed nowhere" would not be true.
    """
    site = connections.site
    clusters = clusters_of_site(connections, "deployed versions")
    return compare_versions(clusters, catalogs_of_site(connections), _products(site), _wish(site))


def _products(site: Site) -> ProductNames:
    settings = site.versions
    return ProductNames(
        site.directory,
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
