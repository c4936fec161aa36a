"""From an eviction to freed bytes, in a real Dagster instance: plan, form, doorbell, job, outcome, backfill."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from assets.collection_outcome import KEY as COLLECTION_OUTCOME
from assets.collection_plan import KEY as COLLECTION_PLAN
from assets.plan_approval import approval_key
from registry_pipelines.approving.form import approval_form
from registry_pipelines.backfills import LONGEST_ID
from registry_pipelines.collection_jobs import PLAN_COLLECTION
from registry_pipelines.definitions import build_definitions
from registry_pipelines.eviction_sensors import CHANGED
from registry_pipelines.links import EXECUTE, approve_job
from resources.configuration.load import load_site
from resources.database.ledger_records import PlanRecord
from tests.registries import DockerRegistry
from tests.registry_pipelines.cli.calling import call
from tests.registry_pipelines.eviction.collecting import READ_ONLY, a_pod, configure
from tests.registry_pipelines.eviction.estate import REGISTRY, Estate, build
from tests.registry_pipelines.planning import failure_of, filled_form

_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@pytest.fixture
def estate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Estate]:
    """An estate of which a plan was carried out, its registry read-only now."""
    monkeypatch.setenv("PLATFORM_TOKEN", "secret")
    with DockerRegistry(tmp_path / "registry") as registry:
        estate = build(tmp_path / "site", registry.url)
        estate.execute(estate.plan())
    with a_pod() as pod, DockerRegistry(tmp_path / "registry", settings={"storage": READ_ONLY}) as registry:
        configure(estate, registry, pod)
        yield estate


def run(
    estate: Estate, instance: dg.DagsterInstance, job: str, *, partition: str | None = None, **config: Any
) -> dg.ExecuteInProcessResult:
    definitions = build_definitions(load_site(estate.site_file))
    return definitions.resolve_job_def(job).execute_in_process(
        {**_QUIET, **config}, instance=instance, partition_key=partition, raise_on_error=False
    )


def newest(estate: Estate) -> PlanRecord:
    with estate.connections() as connections:
        return connections.ledger.plans(REGISTRY, kind="collection", limit=1)[0]


def metadata_of(instance: dg.DagsterInstance, key: dg.AssetKey) -> Mapping[str, Any]:
    (record,) = instance.fetch_materializations(key, limit=1).records
    told = record.asset_materialization
    assert told is not None
    assert told.partition == REGISTRY
    return told.metadata


def test_a_registry_is_collected_by_a_plan_that_a_person_approves(estate: Estate, instance: dg.DagsterInstance) -> None:
    assert run(estate, instance, PLAN_COLLECTION, partition=REGISTRY).success
    plan = newest(estate)
    summary = str(metadata_of(instance, COLLECTION_PLAN)["summary"].value)
    assert "are freed by a collection of main" in summary
    assert "/jobs/approve_collection_plan/playground/setup?config=" in summary
    assert "cannot be put back" in summary
    assert len(summary) < 1_000

    form = filled_form(approval_form("collection", plan.fingerprint), images=1, approver="Ada", reason="disk is full")
    assert "says that 1 images are collected" in failure_of(run(estate, instance, approve_job("collection"), **form))
    early = run(estate, instance, EXECUTE["collection"], ops={"execute": {"config": {"plan": plan.fingerprint}}})
    assert "nobody has approved" in failure_of(early)
    form["ops"]["decide"]["config"]["images"] = plan.counted
    assert run(estate, instance, approve_job("collection"), **form).success
    assert metadata_of(instance, approval_key("collection"))["who"].value == "Ada"

    definitions = build_definitions(load_site(estate.site_file))
    site = {"site": (definitions.resources or {})["site"]}
    sensor = definitions.get_repository_def().get_sensor_def("execute_approved_collections")
    with dg.build_sensor_context(instance, resources=site) as context:
        (request,) = sensor.evaluate_tick(context).run_requests or ()
    result = run(estate, instance, EXECUTE["collection"], **request.run_config)
    assert result.success
    assert newest(estate).state == "done"

    outcome = metadata_of(instance, COLLECTION_OUTCOME)
    assert outcome["freed bytes"].value == outcome["bytes before"].value - outcome["bytes after"].value > 0
    assert "main freed" in str(outcome["summary"].value)

    (happened,) = [one for one in result.all_events if one.event_type_value == "PIPELINE_SUCCESS"]
    for _ in range(2):
        reading = dg.build_run_status_sensor_context(
            sensor_name="read_again_after_collection",
            dagster_instance=instance,
            dagster_run=instance.get_run_by_id(result.run_id) or result.dagster_run,
            dagster_event=happened,
            repository_def=definitions.get_repository_def(),
            resources=site,
        )
        definitions.get_repository_def().get_sensor_def("read_again_after_collection")(reading)
    (backfill,) = instance.get_backfills()
    assert backfill.backfill_id == f"collect-{plan.short}"
    assert len(backfill.backfill_id) <= LONGEST_ID
    assert set(backfill.asset_selection or ()) == set(CHANGED)
    assert run(estate, instance, PLAN_COLLECTION, partition=REGISTRY).success
    assert "Nothing to collect" in str(metadata_of(instance, COLLECTION_PLAN)["summary"].value)


def test_the_command_line_does_all_of_it_as_well(estate: Estate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    site = ("--config", estate.site_file)
    told = call(*site, "collect", REGISTRY)
    assert (told.code, told.err) == (0, "")
    assert "cannot be put back" in told.out
    (made,) = json.loads(call(*site, "collect", REGISTRY, "--json").out)
    assert made["is_new"] is False
    assert made["expected_bytes"] > 0
    plan = made["fingerprint"]
    assert call(*site, "plan", "execute", plan).code == 3
    assert "1 eviction" in call(*site, "plan", "list", "--kind", "collection").out
    assert call(*site, "plan", "show", plan).code == 0
    approval = ("--images", str(made["images"]), "--as", "Ada", "--reason", "disk is full")
    assert call(*site, "plan", "approve", plan, *approval).code == 0
    ended = call(*site, "plan", "execute", plan, "--json")
    assert ended.code == 0, ended.err
    (collected,) = json.loads(ended.out)
    assert collected["succeeded"] is True
    assert collected["freed_bytes"] == collected["before_bytes"] - collected["after_bytes"] > 0
    (line,) = json.loads(call(*site, "journal", plan, "--json").out)
    assert line["freed_bytes"] == collected["freed_bytes"]
    assert "nothing to collect" in call(*site, "collect", REGISTRY).out


def test_where_nothing_can_be_told_to_collect_there_are_no_assets_of_it(tmp_path: Path) -> None:
    estate = Estate(tmp_path, "http://127.0.0.1:9")
    estate.configure()
    keys = build_definitions(load_site(estate.site_file)).resolve_asset_graph().get_all_asset_keys()
    assert COLLECTION_PLAN not in keys
    assert not [one for one in build_definitions(load_site(estate.site_file)).jobs or () if "collection" in one.name]
