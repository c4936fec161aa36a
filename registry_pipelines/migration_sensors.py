"""Sensors and schedule of migrations: approved plans are carried out, what was copied is read again, and verified."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import dagster as dg

from assets.presentation import amount
from registry_core.migration import MigrationPlan
from registry_pipelines.backfills import SENSOR_TAG, WantedBackfill, backfill_id, request_backfill
from registry_pipelines.doorbell import EXECUTE_OP, build_doorbell
from registry_pipelines.eviction_sensors import CHANGED
from registry_pipelines.links import plan_tags
from registry_pipelines.migration_jobs import VERIFY
from resources.configuration.settings import Site
from resources.connections import Connections
from resources.site import SiteResource


def build_migration_sensors(
    site: Site, job: dg.JobDefinition, verification: dg.UnresolvedAssetJobDefinition
) -> list[dg.SensorDefinition]:
    """The doorbell, and one for each way in which a migration may end."""
    on = dg.DefaultSensorStatus.RUNNING if site.schedules.switched_on else dg.DefaultSensorStatus.STOPPED
    return [
        build_doorbell("migration", name="execute_approved_migrations", on=on),
        _read_again("read_again_after_migration", job, verification, dg.DagsterRunStatus.SUCCESS, on),
        _read_again("read_again_after_part_of_a_migration", job, verification, dg.DagsterRunStatus.FAILURE, on),
        _read_again("read_again_after_a_terminated_migration", job, verification, dg.DagsterRunStatus.CANCELED, on),
    ]


def build_verification_schedule(site: Site) -> dg.ScheduleDefinition:
    """Reads back what every migration copied; one of which nothing was copied yet is left out."""
    on = dg.DefaultScheduleStatus.RUNNING if site.schedules.switched_on else dg.DefaultScheduleStatus.STOPPED

    @dg.schedule(
        name="verify_migrations_schedule",
        job_name=VERIFY,
        cron_schedule=site.schedules.migrations,
        default_status=on,
        description="Everything that migrations copied is still there, byte for byte.",
    )
    def verify(context: dg.ScheduleEvaluationContext, site: SiteResource) -> Iterator[dg.RunRequest | dg.SkipReason]:
        from assets.taking.migration_verification import carried_out

        with site.connections() as connections:
            names = [name for name in connections.site.migrations if carried_out(connections, name) is not None]
        if not names:
            yield dg.SkipReason("Nothing was migrated yet.")
        for name in names:
            yield dg.RunRequest(run_key=f"{name} {context.scheduled_execution_time:%Y-%m-%dT%H:%M}", partition_key=name)

    return verify


def _read_again(
    name: str,
    job: dg.JobDefinition,
    verification: dg.UnresolvedAssetJobDefinition,
    status: dg.DagsterRunStatus,
    on: dg.DefaultSensorStatus,
) -> dg.SensorDefinition:
    @dg.run_status_sensor(
        name=name,
        run_status=status,
        monitored_jobs=[job],
        request_job=verification,
        minimum_interval_seconds=15,
        default_status=on,
        description="Launches a backfill of catalog, usage and health of the registry that images were copied to, and"
        " has all of it read back.",
    )
    def read_again(context: dg.RunStatusSensorContext, site: SiteResource) -> dg.RunRequest | dg.SkipReason:
        if context.repository_def is None:
            raise dg.DagsterInvariantViolationError("a run status sensor needs the definitions of its code location")
        run = context.dagster_run
        with site.connections() as connections:
            wanted = _backfill_after(run, connections, sensor=name)
            record = connections.ledger.record(_plan_of(run))
        if wanted is None:
            return dg.SkipReason("Nothing was copied, so nothing has to be read again.")
        request_backfill(context.instance, context.repository_def.asset_graph, wanted)
        return dg.RunRequest(run_key=run.run_id, partition_key=record.subject, tags=plan_tags(record))

    return read_again


def _plan_of(run: dg.DagsterRun) -> str:
    config: dict[str, Any] = dict(run.run_config)
    plan: str = config["ops"][EXECUTE_OP]["config"]["plan"]
    return plan


def _backfill_after(run: dg.DagsterRun, connections: Connections, *, sensor: str) -> WantedBackfill | None:
    """What is to be read again after a run that copied; None where it copied nothing."""
    ledger = connections.ledger
    record = ledger.record(_plan_of(run))
    journal = ledger.copy_journal(record.fingerprint)
    count = int((journal["outcome"].eq("copied") & journal["run_id"].eq(run.run_id)).sum())
    if not count:
        return None
    rule = ledger.plan(record.fingerprint, MigrationPlan).plan.rule
    # A run that ended early is not the last one of its plan.
    only = run.status is dg.DagsterRunStatus.SUCCESS
    return WantedBackfill(
        id=backfill_id("migrated", record, None if only else run.run_id),
        title=f"After migration {record.short} of {record.subject}",
        description=f"{amount(count, 'image')} copied to {rule.destination} by the run {run.run_id[:8]}; catalog, usage"
        " and health of it are read again.",
        assets=CHANGED,
        partition=rule.destination,
        tags={**plan_tags(record), SENSOR_TAG: sensor},
    )
