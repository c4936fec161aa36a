"""Schedules: inventories every few minutes, catalogs nightly, all off until a person switches them on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import dagster as dg

from registry_pipelines.jobs import CHECK_EVIDENCE, REFRESH_CATALOG, REFRESH_INVENTORY
from resources.configuration.settings import Site


def build_schedules(site: Site) -> list[dg.ScheduleDefinition]:
    """One run for each cluster or registry, so that one that is down harms no other."""
    on = dg.DefaultScheduleStatus.RUNNING if site.schedules.switched_on else dg.DefaultScheduleStatus.STOPPED
    return [
        _each_partition(REFRESH_INVENTORY, list(site.clusters), site.schedules.inventory, on),
        _each_partition(REFRESH_CATALOG, list(site.registries), site.schedules.catalog, on),
        dg.ScheduleDefinition(
            name="check_evidence_schedule",
            job_name=CHECK_EVIDENCE,
            cron_schedule="*/30 * * * *",
            default_status=on,
            description="Is any inventory or catalog older than the limits allow?",
        ),
    ]


def _each_partition(
    job: str, partitions: Sequence[str], cron: str, on: dg.DefaultScheduleStatus
) -> dg.ScheduleDefinition:
    @dg.schedule(
        name=f"{job}_schedule",
        job_name=job,
        cron_schedule=cron,
        default_status=on,
        description=f"{job.replace('_', ' ').capitalize()} of {', '.join(partitions) or 'nothing yet'}: a run each.",
    )
    def each_partition(context: dg.ScheduleEvaluationContext) -> Iterator[dg.RunRequest]:
        # The key makes a tick idempotent: a daemon that restarts does not run it twice.
        tick = context.scheduled_execution_time.isoformat()
        for partition in partitions:
            yield dg.RunRequest(run_key=f"{tick} {partition}", partition_key=partition)

    return each_partition
