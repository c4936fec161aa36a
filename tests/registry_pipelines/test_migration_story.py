"""From a configured migration to its outcome, in a real Dagster instance, into a real `docker-registry`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import dagster as dg
import pytest
from dagster._core.execution.backfill import BulkActionStatus

from assets.migration_outcome import KEY as MIGRATION_OUTCOME
from assets.migration_plan import KEY as MIGRATION_PLAN
from registry_pipelines.definitions import build_definitions
from registry_pipelines.eviction_sensors import CHANGED
from registry_pipelines.links import EXECUTE
from registry_pipelines.migration_jobs import VERIFY
from tests.company import Company
from tests.registries import DockerRegistry
from tests.registry_pipelines.moving import (
    EVERYTHING,
    MOVE,
    approve,
    execute,
    moved,
    newest,
    planned,
    verified,
    with_migration,
)
from tests.registry_pipelines.planning import failure_of, run_job


def ring(company: Company, instance: dg.DagsterInstance) -> Any:
    """One tick of the doorbell."""
    definitions = build_definitions(company.loaded)
    sensor = definitions.get_repository_def().get_sensor_def("execute_approved_migrations")
    with dg.build_sensor_context(instance, resources={"site": (definitions.resources or {})["site"]}) as context:
        return sensor.evaluate_tick(context)


def read_again(company: Company, instance: dg.DagsterInstance, result: dg.ExecuteInProcessResult) -> Any:
    """What the sensor after a migration does about this run."""
    definitions = build_definitions(company.loaded)
    event, name = (
        ("PIPELINE_SUCCESS", "read_again_after_migration")
        if result.success
        else ("PIPELINE_FAILURE", "read_again_after_part_of_a_migration")
    )
    (happened,) = [one for one in result.all_events if one.event_type_value == event]
    context = dg.build_run_status_sensor_context(
        sensor_name=name,
        dagster_instance=instance,
        dagster_run=instance.get_run_by_id(result.run_id) or result.dagster_run,
        dagster_event=happened,
        repository_def=definitions.get_repository_def(),
        resources={"site": (definitions.resources or {})["site"]},
    )
    return definitions.get_repository_def().get_sensor_def(name)(context)


def tick_of_schedule(company: Company, instance: dg.DagsterInstance) -> Any:
    """One tick of the schedule that reads back, as the daemon evaluates it: run requests resolved."""
    definitions = build_definitions(company.loaded)
    repository = definitions.get_repository_def()
    with dg.build_schedule_context(
        instance,
        scheduled_execution_time=datetime(2026, 11, 29, 5, tzinfo=UTC),
        resources={"site": (definitions.resources or {})["site"]},
        repository_def=repository,
    ) as context:
        return repository.get_schedule_def("verify_migrations_schedule").evaluate_tick(context)


def plan_metadata(instance: dg.DagsterInstance) -> dict[str, Any]:
    (record,) = instance.fetch_materializations(MIGRATION_PLAN, limit=1).records
    assert record.asset_materialization is not None
    return {name: value.value for name, value in record.asset_materialization.metadata.items()}


def outcome_metadata(instance: dg.DagsterInstance) -> dict[str, Any]:
    (record,) = instance.fetch_materializations(MIGRATION_OUTCOME, limit=1).records
    assert record.asset_materialization is not None
    return {name: value.value for name, value in record.asset_materialization.metadata.items()}


def test_a_plan_is_approved_carried_out_told_read_again_and_verified(
    company: Company, instance: dg.DagsterInstance, docker_registry: DockerRegistry
) -> None:
    with_migration(company, docker_registry)
    plan = planned(company, instance)
    told = plan_metadata(instance)
    summary = str(told["summary"])
    assert len(summary) < 1_000
    assert "/jobs/approve_migration_plan/playground/setup?config=" in summary
    assert told["images to copy"] == plan.counted > 10
    assert told["bytes that must travel"] == plan.figures["travel_bytes"] > 0
    assert ring(company, instance).run_requests == []
    assert tick_of_schedule(company, instance).skip_message == "Nothing was migrated yet."

    assert approve(company, instance, plan)
    (request,) = ring(company, instance).run_requests
    assert (request.run_key, request.tags["migration"]) == (plan.fingerprint, MOVE)
    result = execute(company, instance, plan.fingerprint)
    assert result.success
    assert newest(company).state == "done"
    outcome = outcome_metadata(instance)
    assert outcome["copied"] == plan.counted
    assert outcome["bytes sent"] == plan.figures["travel_bytes"]  # what the plan said had to travel, and no more

    request = read_again(company, instance, result)
    assert request.partition_key == MOVE
    read_again(company, instance, result)
    (backfill,) = instance.get_backfills()
    assert backfill.backfill_id == f"migrated-{plan.fingerprint[:12]}"
    assert backfill.title == f"After migration {plan.short} of {MOVE}"
    assert backfill.status == BulkActionStatus.REQUESTED
    assert set(backfill.asset_selection or ()) == set(CHANGED)
    assert ring(company, instance).run_requests == []
    check = verified(company, instance)
    assert check.passed, check.description
    assert check.partition == MOVE
    (weekly,) = tick_of_schedule(company, instance).run_requests
    assert (weekly.job_name or VERIFY, weekly.tags["dagster/partition"]) == (VERIFY, MOVE)

    again = planned(company, instance)
    assert (again.counted, again.entry_count) == (0, 0)
    assert "Nothing to copy" in str(plan_metadata(instance)["summary"])


def test_a_plan_that_nobody_approved_is_not_carried_out(
    company: Company, instance: dg.DagsterInstance, docker_registry: DockerRegistry
) -> None:
    with_migration(company, docker_registry)
    plan = planned(company, instance)
    assert "nobody has approved the plan" in failure_of(execute(company, instance, plan.fingerprint))
    assert not approve(company, instance, plan, images=plan.counted + 1)
    assert newest(company).state == "waiting"


def test_an_approval_of_an_eviction_opens_no_migration(
    company: Company, instance: dg.DagsterInstance, docker_registry: DockerRegistry
) -> None:
    with_migration(company, docker_registry)
    plan = planned(company, instance)
    assert approve(company, instance, plan)
    config = {"ops": {"execute": {"config": {"plan": plan.fingerprint}}}}
    told = failure_of(run_job(company, instance, EXECUTE["eviction"], config=config))
    assert "migration plan" in told
    assert newest(company).state == "approved"


@pytest.mark.parametrize("rewriting", [{"prefix": {"": "mirror"}}])
def test_images_arrive_under_the_names_of_the_rewriting(
    company: Company, instance: dg.DagsterInstance, docker_registry: DockerRegistry, rewriting: dict[str, Any]
) -> None:
    with_migration(company, docker_registry, {**EVERYTHING, "names": rewriting, "what": {"newest": 1}})
    assert moved(company, instance).success
    with company.connections() as connections:
        stored = connections.ledger.copy_journal(newest(company).fingerprint)
    assert stored["to_repository"].str.startswith("mirror/").all()
    assert verified(company, instance).passed


def test_what_is_in_use_and_cannot_be_read_stands_in_the_plan_with_who_uses_it(
    company: Company, instance: dg.DagsterInstance, docker_registry: DockerRegistry
) -> None:
    with_migration(company, docker_registry, {**EVERYTHING, "what": {"in_use": ["production"], "rollbacks": 2}})
    planned(company, instance)
    told = plan_metadata(instance)
    assert told["cannot be read, and in use"] > 0  # the sample company has lost images that it uses
    assert "in use cannot be read" in str(told["summary"])
    assert moved(company, instance) is not None
    assert outcome_metadata(instance)["failed"] == told["cannot be read"]
