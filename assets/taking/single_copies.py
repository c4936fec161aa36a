"""Find out which images in use have no copy, over all clusters and registries of a site."""

from __future__ import annotations

from assets.taking.whole_site import catalogs_of_site, clusters_of_site
from registry_core.single_copies import CopiesReport, find_single_copies
from resources.connections import Connections


def take_single_copies(connections: Connections) -> CopiesReport:
    """The report by the newest snapshots, whole or not; what they lack is told in it.

    Raises IncompleteSnapshot when no cluster was ever read: "nothing is at risk" would not be true.
    """
    site = connections.site
    return find_single_copies(
        clusters_of_site(connections, "copies of what is in use"),
        catalogs_of_site(connections),
        directory=site.directory,
        ours=[name for name, settings in site.registries.items() if settings.ours],
        is_severe=lambda environment: site.severity_of(environment) == "error",
    )
