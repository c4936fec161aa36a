"""`eviction_plan`: exactly which images would go from a registry, and why, as one value that a person approves."""

from collections.abc import Callable

import dagster as dg

from assets import cluster_inventory, image_usage, registry_catalog
from assets.eviction_checks import plan_check_results, plan_check_specs
from assets.eviction_presentation import PlanLinks, describe_plan
from assets.failures import told_to_dagster
from assets.names import EVICTION, OWNERS, registries_of
from assets.taking.plan import MadePlan, take_plan
from resources.configuration.settings import Site
from resources.site import SiteResource

KEY = dg.AssetKey("eviction_plan")

FindLinks = Callable[[MadePlan, Site, dg.DagsterRun], PlanLinks]
"""Where the forms and pages of a plan are; given by the storey that knows jobs and the web service."""


def build_eviction_plan(
    site: Site, find_links: FindLinks, by_itself: dg.AutomationCondition[dg.AssetKey]
) -> dg.AssetsDefinition:
    """The asset, partitioned by the registries of the configuration.

    It makes itself when its evidence is new and fit for a plan; where no policies are configured, only when asked.
    """

    @dg.asset(
        key=KEY,
        partitions_def=registries_of(site),
        deps=[
            dg.AssetDep(image_usage.KEY),
            dg.AssetDep(registry_catalog.KEY),
            dg.AssetDep(cluster_inventory.KEY, partition_mapping=dg.AllPartitionMapping()),
        ],
        group_name=EVICTION,
        kinds={"pandas"},
        owners=OWNERS,
        check_specs=plan_check_specs(KEY),
        automation_condition=by_itself if site.policies else None,
        description="Which images may go by the policies, each with all its tags and its reasons; fingerprinted, and"
        " stored whole with what it was made from. Nothing is deleted before a person approves exactly this plan by"
        " the link in its summary. A plan that finds the same as the one that waits lets that one stand.",
    )
    def eviction_plan(context: dg.AssetExecutionContext, site: SiteResource) -> dg.MaterializeResult:
        with told_to_dagster(), site.connections() as connections:
            made = take_plan(connections, context.partition_key, run_id=context.run_id)
            links = find_links(made, connections.site, context.run)
        return dg.MaterializeResult(
            metadata=describe_plan(made, links), check_results=plan_check_results(made.problems)
        )

    return eviction_plan
