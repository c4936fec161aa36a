"""The graph in a real Dagster instance: what is materialized, what the checks say, what a person reads."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from assets.failures import told_to_dagster
from assets.freshness import judge_ages
from registry_core.errors import Refused, RegistryError
from registry_pipelines.definitions import build_definitions
from registry_pipelines.jobs import CHECK_EVIDENCE, REFRESH_CATALOG, REFRESH_HEALTH, REFRESH_INVENTORY
from resources.embedded_registry import EmbeddedRegistry
from tests.company import REGISTRY, Company
from tests.registry_pipelines.eviction.meddler import Deed, Meddler

_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as made:
        yield made


def run(
    company: Company, instance: dg.DagsterInstance, job: str, partition: str | None = None
) -> dg.ExecuteInProcessResult:
    definitions = build_definitions(company.loaded)
    return definitions.resolve_job_def(job).execute_in_process(
        _QUIET, instance=instance, partition_key=partition, raise_on_error=False
    )


def survey(company: Company, instance: dg.DagsterInstance) -> None:
    for cluster in ("production", "staging"):
        assert run(company, instance, REFRESH_INVENTORY, cluster).success
    assert run(company, instance, REFRESH_CATALOG, REGISTRY).success


def checks(result: dg.ExecuteInProcessResult) -> dict[str, dg.AssetCheckEvaluation]:
    return {evaluation.check_name: evaluation for evaluation in result.get_asset_check_evaluations()}


def metadata(result: dg.ExecuteInProcessResult, asset: str) -> dict[str, dg.MetadataValue]:
    (event,) = result.asset_materializations_for_node(asset)[-1:]
    return dict(event.metadata)


def test_the_whole_graph_is_made_and_says_what_is_wrong(company: Company, instance: dg.DagsterInstance) -> None:
    survey(company, instance)
    result = run(company, instance, REFRESH_HEALTH, REGISTRY)
    assert result.success
    told = checks(result)["nothing_in_use_is_broken"]
    assert not told.passed
    assert told.severity == dg.AssetCheckSeverity.ERROR
    assert "shop/frontend:2026.03 (missing reference)" in str(told.description)
    assert "tools/runner:1.1.3 (missing layer)" in str(told.description)
    report = metadata(result, "health_report")
    assert report["errors"].value == 3
    assert report["missing"].value == 6
    assert report["corrupt"].value == 1
    assert "production health/api (Deployment)" in str(report["summary"].value)


def test_lineage_begins_outside_and_tells_when_the_outside_last_answered(
    company: Company, instance: dg.DagsterInstance
) -> None:
    survey(company, instance)
    assert instance.get_materialized_partitions(dg.AssetKey("live_cluster")) == {"production", "staging"}
    assert instance.get_materialized_partitions(dg.AssetKey("live_registry")) == {REGISTRY}
    graph = build_definitions(company.loaded).resolve_asset_graph()
    parents = {
        key.to_user_string(): {up.to_user_string() for up in graph.get(key).parent_keys}
        for key in graph.get_all_asset_keys()
    }
    assert parents["cluster_inventory"] == {"live_cluster"}
    assert parents["registry_catalog"] == {"live_registry"}
    assert parents["image_usage"] == {"cluster_inventory", "registry_catalog"}
    assert parents["health_report"] == {"image_usage", "registry_catalog"}


def test_everything_that_is_made_has_an_owner_a_group_kinds_and_words(company: Company) -> None:
    for spec in build_definitions(company.loaded).resolve_all_asset_specs():
        assert spec.owners, spec.key
        assert spec.kinds, spec.key
        assert spec.group_name != "default", spec.key
        assert len(spec.description or "") > 40, spec.key


def test_an_incomplete_inventory_is_kept_and_stops_whoever_needs_it_whole(
    company: Company, instance: dg.DagsterInstance
) -> None:
    (company.root / "clusters" / "staging" / "workloads.json").write_text('{"kind": "List", "items": [{"kind": "Po')
    result = run(company, instance, REFRESH_INVENTORY, "staging")
    assert not result.success
    told = checks(result)["inventory_is_complete"]
    assert not told.passed
    assert told.blocking
    assert "workloads.json" in str(told.description)
    assert metadata(result, "cluster_inventory")["not read"].value > 0
    with company.connections() as connections:
        assert connections.history.latest_complete("inventory", "staging") is None
        assert connections.history.latest("inventory", "staging") is not None


def test_a_pull_error_in_staging_is_a_warning_and_in_production_an_error(
    company: Company, instance: dg.DagsterInstance
) -> None:
    severities = {
        cluster: checks(run(company, instance, REFRESH_INVENTORY, cluster))["every_image_is_pulled"].severity
        for cluster in ("production", "staging")
    }
    assert severities == {"production": dg.AssetCheckSeverity.ERROR, "staging": dg.AssetCheckSeverity.WARN}


def test_health_before_any_evidence_fails_once_and_says_what_to_materialize(
    company: Company, instance: dg.DagsterInstance
) -> None:
    result = run(company, instance, REFRESH_HEALTH, REGISTRY)
    assert not result.success
    (failure,) = [event for event in result.all_events if event.is_step_failure]
    assert "materialize registry_catalog of registry.example.com" in str(failure.step_failure_data.error)
    assert not [event for event in result.all_events if event.is_step_up_for_retry]


def test_a_registry_that_refuses_us_is_not_tried_again_and_no_secret_is_told(
    company: Company, instance: dg.DagsterInstance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROBOT", "open-sesame")
    company.extra = {"credentials": {"username": "robot", "password": {"env": "ROBOT"}}}
    with EmbeddedRegistry(tmp_path / "guarded", credentials=("robot", "another-password")) as guarded:
        company.configure(url=guarded.url)
        result = run(company, instance, REFRESH_CATALOG, REGISTRY)
    assert not result.success
    (failure,) = [event for event in result.all_events if event.is_step_failure]
    assert "401" in str(failure.step_failure_data.error)
    assert not [event for event in result.all_events if event.is_step_up_for_retry]
    assert "sesame" not in " ".join(str(event) for event in result.all_events)


def test_what_can_pass_is_tried_again_and_what_cannot_is_not() -> None:
    with pytest.raises(dg.RetryRequested) as again, told_to_dagster(retry_after_seconds=5):
        raise RegistryError("it throttled us", fault="throttled", retryable=True)
    assert (again.value.max_retries, again.value.seconds_to_wait) == (2, 5)
    with pytest.raises(dg.Failure, match="a person must look") as never, told_to_dagster():
        raise Refused("a person must look")
    assert not never.value.allow_retries


def test_metadata_holds_no_more_than_a_page_can_show(company: Company, instance: dg.DagsterInstance) -> None:
    survey(company, instance)
    result = run(company, instance, REFRESH_HEALTH, REGISTRY)
    for asset in ("image_usage", "health_report"):
        for label, value in metadata(result, asset).items():
            if isinstance(value, dg.TableMetadataValue):
                assert len(value.records) <= 50, label
                assert not any("sha256:" in str(cell)[:8] for record in value.records for cell in record.data.values())


def test_the_first_thing_that_is_read_is_the_summary(company: Company, instance: dg.DagsterInstance) -> None:
    result = run(company, instance, REFRESH_CATALOG, REGISTRY)
    first, value = next(iter(metadata(result, "registry_catalog").items()))
    assert first == "summary"
    assert isinstance(value, dg.MarkdownMetadataValue)


def test_evidence_of_today_is_fresh_and_the_check_looks_at_the_oldest(
    company: Company, instance: dg.DagsterInstance
) -> None:
    an_hour_ago = time.time() - 3600
    for dump in (company.root / "clusters").rglob("*.json"):
        os.utime(dump, (an_hour_ago, an_hour_ago))
    survey(company, instance)
    told = checks(run(company, instance, CHECK_EVIDENCE))
    assert {name: check.passed for name, check in told.items()} == {
        "every_inventory_is_fresh": True,
        "every_catalog_is_fresh": True,
    }
    company.configure(limits={"max_inventory_age": "30m"})
    late = checks(run(company, instance, CHECK_EVIDENCE))["every_inventory_is_fresh"]
    assert not late.passed
    assert "production" in str(late.description)
    assert "staging" in str(late.description)


def test_one_cluster_that_was_never_read_whole_makes_the_evidence_late() -> None:
    told = judge_ages({"a": timedelta(minutes=5), "b": None}, allowed=timedelta(hours=2), kind="inventory")
    assert not told.passed
    assert told.description is not None
    assert "b: never read whole" in told.description
    assert "a:" not in told.description


def test_schedules_ask_for_a_run_for_each_partition_and_a_tick_only_once(company: Company) -> None:
    definitions = build_definitions(company.loaded)
    schedule = definitions.resolve_schedule_def("refresh_inventory_schedule")
    at = datetime(2026, 11, 21, 8, 15, tzinfo=UTC)
    with dg.DagsterInstance.ephemeral() as made:
        requests = [
            schedule.evaluate_tick(
                dg.build_schedule_context(
                    made, scheduled_execution_time=at, repository_def=definitions.get_repository_def()
                )
            ).run_requests
            for _ in range(2)
        ]
    assert [request.partition_key for request in requests[0] or []] == ["production", "staging"]
    assert [request.run_key for request in requests[0] or []] == [request.run_key for request in requests[1] or []]


def test_schedules_and_sensors_are_off_until_somebody_switches_them_on(company: Company) -> None:
    off = build_definitions(company.loaded)
    assert {schedule.default_status for schedule in off.schedules or []} == {dg.DefaultScheduleStatus.STOPPED}
    assert {sensor.default_status for sensor in off.sensors or []} == {dg.DefaultSensorStatus.STOPPED}
    company.configure(schedules={"switched_on": True})
    on = build_definitions(company.loaded)
    assert {schedule.default_status for schedule in on.schedules or []} == {dg.DefaultScheduleStatus.RUNNING}


def test_a_repository_that_cannot_be_read_is_a_warning_within_the_limit_and_an_error_beyond_it(
    company: Company, instance: dg.DagsterInstance
) -> None:
    deed = Deed(403, "DENIED")
    with Meddler(
        company.registry.url, lambda _m, path, _c: deed if path.startswith("/v2/tools/runner/") else None
    ) as between:
        company.configure(url=between.url, limits={"max_unread_share": 0.2})
        within = run(company, instance, REFRESH_CATALOG, REGISTRY)
        assert run(company, instance, CHECK_EVIDENCE).success
        fresh = checks(run(company, instance, CHECK_EVIDENCE))["every_catalog_is_fresh"]
        company.configure(url=between.url, limits={"max_unread_share": 0.01})
        beyond = run(company, instance, REFRESH_CATALOG, REGISTRY)
    assert within.success
    assert not beyond.success
    assert fresh.passed
    told = [checks(result)["catalog_is_complete"] for result in (within, beyond)]
    assert [(check.passed, check.severity) for check in told] == [
        (False, dg.AssetCheckSeverity.WARN),
        (False, dg.AssetCheckSeverity.ERROR),
    ]
    assert "tools/runner: forbidden" in str(told[0].description)
