"""What Dagster loads. The configuration file is read here, because partitions come from it; nothing is opened."""

from __future__ import annotations

import dagster as dg

from assets.cluster_inventory import build_cluster_inventory
from assets.deployed_versions import build_deployed_versions
from assets.eviction_approval import eviction_approval
from assets.eviction_outcome import eviction_outcome
from assets.eviction_plan import build_eviction_plan
from assets.evidence_checks import build_evidence_checks
from assets.freshness import build_freshness_checks
from assets.health_report import build_health_report
from assets.image_usage import build_image_usage
from assets.names import live_cluster, live_registry
from assets.registry_catalog import build_registry_catalog
from assets.single_copy_report import build_single_copy_report
from registry_pipelines.approving.job import build_approval_job
from registry_pipelines.collection_definitions import build_collection_definitions
from registry_pipelines.cutover_definitions import build_cutover_definitions
from registry_pipelines.eviction_jobs import build_eviction_jobs
from registry_pipelines.eviction_sensors import build_eviction_sensors
from registry_pipelines.jobs import build_jobs
from registry_pipelines.launching.warning import warn_of_another_coordinator
from registry_pipelines.links import links_of_plan
from registry_pipelines.migration_definitions import build_migration_definitions
from registry_pipelines.notifications import build_notification_sensors
from registry_pipelines.replication_definitions import build_replication_definitions
from registry_pipelines.schedules import build_schedules
from registry_pipelines.sensors import build_automation, build_sensors
from resources.configuration.load import LoadedSite, load_site
from resources.site import NothingHandedOn, site_resource


def build_definitions(loaded: LoadedSite) -> dg.Definitions:
    """The whole graph for one site."""
    site = loaded.site
    by_itself = build_automation(loaded)
    eviction = build_eviction_jobs(site)
    collection = build_collection_definitions(site)
    migration = build_migration_definitions(site, by_itself)
    cutover = build_cutover_definitions(site)
    replication = build_replication_definitions(site, by_itself)
    return dg.Definitions(
        assets=[
            live_cluster(site),
            live_registry(site),
            build_cluster_inventory(site),
            build_registry_catalog(site),
            build_image_usage(site, by_itself),
            build_health_report(site, by_itself),
            build_deployed_versions(by_itself),
            build_single_copy_report(by_itself),
            build_eviction_plan(site, links_of_plan, by_itself),
            eviction_approval(site),
            eviction_outcome(site),
            *collection.assets,
            *migration.assets,
            *cutover.assets,
            *replication.assets,
        ],
        asset_checks=[*build_freshness_checks(), build_evidence_checks(site), *migration.checks],
        jobs=[
            *build_jobs(site),
            build_approval_job("eviction"),
            eviction.execution,
            eviction.restoration,
            *collection.jobs,
            *migration.jobs,
            *cutover.jobs,
            *replication.jobs,
        ],
        schedules=[*build_schedules(site), *migration.schedules, *replication.schedules],
        sensors=[
            *build_sensors(site),
            *build_eviction_sensors(site, eviction),
            *collection.sensors,
            *migration.sensors,
            *cutover.sensors,
            *replication.sensors,
            *build_notification_sensors(site),
        ],
        resources={
            "site": site_resource(loaded.path, at_the_begin=warn_of_another_coordinator),
            "io_manager": NothingHandedOn(),
        },
        # A process for each step costs 1.5 to 9 seconds, a step in this one 0.1 to 0.3 (design §9).
        executor=dg.in_process_executor,
    )


@dg.definitions
def defs() -> dg.Definitions:
    """Loaded by `workspace.yaml`, for the file that REGISTRY_PIPELINES_CONFIG names, else the one here."""
    return build_definitions(load_site())
