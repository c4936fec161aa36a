"""Kubernetes clusters, live or as dumps: `open_cluster` gives a `ClusterSource`, which reads an inventory."""

from resources.clusters.opening import open_cluster
from resources.clusters.source import (
    AccessCheck,
    ClusterSource,
    Progress,
    ReadEvent,
    ResourceRead,
    RowsRead,
    StartedOver,
    whole_inventory,
)

__all__ = [
    "AccessCheck",
    "ClusterSource",
    "Progress",
    "ReadEvent",
    "ResourceRead",
    "RowsRead",
    "StartedOver",
    "open_cluster",
    "whole_inventory",
]
