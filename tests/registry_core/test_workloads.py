"""Every place where a workload hides an image."""

from __future__ import annotations

import copy
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from registry_core.inventory import ImageUse
from registry_core.workload_kinds import BUILT_IN, DEFAULT_CUSTOM, custom_kind, kinds_to_read
from registry_core.workloads import TEMPLATE_TEXT, Surroundings, image_uses, platform_of_node

ROOT = Path(__file__).resolve().parents[2]
KINDS = {(kind.group, kind.kind): kind for kind in kinds_to_read()}

POD_SPEC: dict[str, Any] = {
    "imagePullSecrets": [{"name": "pull"}, {"name": "other"}],
    "initContainers": [{"name": "migrate", "image": "ghcr.io/acme/migrate:5"}],
    "containers": [
        {"name": "web", "image": "nginx"},
        {"name": "side", "image": "localhost:5000/side@sha256:" + "a" * 64},
    ],
    "ephemeralContainers": [{"name": "debugger", "image": "busybox:1.36"}],
    "volumes": [
        {"name": "model", "image": {"reference": "registry.example.com/models/llm:7b", "pullPolicy": "Always"}},
        {"name": "disk", "rbd": {"image": "not-an-image", "monitors": []}},
        {"name": "plain", "emptyDir": {}},
    ],
}  # fmt: skip
CREATED = "2026-11-21T04:29:41Z"


