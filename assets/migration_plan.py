"""`migration_plan`: exactly what would be copied from registry to registry, as one value that a person approves."""

from collections.abc import Callable

import dagster as dg

from assets import cluster_inventory, registry_catalog
from assets.eviction_presentation import PlanLinks
from assets.failures import told_to_dagster
from assets.migration_presentation import describe_migration_plan
from assets.names import MIGRATION, OWNERS, migrations_of
from assets.presentation import amount
from assets.taking.migration import MadeMigrationPlan, take_migration_plan
from assets.taking.progress import LoggedProgress
from registry_core.migration import MigrationPlan
from registry_core.migration_check import problems_of
from resources.configuration.settings import Site
from resources.site import SiteResource

KEY = dg.AssetKey("migration_plan")

ONE_SOURCE_EACH = dg.AssetCheckSpec(
    "no_two_images_share_a_name",
    asset=KEY,
    blocking=True,
    description="No tag of the destination would be written for two images.",
)
CAN_BE_READ = dg.AssetCheckSpec(
    "everything_chosen_can_be_read",
    asset=KEY,
    description="Everything that the migration names can be read at its source. An error where a cluster uses it.",
)
NO_CONFLICTS = dg.AssetCheckSpec(
    "nothing_is_in_the_way",
    asset=KEY,
    description="No name or tag of the destination is taken by another image.",
)

FindLinks = Callable[[MadeMigrationPlan, Site, dg.DagsterRun], PlanLinks]
"""Where the forms and pages of a plan are; given by the storey that knows jobs and the web service."""


def registries_of_migrations(site: Site) -> dg.StaticPartitionMapping:
    """From a registry to the migrations that copy from it or to it."""
    return dg.StaticPartitionMapping(
        {
            registry: [name for name, one in site.migrations.items() if registry in (one.source, one.to)]
            for registry in site.registries
        }
    )


def build_migration_plan(
    site: Site, find_links: FindLinks, by_itself: dg.AutomationCondition[dg.AssetKey]
) -> dg.AssetsDefinition:
    """The asset, partitioned by the migrations of the configuration; it makes itself only where that is configured."""

    @dg.asset(
        key=KEY,
        partitions_def=migrations_of(site),
        deps=[
            dg.AssetDep(registry_catalog.KEY, partition_mapping=registries_of_migrations(site)),
            dg.AssetDep(cluster_inventory.KEY, partition_mapping=dg.AllPartitionMapping()),
        ],
        group_name=MIGRATION,
        kinds={"oci", "pandas"},
        owners=OWNERS,
        check_specs=[ONE_SOURCE_EACH, CAN_BE_READ, NO_CONFLICTS],
        automation_condition=by_itself if site.schedules.plan_migrations else None,
        description="What a migration would copy, image by image with its tags and reasons: how many bytes must really"
        " travel, what is there already, what conflicts, what cannot be read and who uses that. Fingerprinted, and"
        " stored whole with what it was made from. Nothing is copied before a person approves exactly this plan.",
    )
    def migration_plan(context: dg.AssetExecutionContext, site: SiteResource) -> dg.MaterializeResult:
        with told_to_dagster(), site.connections() as connections:
            progress = LoggedProgress(context.log.info)
            made = take_migration_plan(connections, context.partition_key, run_id=context.run_id, progress=progress)
            links = find_links(made, connections.site, context.run)
        return dg.MaterializeResult(
            metadata=describe_migration_plan(made, links), check_results=check_results(made.plan)
        )

    return migration_plan


def check_results(plan: MigrationPlan) -> list[dg.AssetCheckResult]:
    """What the checks say of a plan."""
    problems = problems_of(plan)
    unreadable, conflicts = plan.of("unreadable"), plan.of("conflict")
    used = [entry for entry in unreadable if entry.used_by]
    first = (used or list(unreadable))[:1]
    return [
        dg.AssetCheckResult(
            check_name=ONE_SOURCE_EACH.name,
            passed=not problems,
            description="; ".join(problems[:3]) or "Every tag is written for one image.",
        ),
        dg.AssetCheckResult(
            check_name=CAN_BE_READ.name,
            passed=not unreadable,
            severity=dg.AssetCheckSeverity.ERROR if used else dg.AssetCheckSeverity.WARN,
            description=f"{amount(len(unreadable), 'line')} of the plan cannot be read, {len(used):,} of them in use;"
            f" first {first[0]}: {first[0].why}"
            if first
            else "Everything can be read.",
            metadata={"cannot be read": len(unreadable), "in use": len(used)},
        ),
        dg.AssetCheckResult(
            check_name=NO_CONFLICTS.name,
            passed=not conflicts,
            severity=dg.AssetCheckSeverity.WARN,
            description=f"{amount(len(conflicts), 'image')} left out; first {conflicts[0]}: {conflicts[0].why}"
            if conflicts
            else "Nothing is in the way.",
            metadata={"conflicts": len(conflicts)},
        ),
    ]
