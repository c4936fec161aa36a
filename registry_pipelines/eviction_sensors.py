"""Sensors of eviction: approved plans are carried out, and what they changed is read again.

The first is a doorbell: it reads the ledger, never asset events, and the job checks everything itself.
"""

from __future__ import annotations

from collections.abc import Iterator

import dagster as dg

from assets import health_report, image_usage, registry_catalog
from assets.presentation import amount
from registry_pipelines.backfills import WantedBackfill, request_backfill
from registry_pipelines.eviction_jobs import EXECUTE_OP
from registry_pipelines.links import EXECUTE, PLAN_TAG, REGISTRY_TAG
from resources.configuration.settings import Site
from resources.site import SiteResource

#: What a deletion changes, of one registry.
CHANGED = (registry_catalog.KEY, image_usage.KEY, health_report.KEY)


def build_eviction_sensors(site: Site, execution: dg.JobDefinition) -> list[dg.SensorDefinition]:
    """The doorbell, and one for each way in which an execution may end."""
    on = dg.DefaultSensorStatus.RUNNING if site.schedules.switched_on else dg.DefaultSensorStatus.STOPPED
    return [
        _doorbell(on),
        _read_again("read_again_after_eviction", execution, dg.DagsterRunStatus.SUCCESS, on),
        _read_again("read_again_after_part_of_an_eviction", execution, dg.DagsterRunStatus.FAILURE, on),
    ]


def _doorbell(on: dg.DefaultSensorStatus) -> dg.SensorDefinition:
    @dg.sensor(
        name="execute_approved_plans",
        job_name=EXECUTE,
        minimum_interval_seconds=15,
        default_status=on,
        description="Starts `execute_eviction_plan` for each approved plan, once.",
    )
    def execute_approved_plans(
        context: dg.SensorEvaluationContext, site: SiteResource
    ) -> Iterator[dg.RunRequest | dg.SkipReason]:
        with site.connections() as connections:
            ready = connections.history.ledger.ready()
        if not ready:
            yield dg.SkipReason("No approved plan waits.")
        for record in ready:
            yield dg.RunRequest(
                run_key=record.fingerprint,
                run_config={"ops": {EXECUTE_OP: {"config": {"plan": record.fingerprint}}}},
                tags={PLAN_TAG: record.short, REGISTRY_TAG: record.registry},
            )

    return execute_approved_plans


def _read_again(
    name: str, execution: dg.JobDefinition, status: dg.DagsterRunStatus, on: dg.DefaultSensorStatus
) -> dg.SensorDefinition:
    @dg.run_status_sensor(
        name=name,
        run_status=status,
        monitored_jobs=[execution],
        minimum_interval_seconds=15,
        default_status=on,
        description="Launches a backfill of catalog, usage and health of the registry that was changed.",
    )
    def read_again(context: dg.RunStatusSensorContext, site: SiteResource) -> dg.SkipReason | None:
        run = context.dagster_run
        fingerprint = run.run_config["ops"][EXECUTE_OP]["config"]["plan"]
        with site.connections() as connections:
            ledger = connections.history.ledger
            record = ledger.record(fingerprint)
            deleted = int(ledger.journal(record.fingerprint)["outcome"].eq("deleted").sum())
        if not deleted:
            return dg.SkipReason("Nothing was deleted, so nothing has to be read again.")
        whole = status is dg.DagsterRunStatus.SUCCESS
        if context.repository_def is None:
            raise dg.DagsterInvariantViolationError("a run status sensor needs the definitions of its code location")
        requested = request_backfill(
            context.instance,
            context.repository_def.asset_graph,
            WantedBackfill(
                id=f"eviction-{record.fingerprint}" + ("" if whole else f"-{run.run_id[:8]}"),
                title=f"After eviction {record.short} of {record.registry}",
                description=f"{amount(deleted, 'entry', 'entries')} deleted by the run {run.run_id[:8]}; catalog, usage"
                " and health are read again.",
                assets=CHANGED,
                partition=record.registry,
                tags={PLAN_TAG: record.short, REGISTRY_TAG: record.registry},
            ),
        )
        return None if requested else dg.SkipReason("The backfill was launched before.")

    return read_again
