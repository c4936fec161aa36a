"""Sensors of eviction: approved plans are carried out, and what they changed is read again."""

from __future__ import annotations

from typing import Any

import dagster as dg

from assets import health_report, image_usage, registry_catalog
from assets.presentation import amount
from registry_pipelines.approving.form import RESTORE_OP
from registry_pipelines.backfills import SENSOR_TAG, WantedBackfill, backfill_id, request_backfill
from registry_pipelines.doorbell import EXECUTE_OP, build_doorbell
from registry_pipelines.eviction_jobs import EvictionJobs
from registry_pipelines.links import EXECUTE, plan_tags
from resources.configuration.settings import Site
from resources.connections import Connections
from resources.site import SiteResource

#: What a deletion changes, of one registry.
CHANGED = (registry_catalog.KEY, image_usage.KEY, health_report.KEY)


def build_eviction_sensors(site: Site, jobs: EvictionJobs) -> list[dg.SensorDefinition]:
    """The doorbell, and one for each way in which a change may end."""
    on = dg.DefaultSensorStatus.RUNNING if site.schedules.switched_on else dg.DefaultSensorStatus.STOPPED
    return [
        build_doorbell("eviction", name="execute_approved_plans", on=on),
        _read_again("read_again_after_change", jobs, dg.DagsterRunStatus.SUCCESS, on),
        _read_again("read_again_after_part_of_a_change", jobs, dg.DagsterRunStatus.FAILURE, on),
        _read_again("read_again_after_a_terminated_change", jobs, dg.DagsterRunStatus.CANCELED, on),
    ]


def _read_again(
    name: str, jobs: EvictionJobs, status: dg.DagsterRunStatus, on: dg.DefaultSensorStatus
) -> dg.SensorDefinition:
    @dg.run_status_sensor(
        name=name,
        run_status=status,
        monitored_jobs=[jobs.execution, jobs.restoration],
        minimum_interval_seconds=15,
        default_status=on,
        description="Launches a backfill of catalog, usage and health of the registry that was changed.",
    )
    def read_again(context: dg.RunStatusSensorContext, site: SiteResource) -> dg.SkipReason | None:
        if context.repository_def is None:
            raise dg.DagsterInvariantViolationError("a run status sensor needs the definitions of its code location")
        with site.connections() as connections:
            wanted = _backfill_after(context.dagster_run, connections, sensor=name)
        if wanted is None:
            return dg.SkipReason("Nothing was changed, so nothing has to be read again.")
        requested = request_backfill(context.instance, context.repository_def.asset_graph, wanted)
        return None if requested else dg.SkipReason("The backfill was launched before.")

    return read_again


def _backfill_after(run: dg.DagsterRun, connections: Connections, *, sensor: str) -> WantedBackfill | None:
    """What is to be read again after a run that deleted or put back; None where it changed nothing."""
    executed = run.job_name == EXECUTE["eviction"]
    config: dict[str, Any] = dict(run.run_config)
    fingerprint = config["ops"][EXECUTE_OP if executed else RESTORE_OP]["config"]["plan"]
    ledger = connections.history.ledger
    record = ledger.record(fingerprint)
    journal = ledger.journal(record.fingerprint)
    changed = journal["outcome"].eq("deleted") if executed else journal["restored_by"].eq(run.run_id)
    count = int(changed.sum())
    if not count:
        return None
    what, done = ("eviction", "deleted") if executed else ("restoration", "put back")
    deed = "eviction" if executed else "restored"
    # A run that ended early is not the last one of its plan.
    only = executed and run.status is dg.DagsterRunStatus.SUCCESS
    return WantedBackfill(
        id=backfill_id(deed, record, None if only else run.run_id),
        title=f"After {what} {record.short} of {record.subject}",
        description=f"{amount(count, 'entry', 'entries')} {done} by the run {run.run_id[:8]}; catalog, usage and health"
        " are read again.",
        assets=CHANGED,
        partition=record.subject,
        tags={**plan_tags(record), SENSOR_TAG: sensor},
    )
