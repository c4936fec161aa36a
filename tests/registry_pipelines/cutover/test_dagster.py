"""A cut-over in Dagster: planned by its asset, decided by its form, carried out by its job, read again, rolled back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg
import pytest
from dagster_k8s.job import get_user_defined_k8s_config

from assets import cluster_inventory, cutover_outcome, cutover_plan
from assets.taking.catalog import take_catalog
from assets.taking.inventory import take_inventory
from registry_core.cutover import CutoverPlan
from registry_pipelines.approving.form import approval_form, rollback_form
from registry_pipelines.cutover_jobs import PLAN_CUTOVER
from registry_pipelines.cutover_sensors import backfill_after
from registry_pipelines.definitions import build_definitions
from registry_pipelines.doorbell import execution_config
from registry_pipelines.links import EXECUTE, ROLLBACK, approve_job
from registry_pipelines.web.cutover_lines import cutover_outcomes
from resources.database.ledger_records import PlanRecord
from tests.registry_pipelines.cutover.carrying_out import images_of
from tests.registry_pipelines.cutover.estate import NEW, NEW_HOST, OLD, PASSWORD, Estate
from tests.registry_pipelines.planning import failure_of, filled_form

_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as made:
        yield made


def run(
    estate: Estate, instance: dg.DagsterInstance, job: str, *, config: Mapping[str, Any] | None = None,
    partition: str | None = None,
) -> dg.ExecuteInProcessResult:  # fmt: skip
    return (
        build_definitions(estate.loaded)
        .resolve_job_def(job)
        .execute_in_process(
            {**_QUIET, **(config or {})}, instance=instance, partition_key=partition, raise_on_error=False
        )
    )


def plan_and_approve(estate: Estate, instance: dg.DagsterInstance) -> PlanRecord:
    estate.configure(move={"look_every": "0s"})
    assert run(estate, instance, PLAN_CUTOVER, partition="move").success
    record = estate.newest()
    form = filled_form(
        approval_form("cutover", record.fingerprint), workloads=record.counted, approver="Ada", reason="we move"
    )
    assert run(estate, instance, approve_job("cutover"), config=form).success
    return estate.newest()


def told_of(instance: dg.DagsterInstance, key: dg.AssetKey) -> Mapping[str, Any]:
    event = instance.get_latest_materialization_event(key)
    assert event is not None
    materialization = event.asset_materialization
    assert materialization is not None
    return materialization.metadata


def test_the_whole_way_there_and_back(estate: Estate, instance: dg.DagsterInstance) -> None:
    before = images_of(estate)
    record = plan_and_approve(estate, instance)
    assert record.state == "approved"
    summary = str(told_of(instance, cutover_plan.KEY)["summary"].value)
    assert len(summary) < 1000
    assert "**18 workloads to change, from old to new:**" in summary
    assert "jobs/approve_cutover_plan/playground/setup?config=" in summary
    carried_out = run(estate, instance, EXECUTE["cutover"], config=execution_config(record.fingerprint))
    assert carried_out.success
    assert estate.newest().state == "done"
    told = told_of(instance, cutover_outcome.KEY)
    assert told["changed"].value == 18
    assert "[Roll back →](/locations/" in str(told["summary"].value)
    everything = str(list(instance.all_logs(carried_out.run_id)))
    assert PASSWORD not in everything
    form = filled_form(rollback_form(record.fingerprint), person="Ada", reason="it was Friday")
    assert run(estate, instance, ROLLBACK, config=form).success
    assert images_of(estate) == before
    assert told_of(instance, cutover_outcome.KEY)["returned"].value == 18


def test_a_failing_rollout_fails_the_run_for_good_and_tells_the_outcome(
    estate: Estate, instance: dg.DagsterInstance
) -> None:
    record = plan_and_approve(estate, instance)
    estate.cluster().pull_trouble = lambda image: "ImagePullBackOff" if f"{NEW_HOST}/health/web" in image else None
    failed = run(estate, instance, EXECUTE["cutover"], config=execution_config(record.fingerprint))
    assert "its rollout failed" in failure_of(failed)
    told = told_of(instance, cutover_outcome.KEY)
    assert (told["put back"].value, told["not begun"].value) == (1, 17)


def test_the_form_of_a_rollback_wants_a_name_and_a_reason(estate: Estate, instance: dg.DagsterInstance) -> None:
    record = plan_and_approve(estate, instance)
    form = filled_form(rollback_form(record.fingerprint), person=" ", reason="")
    assert "write who asks, and why" in failure_of(run(estate, instance, ROLLBACK, config=form))


def test_what_was_changed_is_read_again_once(estate: Estate, instance: dg.DagsterInstance) -> None:
    record = plan_and_approve(estate, instance)
    with estate.connections() as connections:
        for registry in (OLD, NEW):
            take_catalog(connections, registry)
        for cluster in ("production", "staging"):
            take_inventory(connections, cluster)
    definitions = build_definitions(estate.loaded)
    result = run(estate, instance, EXECUTE["cutover"], config=execution_config(record.fingerprint))
    launched = result.dagster_run
    with estate.connections() as connections:
        wanted = backfill_after(launched, connections, sensor="read_again_after_cutover")
    assert wanted is not None
    assert {key for key, _ in wanted.more} >= {cluster_inventory.KEY}
    context = dg.build_run_status_sensor_context(
        sensor_name="read_again_after_cutover",
        dagster_event=instance.all_logs(launched.run_id)[-1].get_dagster_event(),
        dagster_instance=instance,
        dagster_run=launched,
        repository_def=definitions.get_repository_def(),
        resources={"site": (definitions.resources or {})["site"]},
    )
    for _ in range(2):
        definitions.get_repository_def().get_sensor_def("read_again_after_cutover")(context)
    (backfill,) = instance.get_backfills()
    assert backfill.title == f"After cut-over {record.short} of move"
    subset = backfill.asset_backfill_data.target_subset  # type: ignore[union-attr]
    assert subset.get_partitions_subset(cluster_inventory.KEY).get_partition_keys() == {"production", "staging"}


def test_an_approved_plan_rings_the_bell(estate: Estate, instance: dg.DagsterInstance) -> None:
    record = plan_and_approve(estate, instance)
    definitions = build_definitions(estate.loaded)
    sensor = definitions.resolve_sensor_def("execute_approved_cutovers")
    with dg.build_sensor_context(instance, resources={"site": (definitions.resources or {})["site"]}) as context:
        (request,) = sensor.evaluate_tick(context).run_requests or ()
    assert (request.run_key, request.tags["cutover"]) == (record.fingerprint, "move")


def test_the_jobs_that_change_workloads_have_a_pod_of_their_own(estate: Estate) -> None:
    estate.configure(cutover_pod={"service_account": "registry-cutover", "secrets": ["cutover"]})
    definitions = build_definitions(estate.loaded)
    for job in (EXECUTE["cutover"], ROLLBACK):
        config = get_user_defined_k8s_config(definitions.resolve_job_def(job).tags)
        assert config.pod_spec_config == {"service_account_name": "registry-cutover"}
        assert config.container_config["env_from"] == [{"secret_ref": {"name": "cutover"}}]


def test_a_site_without_cut_overs_has_nothing_of_them(estate: Estate) -> None:
    estate.configure(cutovers={})
    definitions = build_definitions(estate.loaded)
    assert not [key for key in definitions.resolve_all_asset_keys() if "cutover" in key.to_user_string()]


def test_the_page_of_a_plan_tells_what_became_of_each_image(estate: Estate, instance: dg.DagsterInstance) -> None:
    record = plan_and_approve(estate, instance)
    with estate.connections() as connections:
        assert cutover_outcomes(connections.ledger, record.fingerprint) == {}
    estate.cluster("staging").pull_trouble = lambda image: (
        "ErrImagePull" if f"{NEW_HOST}/ops/migrate" in image else None
    )
    run(estate, instance, EXECUTE["cutover"], config=execution_config(record.fingerprint))
    with estate.connections() as connections:
        told = cutover_outcomes(connections.ledger, record.fingerprint)
        rows = list(connections.ledger.plan(record.fingerprint, CutoverPlan).plan.rows())
    by_workload = {}
    for position, words in told.items():
        by_workload.setdefault(rows[position]["workload"], []).append(words.partition(":")[0])
    assert by_workload["staging health/api (Deployment)"] == ["put back"] * 3
    assert by_workload["production health/web (Deployment)"] == ["changed"]
    assert "staging shop/queue (StatefulSet)" not in by_workload
