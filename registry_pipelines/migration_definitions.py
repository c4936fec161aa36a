"""All of migrations that Dagster loads; nothing where the site configures none."""

from __future__ import annotations

from dataclasses import dataclass

import dagster as dg

from assets.migration_approval import migration_approval
from assets.migration_is_there import build_migration_is_there
from assets.migration_outcome import migration_outcome
from assets.migration_plan import build_migration_plan
from registry_pipelines.approving.job import build_approval_job
from registry_pipelines.links import links_of_migration
from registry_pipelines.migration_jobs import build_execution_job, build_planning_job, build_verification_job
from registry_pipelines.migration_sensors import build_migration_sensors, build_verification_schedule
from resources.configuration.settings import Site


@dataclass(frozen=True, slots=True)
class MigrationDefinitions:
    """Parts of the definitions of a site."""

    assets: tuple[dg.AssetsDefinition | dg.AssetSpec, ...] = ()
    checks: tuple[dg.AssetChecksDefinition, ...] = ()
    jobs: tuple[dg.JobDefinition | dg.UnresolvedAssetJobDefinition, ...] = ()
    schedules: tuple[dg.ScheduleDefinition, ...] = ()
    sensors: tuple[dg.SensorDefinition, ...] = ()


def build_migration_definitions(site: Site, by_itself: dg.AutomationCondition[dg.AssetKey]) -> MigrationDefinitions:
    """Assets, jobs and sensors of the migrations of a site."""
    if not site.migrations:
        return MigrationDefinitions()
    execution, verification = build_execution_job(), build_verification_job(site)
    return MigrationDefinitions(
        assets=(
            build_migration_plan(site, links_of_migration, by_itself),
            migration_approval(site),
            migration_outcome(site),
        ),
        checks=(build_migration_is_there(site),),
        jobs=(build_planning_job(), build_approval_job("migration"), execution, verification),
        schedules=(build_verification_schedule(site),),
        sensors=tuple(build_migration_sensors(site, execution, verification)),
    )
