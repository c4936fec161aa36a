"""What the assets share: partitions from the configuration, groups, owners, and the outside they begin with."""

from __future__ import annotations

import dagster as dg

from registry_core.coverage import Coverage
from resources.configuration.settings import Site

EVIDENCE = "evidence"  #: what we were told by clusters and registries
HEALTH = "health"  #: what follows from it
EVICTION = "eviction"  #: what may go, who agreed, what became of it
MIGRATION = "migration"  #: what is to be copied, who agreed, what arrived
CUTOVER = "cutover"  #: which workloads are pointed elsewhere, who agreed, what became of it
OUTSIDE = "outside"  #: what we do not make, only read
OWNERS = ["team:platform"]


def clusters_of(site: Site) -> dg.StaticPartitionsDefinition:
    """A partition a cluster of the configuration."""
    return dg.StaticPartitionsDefinition(list(site.clusters))


def registries_of(site: Site) -> dg.StaticPartitionsDefinition:
    """A partition a registry of the configuration."""
    return dg.StaticPartitionsDefinition(list(site.registries))


def collecting_registries_of(site: Site) -> dg.StaticPartitionsDefinition:
    """A partition a registry that can be told to collect."""
    return dg.StaticPartitionsDefinition([name for name, one in site.registries.items() if one.collection is not None])


def migrations_of(site: Site) -> dg.StaticPartitionsDefinition:
    """A partition a migration of the configuration."""
    return dg.StaticPartitionsDefinition(list(site.migrations))


def cutovers_of(site: Site) -> dg.StaticPartitionsDefinition:
    """A partition a cut-over of the configuration."""
    return dg.StaticPartitionsDefinition(list(site.cutovers))


def replications_of(site: Site) -> dg.StaticPartitionsDefinition:
    """A partition a replication of the configuration."""
    return dg.StaticPartitionsDefinition(list(site.replications))


def live_cluster(site: Site) -> dg.AssetSpec:
    """The cluster itself, so that lineage begins outside."""
    return dg.AssetSpec(
        "live_cluster",
        description="The Kubernetes cluster itself, or the dump that stands for it. Not made by us, only read.",
        group_name=OUTSIDE,
        kinds={"kubernetes"},
        owners=OWNERS,
        partitions_def=clusters_of(site),
    )


def live_registry(site: Site) -> dg.AssetSpec:
    """The registry itself, so that lineage begins outside."""
    return dg.AssetSpec(
        "live_registry",
        description="The container registry itself. Not made by us, only read.",
        group_name=OUTSIDE,
        kinds={"oci"},
        owners=OWNERS,
        partitions_def=registries_of(site),
    )


def seen_alive(context: dg.AssetExecutionContext, outside: str, coverage: Coverage) -> None:
    """Note in the lineage that the outside answered us: when it was last read is when it was last seen."""
    context.log_event(
        dg.AssetMaterialization(
            outside,
            partition=context.partition_key,
            description=f"Read by cluster_inventory or registry_catalog; {coverage.summary()}",
            metadata={"asked": coverage.asked, "answered": coverage.answered},
        )
    )
