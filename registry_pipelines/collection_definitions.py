"""All of collections that Dagster loads; nothing where no registry can be told to collect."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import dagster as dg

from assets.collection_approval import collection_approval
from assets.collection_outcome import collection_outcome
from assets.collection_plan import build_collection_plan
from assets.presentation import size
from registry_pipelines.approving.job import build_approval_job
from registry_pipelines.backfills import SENSOR_TAG, WantedBackfill, backfill_id
from registry_pipelines.collection_jobs import build_collection_job, build_collection_planning_job
from registry_pipelines.doorbell import EXECUTE_OP, build_doorbell
from registry_pipelines.eviction_sensors import CHANGED
from registry_pipelines.links import links_of_collection, plan_tags
from registry_pipelines.reading_again import build_reading_again
from resources.configuration.settings import Site
from resources.connections import Connections


@dataclass(frozen=True, slots=True)
class CollectionDefinitions:
    """Parts of the definitions of a site."""

    assets: tuple[dg.AssetsDefinition | dg.AssetSpec, ...] = ()
    jobs: tuple[dg.JobDefinition | dg.UnresolvedAssetJobDefinition, ...] = ()
    sensors: tuple[dg.SensorDefinition, ...] = ()


def build_collection_definitions(site: Site) -> CollectionDefinitions:
    """Assets, jobs and sensors of the collections of a site."""
    if all(registry.collection is None for registry in site.registries.values()):
        return CollectionDefinitions()
    on = dg.DefaultSensorStatus.RUNNING if site.schedules.switched_on else dg.DefaultSensorStatus.STOPPED
    execution = build_collection_job(site)
    return CollectionDefinitions(
        assets=(build_collection_plan(site, links_of_collection), collection_approval(site), collection_outcome(site)),
        jobs=(build_collection_planning_job(), build_approval_job("collection"), execution),
        sensors=(
            build_doorbell("collection", name="execute_approved_collections", on=on),
            *build_reading_again(
                {dg.DagsterRunStatus.SUCCESS: "read_again_after_collection"},
                [execution],
                _backfill_after,
                on=on,
                description="Launches a backfill of catalog, usage and health of the registry that collected: is all"
                " that is in use still there?",
            ),
        ),
    )


def _backfill_after(run: dg.DagsterRun, connections: Connections, sensor: str) -> WantedBackfill:
    config: dict[str, Any] = dict(run.run_config)
    record = connections.ledger.record(config["ops"][EXECUTE_OP]["config"]["plan"])
    collected = connections.ledger.collections.of(record.fingerprint)
    freed = "" if collected is None or collected.freed_bytes is None else f" {size(collected.freed_bytes)} were freed;"
    return WantedBackfill(
        id=backfill_id("collect", record),
        title=f"After collection {record.short} of {record.subject}",
        description=f"By the run {run.run_id[:8]};{freed} catalog, usage and health are read again.",
        assets=CHANGED,
        partition=record.subject,
        tags={**plan_tags(record), SENSOR_TAG: sensor},
    )
