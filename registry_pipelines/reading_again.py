"""The sensors that have read again what a run changed, however the run ended."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import dagster as dg

from registry_pipelines.backfills import WantedBackfill, request_backfill
from resources.connections import Connections
from resources.site import SiteResource

FindBackfill = Callable[[dg.DagsterRun, Connections, str], WantedBackfill | None]
"""What is to be read again after a run, asked for by the sensor of this name; None where the run changed nothing."""


def build_reading_again(
    names: Mapping[dg.DagsterRunStatus, str],
    jobs: Sequence[dg.JobDefinition],
    find: FindBackfill,
    *,
    on: dg.DefaultSensorStatus,
    description: str,
) -> list[dg.SensorDefinition]:
    """A sensor for each way in which a run may end, by its name: Dagster has one status for each."""
    return [_reading_again(name, status, jobs, find, on, description) for status, name in names.items()]


def _reading_again(
    name: str,
    status: dg.DagsterRunStatus,
    jobs: Sequence[dg.JobDefinition],
    find: FindBackfill,
    on: dg.DefaultSensorStatus,
    description: str,
) -> dg.SensorDefinition:
    @dg.run_status_sensor(
        name=name,
        run_status=status,
        monitored_jobs=list(jobs),
        minimum_interval_seconds=15,
        default_status=on,
        description=description,
    )
    def read_again(context: dg.RunStatusSensorContext, site: SiteResource) -> dg.SkipReason | None:
        if context.repository_def is None:
            raise dg.DagsterInvariantViolationError("a run status sensor needs the definitions of its code location")
        with site.connections() as connections:
            wanted = find(context.dagster_run, connections, name)
        if wanted is None:
            return dg.SkipReason("Nothing was changed, so nothing has to be read again.")
        requested = request_backfill(context.instance, context.repository_def.asset_graph, wanted)
        return None if requested else dg.SkipReason("The backfill was launched before.")

    return read_again
