"""`cutover_plan`: which workloads are pointed at another registry, by which change, as one value to be approved."""

from collections.abc import Callable

import dagster as dg

from assets import cluster_inventory, health_report
from assets.cutover_presentation import describe_cutover_plan
from assets.eviction_presentation import PlanLinks
from assets.failures import told_to_dagster
from assets.names import CUTOVER, OWNERS, cutovers_of
from assets.presentation import amount
from assets.taking.cutover import MadeCutover, take_cutover_plan
from assets.taking.progress import LoggedProgress
from registry_core.cutover import CutoverPlan
from resources.configuration.settings import Site
from resources.site import SiteResource

KEY = dg.AssetKey("cutover_plan")

ALL_CAN_MOVE = dg.AssetCheckSpec(
    "everything_can_move",
    asset=KEY,
    description="Every workload that names the old registry can be changed: its images are served at the destination"
    " for every platform of its cluster's nodes, and the API takes the change.",
)

FindLinks = Callable[[MadeCutover, Site, dg.DagsterRun], PlanLinks]
"""Where the forms and pages of a plan are; given by the storey that knows jobs and the web service."""


def build_cutover_plan(site: Site, find_links: FindLinks) -> dg.AssetsDefinition:
    """The asset, partitioned by the cut-overs of the configuration. It is made when somebody asks."""

    @dg.asset(
        key=KEY,
        partitions_def=cutovers_of(site),
        deps=[
            dg.AssetDep(cluster_inventory.KEY, partition_mapping=_clusters_of_cutovers(site)),
            dg.AssetDep(health_report.KEY, partition_mapping=_destinations_of_cutovers(site)),
        ],
        group_name=CUTOVER,
        kinds={"kubernetes", "oci"},
        owners=OWNERS,
        check_specs=[ALL_CAN_MOVE],
        description="Which workloads name the old registry, the exact patch of each, the pull secrets that they need,"
        " what Helm, Argo CD, Flux or an operator must change, and what stays and why. Clusters and destination are"
        " read anew. Nothing is changed before a person approves exactly this plan.",
    )
    def cutover_plan(context: dg.AssetExecutionContext, site: SiteResource) -> dg.MaterializeResult:
        with told_to_dagster(), site.connections() as connections:
            progress = LoggedProgress(context.log.info)
            made = take_cutover_plan(connections, context.partition_key, run_id=context.run_id, progress=progress)
            links = find_links(made, connections.site, context.run)
        return dg.MaterializeResult(
            metadata=describe_cutover_plan(made, links), check_results=[check_result(made.plan)]
        )

    return cutover_plan


def check_result(plan: CutoverPlan) -> dg.AssetCheckResult:
    """What the check says of a plan."""
    told = "Everything can be changed."
    if plan.left:
        told = f"{amount(len(plan.left), 'workload')} will stay; first {plan.left[0].workload}: {plan.left[0].why}"
    return dg.AssetCheckResult(
        check_name=ALL_CAN_MOVE.name,
        passed=not plan.left,
        severity=dg.AssetCheckSeverity.WARN,
        description=told,
        metadata={"left": len(plan.left)},
    )


def _clusters_of_cutovers(site: Site) -> dg.StaticPartitionMapping:
    """From a cluster to the cut-overs that change it."""
    return dg.StaticPartitionMapping(
        {cluster: [name for name, one in site.cutovers.items() if cluster in one.clusters] for cluster in site.clusters}
    )


def _destinations_of_cutovers(site: Site) -> dg.StaticPartitionMapping:
    """From a registry to the cut-overs that point at it."""
    return dg.StaticPartitionMapping(
        {registry: [name for name, one in site.cutovers.items() if one.to == registry] for registry in site.registries}
    )
