"""Make the whole graph once, in this process, into the instance of a Dagster home."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import dagster as dg

from registry_core.errors import RegistryPipelinesError
from registry_pipelines.definitions import build_definitions
from registry_pipelines.jobs import REFRESH_CATALOG, REFRESH_HEALTH, REFRESH_INVENTORY
from resources.configuration.load import LoadedSite


@dataclass(frozen=True, slots=True)
class Step:
    """One run: a job for one partition."""

    job: str
    partition: str
    asset: dg.AssetKey


def steps(loaded: LoadedSite) -> list[Step]:
    """Everything once, in the order of the lineage."""
    site = loaded.site
    return [
        *(Step(REFRESH_INVENTORY, name, dg.AssetKey("cluster_inventory")) for name in site.clusters),
        *(Step(REFRESH_CATALOG, name, dg.AssetKey("registry_catalog")) for name in site.registries),
        *(Step(REFRESH_HEALTH, name, dg.AssetKey("health_report")) for name in site.registries),
    ]


def materialize_once(loaded: LoadedSite, home: Path, *, on_step: Callable[[Step], None]) -> int:
    """Run what was never made there; returns how many runs that took. Raises RegistryPipelinesError."""
    definitions = build_definitions(loaded)
    done = 0
    with _instance(home) as instance:
        for step in steps(loaded):
            made = instance.get_materialized_partitions(step.asset)
            if step.partition in made:
                continue
            on_step(step)
            job = definitions.resolve_job_def(step.job)
            result = job.execute_in_process(instance=instance, partition_key=step.partition, raise_on_error=False)
            if not result.success:
                raise RegistryPipelinesError(_why(step, result))
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
    return f"{step.job} of {step.partition} failed: {'; '.join(failures) or 'see its run in the Dagster UI'}"