def thing(kind: str, version: str, spec: dict[str, Any], **metadata: Any) -> dict[str, Any]:
    metadata = {"name": "web", "namespace": "shop", "creationTimestamp": CREATED, **metadata}
    return {"apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec}


def uses(item: dict[str, Any], around: Surroundings | None = None) -> list[ImageUse]:
    version = item["apiVersion"]
    group = version.partition("/")[0] if "/" in version else ""
    return image_uses(item, KINDS[group, item["kind"]], around or Surroundings("production"))


def in_template(kind: str, version: str, **spec: Any) -> dict[str, Any]:
    return thing(kind, version, {**spec, "template": {"metadata": {}, "spec": POD_SPEC}})


def test_a_deployment_names_images_in_five_ways() -> None:
    found = {
        row.container: (row.container_kind, row.path, row.reference)
        for row in uses(in_template("Deployment", "apps/v1"))
    }
    place = ".spec.template.spec"
    assert found == {
        "migrate": ("init", f"{place}.initContainers[0].image", "ghcr.io/acme/migrate:5"),
        "web": ("container", f"{place}.containers[0].image", "nginx"),
        "side": ("container", f"{place}.containers[1].image", "localhost:5000/side@sha256:" + "a" * 64),
        "debugger": ("ephemeral", f"{place}.ephemeralContainers[0].image", "busybox:1.36"),
        "model": ("volume", f"{place}.volumes[0].image.reference", "registry.example.com/models/llm:7b"),
    }


def test_a_row_of_a_template_tells_all_that_a_template_knows() -> None:
    row = next(row for row in uses(in_template("Deployment", "apps/v1", replicas=0)) if row.container == "web")
    assert row == ImageUse(
        cluster="production", resource="apps/v1 deployments", namespace="shop", kind="Deployment", name="web",
        owner_kind="Deployment", owner_name="web", container="web", container_kind="container",
        path=".spec.template.spec.containers[0].image", reference="nginx", registry="docker.io",
        repository="library/nginx", tag="latest", digest=None, state="template",
        since=datetime(2026, 11, 21, 4, 29, 41, tzinfo=UTC), pull_secrets=("pull", "other"), replicas=0,
    )  # fmt: skip


def test_a_digest_without_a_tag_gets_no_default_tag() -> None:
    row = next(row for row in uses(in_template("Deployment", "apps/v1")) if row.container == "side")
    assert (row.registry, row.repository, row.tag, row.digest) == ("localhost:5000", "side", None, "sha256:" + "a" * 64)


@pytest.mark.parametrize(
    ("item", "replicas"),
    [
        (in_template("ReplicaSet", "apps/v1", replicas=0), 0),
        (in_template("StatefulSet", "apps/v1", replicas=3), 3),
        ({**in_template("DaemonSet", "apps/v1"), "status": {"desiredNumberScheduled": 4}}, 4),
        (in_template("Job", "batch/v1", parallelism=2), 2),
        (in_template("Job", "batch/v1", parallelism=2, suspend=True), 0),
        (in_template("ReplicationController", "v1", replicas=1), 1),
        (thing("CronJob", "batch/v1", {"jobTemplate": {"spec": {"template": {"spec": POD_SPEC}}}}), None),
        (thing("CronJob", "batch/v1", {"suspend": True, "jobTemplate": {"spec": {"template": {"spec": POD_SPEC}}}}), 0),
        ({**thing("PodTemplate", "v1", {}), "template": {"spec": POD_SPEC}}, None),
        ({**thing("ControllerRevision", "apps/v1", {}), "data": {"spec": {"template": {"spec": POD_SPEC}}}}, None),
    ],
    ids=lambda value: value["kind"] if isinstance(value, dict) else None,
)  # fmt: skip
def test_each_built_in_kind_is_searched_and_tells_how_many_it_wishes_for(item: Any, replicas: int | None) -> None:
    rows = uses(item)
    assert len(rows) == 5
    assert {row.replicas for row in rows} == {replicas}
    assert {row.state for row in rows} == {"template"}


def test_a_revision_that_holds_something_else_than_a_template_has_no_row() -> None:
    assert uses({**thing("ControllerRevision", "apps/v1", {}), "data": {"spec": "kubevirt's own"}}) == []


def test_a_container_without_an_image_has_no_row() -> None:
    spec = {"containers": [{"name": "a"}, {"name": "b", "image": ""}, {"name": "c", "image": None}]}
    assert uses(thing("Deployment", "apps/v1", {"template": {"spec": spec}})) == []


def with_image(text: str) -> ImageUse:
    (row,) = uses(
        thing("Deployment", "apps/v1", {"template": {"spec": {"containers": [{"name": "a", "image": text}]}}})
    )
    return row


def test_a_text_that_is_no_reference_says_why_and_keeps_its_registry() -> None:
    row = with_image("registry.example.com/Shop/Frontend:2026.03")
    assert (row.registry, row.repository, row.tag, row.digest) == ("registry.example.com", None, None, None)
    assert "must be lowercase" in (row.invalid or "")


def test_a_text_that_nobody_can_place_has_no_registry() -> None:
    row = with_image("$(IMAGE)")
    assert row.registry is None
    assert row.invalid


def test_a_template_of_argo_is_marked_as_one_and_is_not_a_mistake() -> None:
    assert with_image("{{inputs.parameters.image}}").invalid == TEMPLATE_TEXT
    row = with_image("registry.example.com/app:{{workflow.parameters.tag}}")
    assert (row.registry, row.repository, row.invalid) == ("registry.example.com", None, TEMPLATE_TEXT)


def test_unicode_and_enormous_texts_end_in_rows_that_every_database_takes() -> None:
    for text in ("größe/猫:1", "a\0b", "\ud800", "x" * 100_000):
        row = with_image(text)
        assert row.invalid
        assert len(row.reference) <= 1_000
        row.reference.encode()
        row.invalid.encode()
        assert "\0" not in row.reference + row.invalid


OWNED_BY = {"kind": "Deployment", "name": "web", "uid": "d1", "controller": True}


def test_the_chain_of_owners_is_followed_to_its_top() -> None:
    around = Surroundings("production")
    deployment = thing("Deployment", "apps/v1", {}, uid="d1", ownerReferences=[
        {"kind": "Revision", "name": "web-1", "uid": "v1", "controller": True}])  # fmt: skip
    revision = thing("Revision", "serving.knative.dev/v1", {}, uid="v1", ownerReferences=[
        {"kind": "Service", "name": "shop-web", "uid": "s1", "controller": True}])  # fmt: skip
    replicaset = thing("ReplicaSet", "apps/v1", {}, name="web-abc", uid="r1", ownerReferences=[OWNED_BY])
    for item in (revision, deployment, replicaset):
        around.owners.learn(item, item["kind"])
    pod = thing("Pod", "v1", POD_SPEC, name="web-abc-1", uid="p1", ownerReferences=[
        {"kind": "ReplicaSet", "name": "web-abc", "uid": "r1", "controller": True}])  # fmt: skip
    assert {(row.owner_kind, row.owner_name) for row in uses(pod, around)} == {("Service", "shop-web")}


def test_an_owner_that_was_never_listed_is_the_top_that_we_know() -> None:
    pod = thing("Pod", "v1", POD_SPEC, ownerReferences=[{"kind": "Prometheus", "name": "main", "uid": "x"}])
    assert {(row.owner_kind, row.owner_name) for row in uses(pod)} == {("Prometheus", "main")}


def test_the_owner_is_the_one_that_controls() -> None:
    pod = thing("Pod", "v1", POD_SPEC, ownerReferences=[{"kind": "Audit", "name": "a", "uid": "x"}, OWNED_BY])
    assert {row.owner_kind for row in uses(pod)} == {"Deployment"}


def test_objects_written_by_hand_find_their_owners_by_name() -> None:
    around = Surroundings("production")
    job = thing("Job", "batch/v1", {}, name="backup-1", ownerReferences=[{"kind": "CronJob", "name": "backup"}])
    around.owners.learn(job, "Job")
    pod = thing("Pod", "v1", POD_SPEC, ownerReferences=[{"kind": "Job", "name": "backup-1"}])
    assert {(row.owner_kind, row.owner_name) for row in uses(pod, around)} == {("CronJob", "backup")}


def test_owners_in_a_circle_do_not_hang() -> None:
    around = Surroundings("production")
    around.owners.learn(thing("A", "v1", {}, uid="a", ownerReferences=[{"kind": "B", "name": "b", "uid": "b"}]), "A")
    around.owners.learn(thing("B", "v1", {}, uid="b", ownerReferences=[{"kind": "A", "name": "a", "uid": "a"}]), "B")
    pod = thing("Pod", "v1", POD_SPEC, ownerReferences=[{"kind": "A", "name": "a", "uid": "a"}])
    assert {row.owner_kind for row in uses(pod, around)} <= {"A", "B"}


def test_a_static_pod_is_its_own_owner_and_not_its_node() -> None:
    pod = thing("Pod", "v1", POD_SPEC, name="etcd-n1", ownerReferences=[
        {"kind": "Node", "name": "n1", "uid": "n", "controller": True}])  # fmt: skip
    assert {(row.owner_kind, row.owner_name) for row in uses(pod)} == {("Pod", "etcd-n1")}


def test_the_platform_of_a_node_is_what_its_kubelet_reports() -> None:
    info = {"nodeInfo": {"operatingSystem": "linux", "architecture": "arm64"}}
    labels = {"labels": {"kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64"}}
    assert platform_of_node({"metadata": labels, "status": info}) == "linux/arm64"
    assert platform_of_node({"metadata": labels}) == "linux/amd64"
    assert platform_of_node({"metadata": {"name": "n"}}) is None


def test_pods_are_read_last_and_owners_before_what_they_own() -> None:
    order = [kind.kind for kind in kinds_to_read()]
    assert order[-1] == "Pod"
    for owner, owned in (("Deployment", "ReplicaSet"), ("CronJob", "Job"), ("Rollout", "ReplicaSet"),
                         ("RunnerDeployment", "RunnerReplicaSet"), ("RunnerReplicaSet", "Runner"),
                         ("Configuration", "Revision"), ("StatefulSet", "ControllerRevision")):  # fmt: skip
        assert order.index(owner) < order.index(owned)


def test_a_configured_custom_resource_takes_the_place_of_its_default_and_the_others_stay() -> None:
    mine = custom_kind("argoproj.io/v1alpha1 rollouts", "Rollout", [".spec.image"])
    kinds = kinds_to_read([mine])
    assert len(kinds) == len(BUILT_IN) + len(DEFAULT_CUSTOM)
    assert next(kind for kind in kinds if kind.kind == "Rollout") is mine


JUNK = st.sampled_from([None, 0, 1.5, "", "x", [], {}, [None], [1, "a"], {"a": 1}, [[]], [{}], True])


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner: list[tuple[Any, ...]] = [path] if path else []
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in pairs:
        inner += places(one, (*path, key))
    return inner


WHOLE_POD = next(
    item
    for item in json.loads((ROOT / "examples/quickstart/clusters/production/workloads.json").read_text())["items"]
    if item["kind"] == "Pod" and item["metadata"]["name"].startswith("web-")
)
PLACES = places(WHOLE_POD)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.lists(st.tuples(st.sampled_from(PLACES), JUNK), min_size=1, max_size=3))
def test_an_object_that_is_broken_anywhere_never_breaks_the_snapshot(damage: list[tuple[tuple[Any, ...], Any]]) -> None:
    pod = copy.deepcopy(WHOLE_POD)
    for path, junk in damage:
        inner: Any = pod
        try:
            for key in path[:-1]:
                inner = inner[key]
            inner[path[-1]] = junk
        except (KeyError, IndexError, TypeError):
            continue
    around = Surroundings("production")
    around.owners.learn(pod, "Pod")
    for row in image_uses(pod, KINDS["", "Pod"], around):
        assert isinstance(row.reference, str)
        assert isinstance(row.name, str)
