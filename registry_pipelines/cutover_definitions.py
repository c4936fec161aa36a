"""All of cut-overs that Dagster loads; nothing where the site configures none."""

from __future__ import annotations

from dataclasses import dataclass

import dagster as dg

from assets.cutover_approval import cutover_approval
from assets.cutover_outcome import cutover_outcome
from assets.cutover_plan import build_cutover_plan
from registry_pipelines.approving.job import build_approval_job
from registry_pipelines.cutover_jobs import build_execution_job, build_planning_job, build_rollback_job
from registry_pipelines.cutover_sensors import build_cutover_sensors
from registry_pipelines.links import links_of_cutover
from resources.configuration.settings import Site


@dataclass(frozen=True, slots=True)
class CutoverDefinitions:
    """Parts of the definitions of a site."""

    assets: tuple[dg.AssetsDefinition | dg.AssetSpec, ...] = ()
    jobs: tuple[dg.JobDefinition | dg.UnresolvedAssetJobDefinition, ...] = ()
    sensors: tuple[dg.SensorDefinition, ...] = ()


def build_cutover_definitions(site: Site) -> CutoverDefinitions:
    """Assets, jobs and sensors of the cut-overs of a site."""
    if not site.cutovers:
        return CutoverDefinitions()
    execution, rollback = build_execution_job(site), build_rollback_job(site)
    return CutoverDefinitions(
        assets=(build_cutover_plan(site, links_of_cutover), cutover_approval(site), cutover_outcome(site)),
        jobs=(build_planning_job(), build_approval_job("cutover"), execution, rollback),
        sensors=tuple(build_cutover_sensors(site, (execution, rollback))),
    )
