"""`collection_plan`: what a registry would free of deleted images, and how, as one value that a person approves."""

from collections.abc import Callable

import dagster as dg

from assets import eviction_outcome, registry_catalog
from assets.collection_presentation import describe_collection_plan
from assets.eviction_presentation import PlanLinks
from assets.failures import told_to_dagster
from assets.names import EVICTION, OWNERS, collecting_registries_of
from assets.taking.collection import MadeCollectionPlan, take_collection_plan
from resources.configuration.settings import Site
from resources.site import SiteResource

KEY = dg.AssetKey("collection_plan")

FindLinks = Callable[[MadeCollectionPlan, Site, dg.DagsterRun], PlanLinks]
"""Where the forms and pages of a plan are; given by the storey that knows jobs and the web service."""


def build_collection_plan(site: Site, find_links: FindLinks) -> dg.AssetsDefinition:
    """The asset, partitioned by the registries for which a `collection` is configured.

    It makes itself after evictions, when the catalog was read again.
    """

    @dg.asset(
        key=KEY,
        partitions_def=collecting_registries_of(site),
        deps=[dg.AssetDep(registry_catalog.KEY), dg.AssetDep(eviction_outcome.KEY)],
        group_name=EVICTION,
        kinds={"oci"},
        owners=OWNERS,
        automation_condition=dg.AutomationCondition.eager(),
        description="Which evictions a registry still holds bytes of, how many bytes a collection frees, and exactly"
        " how it is done. Nothing is collected before a person approves this plan by the link in its summary; what was"
        " collected can be put back from a quarantine only.",
    )
    def collection_plan(context: dg.AssetExecutionContext, site: SiteResource) -> dg.MaterializeResult:
        with told_to_dagster(), site.connections() as connections:
            made = take_collection_plan(connections, context.partition_key, run_id=context.run_id)
            links = find_links(made, connections.site, context.run)
        return dg.MaterializeResult(metadata=describe_collection_plan(made, links))

    return collection_plan
