"""Sensors of cut-overs: approved plans are carried out, and what they changed is read again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import dagster as dg

from assets import cluster_inventory, health_report, image_usage
from assets.presentation import amount
from registry_core.cutover import CutoverPlan
from registry_pipelines.approving.form import ROLLBACK_OP
from registry_pipelines.backfills import SENSOR_TAG, WantedBackfill, backfill_id
from registry_pipelines.doorbell import EXECUTE_OP, build_doorbell
from registry_pipelines.links import EXECUTE, plan_tags
from registry_pipelines.reading_again import build_reading_again
from resources.configuration.settings import Site
from resources.connections import Connections

#: The sensor that has read again what was changed, by how the run ended.
_READ_AGAIN = {
    dg.DagsterRunStatus.SUCCESS: "read_again_after_cutover",
    dg.DagsterRunStatus.FAILURE: "read_again_after_part_of_a_cutover",
    dg.DagsterRunStatus.CANCELED: "read_again_after_a_terminated_cutover",
}


def build_cutover_sensors(site: Site, jobs: Sequence[dg.JobDefinition]) -> list[dg.SensorDefinition]:
    """The doorbell, and one for each way in which a change may end."""
    on = dg.DefaultSensorStatus.RUNNING if site.schedules.switched_on else dg.DefaultSensorStatus.STOPPED
    return [
        build_doorbell("cutover", name="execute_approved_cutovers", on=on),
        *build_reading_again(
            _READ_AGAIN,
            jobs,
            backfill_after,
            on=on,
            description="Launches a backfill of the inventories of the clusters that were changed, and of usage and"
            " health of both registries.",
        ),
    ]


def backfill_after(run: dg.DagsterRun, connections: Connections, sensor: str) -> WantedBackfill | None:
    """What is to be read again after a run that changed or returned workloads; None where it changed nothing."""
    executed = run.job_name == EXECUTE["cutover"]
    config: dict[str, Any] = dict(run.run_config)
    ledger = connections.ledger
    record = ledger.record(config["ops"][EXECUTE_OP if executed else ROLLBACK_OP]["config"]["plan"])
    journal = ledger.cutovers.frame(record.fingerprint)
    changed = journal["patched_at"].notna() & journal["run_id"].eq(run.run_id)
    if not executed:
        changed = journal["returned_by"].eq(run.run_id)
    count = int(changed.sum())
    if not count:
        return None
    basis = ledger.plan(record.fingerprint, CutoverPlan).plan.basis
    clusters = list(dict.fromkeys(journal.loc[changed, "cluster"]))
    what, done = ("cut-over", "changed") if executed else ("rollback of cut-over", "returned")
    derived = (image_usage.KEY, health_report.KEY)
    return WantedBackfill(
        # A run that ended early is not the last one of its plan.
        id=backfill_id("cut-over" if executed else "rollback", record, run.run_id),
        title=f"After {what} {record.short} of {record.subject}",
        description=f"{amount(count, 'workload')} {done} by the run {run.run_id[:8]}; inventories of"
        f" {', '.join(clusters)}, usage and health of {basis.destination} and {basis.source} are read again.",
        assets=derived,
        partition=basis.destination,
        more=[
            *((cluster_inventory.KEY, cluster) for cluster in clusters),
            *((key, basis.source) for key in derived),
        ],
        tags={**plan_tags(record), SENSOR_TAG: sensor},
    )
