"""Make the whole graph once, in this process, into the instance of a Dagster home."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import dagster as dg

from assets import (
    cluster_inventory,
    deployed_versions,
    eviction_plan,
    health_report,
    registry_catalog,
    single_copy_report,
)
from registry_core.errors import SourceError
from registry_pipelines.definitions import build_definitions
from registry_pipelines.jobs import (
    CHECK_EVIDENCE,
    PLAN_EVICTION,
    REFRESH_CATALOG,
    REFRESH_HEALTH,
    REFRESH_INVENTORY,
    REFRESH_SINGLE_COPIES,
    REFRESH_VERSIONS,
)
from resources.configuration.load import LoadedSite

#: The terminal shows steps; the events of each are in the UI.
_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@dataclass(frozen=True, slots=True)
class Step:
    """One run: a job, for one partition where it has any."""

    job: str
    asset: dg.AssetKey
    partition: str | None = None

    def __str__(self) -> str:
        return f"{self.job.replace('_', ' ')}: {self.partition or 'everything'}"


def steps(loaded: LoadedSite) -> list[Step]:
    """Everything once, in the order of the lineage."""
    site = loaded.site
    return [
        *(Step(REFRESH_INVENTORY, cluster_inventory.KEY, name) for name in site.clusters),
        *(Step(REFRESH_CATALOG, registry_catalog.KEY, name) for name in site.registries),
        *(Step(REFRESH_HEALTH, health_report.KEY, name) for name in site.registries),
        Step(CHECK_EVIDENCE, cluster_inventory.KEY),
        Step(REFRESH_VERSIONS, deployed_versions.KEY),
        Step(REFRESH_SINGLE_COPIES, single_copy_report.KEY),
        *(Step(PLAN_EVICTION, eviction_plan.KEY, name) for name in site.registries),
    ]


def materialize_once(loaded: LoadedSite, home: Path, *, on_step: Callable[[Step], None]) -> int:
    """Run what was never made there; returns how many runs that took. Raises SourceError."""
    definitions = build_definitions(loaded)
    done = 0
    with _instance(home) as instance:
        for step in steps(loaded):
            if step.partition in instance.get_materialized_partitions(step.asset) or (not step.partition and not done):
                continue
            on_step(step)
            job = definitions.resolve_job_def(step.job)
            result = job.execute_in_process(
                _QUIET, instance=instance, partition_key=step.partition, raise_on_error=False
            )
            if not result.success:
                raise SourceError(_why(step, result), fault="unreachable")
            done += 1
    return done


@contextmanager
def _instance(home: Path) -> Iterator[dg.DagsterInstance]:
    # Dagster finds its home by this variable alone, also for what the instance starts later.
    os.environ["DAGSTER_HOME"] = str(home)
    with dg.DagsterInstance.get() as instance:
        yield instance


def _why(step: Step, result: dg.ExecuteInProcessResult) -> str:
    failures = [
        event.step_failure_data.error.message if event.step_failure_data.error else "no reason given"
        for event in result.all_events
        if event.is_step_failure
    ]
    return f"{step} failed: {'; '.join(failures) or 'see its run in the Dagster UI'}"
