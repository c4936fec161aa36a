"""Sensors of eviction: approved plans are carried out, and what they changed is read again."""

from __future__ import annotations

from typing import Any

import dagster as dg

from assets import health_report, image_usage, registry_catalog
from assets.presentation import amount
from registry_pipelines.approving.form import RESTORE_OP
from registry_pipelines.backfills import SENSOR_TAG, WantedBackfill, backfill_id
from registry_pipelines.doorbell import EXECUTE_OP, build_doorbell
from registry_pipelines.eviction_jobs import EvictionJobs
from registry_pipelines.links import EXECUTE, plan_tags
from registry_pipelines.reading_again import build_reading_again
from resources.configuration.settings import Site
from resources.connections import Connections

#: What a deletion changes, of one registry.
CHANGED = (registry_catalog.KEY, image_usage.KEY, health_report.KEY)

#: The sensor that has read again what was changed, by how the run ended.
_READ_AGAIN = {
    dg.DagsterRunStatus.SUCCESS: "read_again_after_change",
    dg.DagsterRunStatus.FAILURE: "read_again_after_part_of_a_change",
    dg.DagsterRunStatus.CANCELED: "read_again_after_a_terminated_change",
}


def build_eviction_sensors(site: Site, jobs: EvictionJobs) -> list[dg.SensorDefinition]:
    """The doorbell, and one for each way in which a change may end."""
    on = dg.DefaultSensorStatus.RUNNING if site.schedules.switched_on else dg.DefaultSensorStatus.STOPPED
    return [
        build_doorbell("eviction", name="execute_approved_plans", on=on),
        *build_reading_again(
            _READ_AGAIN,
            [jobs.execution, jobs.restoration],
            _backfill_after,
            on=on,
            description="Launches a backfill of catalog, usage and health of the registry that was changed.",
        ),
    ]


def _backfill_after(run: dg.DagsterRun, connections: Connections, sensor: str) -> WantedBackfill | None:
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
