"""From an approved plan to its outcome, in a real Dagster instance against a registry that really deletes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import dagster as dg
import yaml
from dagster._core.execution.backfill import BulkActionStatus
from dagster._core.storage.runs.schema import BulkActionsTable

from assets.eviction_outcome import KEY as EVICTION_OUTCOME
from registry_pipelines.approving.form import approval_form, restore_form
from registry_pipelines.backfills import LONGEST_ID
from registry_pipelines.cli.listing import read_tags
from registry_pipelines.cli.repositories import repositories_of
from registry_pipelines.definitions import build_definitions
from registry_pipelines.eviction_sensors import CHANGED
from registry_pipelines.links import EXECUTE, RESTORE
from tests.company import REGISTRY, Company
from tests.registry_pipelines.planning import (
    failure_of,
    filled_form,
    make_plan,
    newest_plan,
    run_job,
    send_form,
    with_policies,
)


def approved(company: Company, instance: dg.DagsterInstance, **sections: Any) -> str:
    """A plan that was approved; its fingerprint."""
    with_policies(company, **sections)
    plan = make_plan(company, instance)
    form = approval_form("eviction", plan.fingerprint)
    assert send_form(company, instance, form, images=plan.counted, approver="Alice", reason="as agreed").success
    return plan.fingerprint


def ring(company: Company, instance: dg.DagsterInstance) -> dg.SensorExecutionData | Any:
    """One tick of the doorbell."""
    definitions = build_definitions(company.loaded)
    repository = definitions.get_repository_def()
    sensor = repository.get_sensor_def("execute_approved_plans")
    with dg.build_sensor_context(instance, resources={"site": site_of(definitions)}) as context:
        return sensor.evaluate_tick(context)


def site_of(definitions: dg.Definitions) -> Any:
    return (definitions.resources or {})["site"]


def read_again(
    company: Company, instance: dg.DagsterInstance, result: dg.ExecuteInProcessResult, name: str, event: str
) -> None:
    definitions = build_definitions(company.loaded)
    (happened,) = [one for one in result.all_events if one.event_type_value == event]
    context = dg.build_run_status_sensor_context(
        sensor_name=name,
        dagster_instance=instance,
        dagster_run=instance.get_run_by_id(result.run_id) or result.dagster_run,
        dagster_event=happened,
        repository_def=definitions.get_repository_def(),
        resources={"site": site_of(definitions)},
    )
    definitions.get_repository_def().get_sensor_def(name)(context)


def execute(company: Company, instance: dg.DagsterInstance, fingerprint: str) -> dg.ExecuteInProcessResult:
    config = {"ops": {"execute": {"config": {"plan": fingerprint}}}}
    return run_job(company, instance, EXECUTE["eviction"], config=config)


def tags_of(company: Company) -> int:
    """How many tags the registry lists now."""
    with company.connections() as connections:
        registry = connections.registry(REGISTRY)
        return sum(len(one.tags) for one in read_tags(registry, repositories_of(registry).names))


def test_the_doorbell_rings_once_for_an_approved_plan_and_for_no_other(
    company: Company, instance: dg.DagsterInstance
) -> None:
    with_policies(company)
    plan = make_plan(company, instance)
    assert ring(company, instance).run_requests == []
    form = approval_form("eviction", plan.fingerprint)
    assert send_form(company, instance, form, images=plan.counted, approver="Alice", reason="as agreed").success
    (request,) = ring(company, instance).run_requests
    assert request.run_key == plan.fingerprint
    assert request.run_config == {"ops": {"execute": {"config": {"plan": plan.fingerprint}}}}


def test_an_approved_plan_is_carried_out_told_and_read_again(company: Company, instance: dg.DagsterInstance) -> None:
    fingerprint = approved(company, instance)
    planned, before = newest_plan(company), tags_of(company)
    result = execute(company, instance, fingerprint)
    assert result.success
    assert newest_plan(company).state == "done"
    assert tags_of(company) == before - planned.figures["tags"]

    (record,) = instance.fetch_materializations(EVICTION_OUTCOME, limit=5).records
    told = record.asset_materialization
    assert told is not None
    assert told.partition == REGISTRY
    assert told.metadata["deleted"].value == planned.counted
    assert f"{planned.counted} entries of {planned.counted} deleted" in str(told.metadata["summary"].value)
    assert "/jobs/restore_evicted/playground/setup?config=" in str(told.metadata["summary"].value)
    freed = told.metadata["bytes that only collection frees"].value
    assert 0 < freed <= told.metadata["bytes of what was deleted"].value
    assert "garbage-collect" in str(told.metadata["how to collect"].value)

    # PostgreSQL holds Dagster to the length of its column.
    assert BulkActionsTable.c.key.type.length == LONGEST_ID

    for _ in range(2):
        read_again(company, instance, result, "read_again_after_change", "PIPELINE_SUCCESS")
    (backfill,) = instance.get_backfills()
    assert backfill.backfill_id == f"eviction-{fingerprint[:12]}"
    assert len(backfill.backfill_id) <= LONGEST_ID
    assert backfill.title == f"After eviction {fingerprint[:12]} of {REGISTRY}"
    assert backfill.status == BulkActionStatus.REQUESTED
    assert set(backfill.asset_selection or ()) == set(CHANGED)
    assert ring(company, instance).run_requests == []


def test_a_plan_that_nobody_approved_is_not_carried_out(company: Company, instance: dg.DagsterInstance) -> None:
    with_policies(company)
    plan, before = make_plan(company, instance), tags_of(company)
    told = failure_of(execute(company, instance, plan.fingerprint))
    assert "nobody has approved the plan" in told
    assert tags_of(company) == before


def test_an_approval_that_expired_opens_nothing(company: Company, instance: dg.DagsterInstance) -> None:
    fingerprint = approved(company, instance, approvals={"expires": "0s"})
    before = tags_of(company)
    assert ring(company, instance).run_requests == []
    assert "expired" in failure_of(execute(company, instance, fingerprint))
    assert tags_of(company) == before


def test_a_plan_is_used_once(company: Company, instance: dg.DagsterInstance) -> None:
    fingerprint = approved(company, instance)
    assert execute(company, instance, fingerprint).success
    assert "used" in failure_of(execute(company, instance, fingerprint))


def test_what_was_deleted_is_put_back_and_read_again(company: Company, instance: dg.DagsterInstance) -> None:
    before_all = datetime.now(UTC)
    fingerprint = approved(company, instance)
    before = tags_of(company)
    assert execute(company, instance, fingerprint).success
    form = filled_form(restore_form(fingerprint), person="Bob", reason="the demo")
    result = run_job(company, instance, RESTORE, config=form)
    assert result.success
    assert tags_of(company) == before
    read_again(company, instance, result, "read_again_after_change", "PIPELINE_SUCCESS")
    (backfill,) = instance.get_backfills()
    assert backfill.backfill_id == f"restored-{fingerprint[:12]}-{result.run_id[:8]}"
    assert len(backfill.backfill_id) <= LONGEST_ID
    assert backfill.backfill_timestamp > before_all.timestamp()


def test_a_restoration_names_who_asks_and_why(company: Company, instance: dg.DagsterInstance) -> None:
    fingerprint = approved(company, instance)
    assert execute(company, instance, fingerprint).success
    form = filled_form(restore_form(fingerprint), person=" ", reason="x")
    assert "gives no name or no reason" in failure_of(run_job(company, instance, RESTORE, config=form))


def test_the_forms_are_what_the_jobs_take(company: Company) -> None:
    definitions = build_definitions(company.loaded)
    for job, form, empty in (
        (
            "approve_eviction_plan",
            approval_form("eviction", "a" * 64, with_code=True),
            {"images", "approver", "reason"},
        ),
        ("restore_evicted", restore_form("a" * 64), {"person", "reason"}),
    ):
        (op,) = yaml.safe_load(form)["ops"].values()
        assert {key for key, value in op["config"].items() if value is None} == empty
        assert not dg.validate_run_config(
            definitions.resolve_job_def(job), filled_form(form, **{key: 1 if key == "images" else "x" for key in empty})
        ).get("missing")


def test_a_run_that_a_person_terminated_is_read_again_too(company: Company, instance: dg.DagsterInstance) -> None:
    fingerprint = approved(company, instance)
    definitions, name = build_definitions(company.loaded), "read_again_after_a_terminated_change"

    def tick(cursor: str | None) -> str | None:
        context = dg.build_sensor_context(
            instance=instance,
            repository_def=definitions.get_repository_def(),
            cursor=cursor,
            resources={"site": site_of(definitions)},
            sensor_name=name,
        )
        return definitions.get_repository_def().get_sensor_def(name).evaluate_tick(context).cursor

    began = tick(None)
    result = execute(company, instance, fingerprint)
    run = instance.get_run_by_id(result.run_id)
    assert run is not None
    instance.report_run_canceled(run)
    tick(began)
    (backfill,) = instance.get_backfills()
    assert backfill.backfill_id == f"eviction-{fingerprint[:12]}-{result.run_id[:8]}"
