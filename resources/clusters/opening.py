"""The right source for a cluster of the configuration."""

from __future__ import annotations

from resources.clusters.api import Patience
from resources.clusters.connection import Connection, ResolveSecret
from resources.clusters.dump import DumpedCluster
from resources.clusters.live import LiveCluster
from resources.clusters.source import ClusterSource
from resources.clusters.wanted import Wanted
from resources.configuration.paths import from_home
from resources.configuration.settings import ClusterSettings


def open_cluster(
    name: str, settings: ClusterSettings, *, resolve: ResolveSecret, patience: Patience | None = None
) -> ClusterSource:
    """A source that has opened nothing yet; `resolve` fetches the text of a secret when it is needed.

    Raises ConfigError for custom resources or `may_be_missing` that cannot be meant.
    """
    wanted = Wanted.of(name, settings)
    if settings.dump is not None:
        return DumpedCluster(name, from_home(settings.dump), wanted)
    return LiveCluster(Connection(name, settings, resolve), wanted, patience=patience)
