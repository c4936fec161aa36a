"""Which pod a run gets: what its job's definition says, whatever was typed, and however it was launched."""

from __future__ import annotations

import json
from typing import Any

import dagster as dg
import pytest
from dagster._core.remote_origin import InProcessCodeLocationOrigin
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import EmptyWorkspaceTarget, InProcessWorkspaceLoadTarget
from dagster_k8s.job import (
    K8S_RESOURCE_REQUIREMENTS_KEY,
    USER_DEFINED_K8S_CONFIG_KEY,
    get_user_defined_k8s_config,
)

from registry_core.errors import Refused
from registry_pipelines.coordinator import NOT_SIGNED_IN
from registry_pipelines.launching.tags import set_by_definition
from tests.registry_pipelines.launching.launches import LOCATION, TYPED_POD, Launches, request

K8S, RESOURCES = USER_DEFINED_K8S_CONFIG_KEY, K8S_RESOURCE_REQUIREMENTS_KEY
DELETING = ("execute_eviction_plan", "restore_evicted", "execute_collection_plan")


def pod(tags: dict[str, str]) -> dict[str, Any]:
    """The pod as dagster-k8s reads it of a run."""
    return get_user_defined_k8s_config(tags).to_dict()


def test_every_job_gets_the_pod_of_its_definition_whatever_was_typed(launches: Launches) -> None:
    jobs = launches.jobs
    assert {*DELETING, "approve_eviction_plan", "refresh_catalog", "__ASSET_JOB"} <= set(jobs)
    assert len(jobs) > 20
    for name, job in jobs.items():
        own = pod(dict(job.tags))
        run = launches.launch(name, tags={K8S: TYPED_POD, RESOURCES: '{"limits": {"cpu": "64"}}'}, source=request())
        assert run.status == dg.DagsterRunStatus.QUEUED
        assert pod(dict(run.tags)) == {**own, "container_config": {"resources": {}, **own["container_config"]}}, name
        account = own["pod_spec_config"].get("service_account_name")
        assert account == ("registry-deleter" if name in DELETING else None), name


def test_a_job_that_lost_its_tags_on_the_way_gets_them_again(launches: Launches) -> None:
    for typed in ({K8S: "{}"}, {K8S: "not JSON"}):
        run = launches.launch("execute_eviction_plan", tags=typed)
        assert pod(dict(run.tags))["pod_spec_config"]["service_account_name"] == "registry-deleter"


def test_nothing_is_added_to_a_run_that_typed_nothing(launches: Launches) -> None:
    assert K8S not in launches.launch("refresh_catalog").tags


def test_a_re_execution_that_repeats_the_tags_of_its_parent_does_not_keep_a_pod_that_was_typed(
    launches: Launches,
) -> None:
    parent = launches.launch("refresh_catalog", tags={K8S: TYPED_POD})
    again = launches.launch(
        "refresh_catalog",
        tags={**parent.tags, K8S: TYPED_POD},
        parent_run_id=parent.run_id,
        root_run_id=parent.run_id,
    )
    assert pod(dict(again.tags)) == pod({})


def test_a_backfill_of_assets_has_no_pod_of_its_own(launches: Launches) -> None:
    tags = {K8S: TYPED_POD, "dagster/backfill": "abc", "dagster/partition": "production", "user": "alice"}
    run = launches.launch("__ASSET_JOB", tags=tags, asset_selection=frozenset({dg.AssetKey("cluster_inventory")}))
    assert pod(dict(run.tags)) == pod({})
    assert run.tags["user"] == NOT_SIGNED_IN
    assert run.tags["dagster/partition"] == "production"


@pytest.mark.parametrize(
    "key", ["ecs/run_task_kwargs", "ecs/task_overrides", "dagster-celery/queue", "dagster-docker/x"]
)
def test_a_typed_tag_of_another_launcher_is_refused(launches: Launches, key: str) -> None:
    with pytest.raises(Refused, match=f"the tag {key} chooses how a run is executed"):
        launches.launch("refresh_catalog", tags={key: "{}", K8S: TYPED_POD}, source=request())
    run = launches.newest()
    assert (run.status, run.tags[K8S]) == (dg.DagsterRunStatus.FAILURE, "{}")


def test_what_a_launcher_wrote_into_the_parent_does_not_hinder_a_re_execution(launches: Launches) -> None:
    run = launches.launch("refresh_catalog", tags={"ecs/cluster": "c", "ecs/task_arn": "a", "dagster/image": "i:1"})
    assert run.status == dg.DagsterRunStatus.QUEUED


def test_a_run_whose_definition_cannot_be_loaded_is_refused(launches: Launches) -> None:
    module = LoadableTargetOrigin(module_name="tests.registry_pipelines.launching.another_location")
    other = InProcessWorkspaceLoadTarget(InProcessCodeLocationOrigin(module, location_name=LOCATION))
    for target in (EmptyWorkspaceTarget(), other):
        with (
            WorkspaceProcessContext(launches.instance, target) as workspace,
            pytest.raises(Refused, match="the definition of execute_eviction_plan cannot be loaded"),
        ):
            launches.launch("execute_eviction_plan", source=request(), workspace=workspace)
        assert launches.newest().status == dg.DagsterRunStatus.FAILURE


OWN = {K8S: json.dumps({"container_config": {"resources": {"limits": {"memory": "1Gi"}}}})}


def test_an_empty_requirement_does_not_take_the_limits_of_the_definition_away() -> None:
    changed = set_by_definition({RESOURCES: '{"limits": {"memory": "999Gi"}}', **OWN}, OWN)
    assert pod({**OWN, **changed})["container_config"]["resources"] == {"limits": {"memory": "1Gi"}}


def test_only_what_differs_is_written() -> None:
    assert set_by_definition({**OWN, "user": "a", "dagster/priority": "3"}, OWN) == {}
    assert set_by_definition({}, OWN) == OWN
    assert set_by_definition({}, {"ecs/cpu": "1024", "team": "a"}) == {"ecs/cpu": "1024"}
    assert set_by_definition({"dagster-k8s/whatever": "x"}, {}) == {"dagster-k8s/whatever": "{}"}
