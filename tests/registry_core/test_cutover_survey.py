"""What points at the old registry: changed by us, following by itself, or written by somebody else."""

from __future__ import annotations

from typing import Any

import pytest

from tests.kubernetes import OLD_HOST, deployment, owned_by, pod_spec, real_objects, workload
from tests.registry_core.cutovers import survey

IMAGE = f"{OLD_HOST}/shop/cart:1"


def names(found: Any) -> list[tuple[str, str]]:
    return [(one.workload.kind, one.workload.name) for one in found.pointing]


def test_a_real_cluster_is_told_by_what_a_person_would_change() -> None:
    found = survey(real_objects("production"))
    assert names(found) == [
        ("RunnerDeployment", "blog-runners"),
        ("Deployment", "api"),
        ("Deployment", "web"),
        ("Deployment", "worker"),
        ("CronJob", "backup"),
        ("DaemonSet", "node-agent"),
        ("CronJob", "yearly-audit"),
        ("Deployment", "cart"),
        ("Deployment", "frontend"),
        ("Deployment", "legacy-import"),
        ("StatefulSet", "queue"),
        ("Deployment", "typo"),
    ]
    assert all(one.manager is None and one.applied for one in found.pointing)
    api = found.pointing[1]
    assert [image.container for image in api.images] == ["migrate", "api", "proxy"]
    assert api.workload.uid in found.with_pods
    # Another port is another registry.
    assert "search" not in dict(names(found)).values()


def test_pods_follow_their_deployment_and_older_revisions_are_left_over() -> None:
    top = deployment("cart", IMAGE)
    current = workload("ReplicaSet", "cart-2", IMAGE, **owned_by("Deployment", "cart", top["metadata"]["uid"]))
    pod = workload("Pod", "cart-2-x", IMAGE, **owned_by("ReplicaSet", "cart-2", current["metadata"]["uid"]))
    found = survey([pod, current, top])
    assert (names(found), found.followers, found.leftovers) == ([("Deployment", "cart")], 2, ())
    moved = deployment("cart", "new.example.com/shop/cart:1")
    found = survey([moved, current, pod])
    # The pod follows the ReplicaSet that was kept for rollback, and is gone with it.
    assert (names(found), [one.name for one in found.leftovers]) == ([], ["cart-2"])


def test_what_an_unknown_kind_owns_is_changed_there() -> None:
    item = workload("StatefulSet", "prometheus-k8s", IMAGE, **owned_by("Prometheus", "k8s", "uid-of-it"))
    pod = workload(
        "Pod", "prometheus-k8s-0", IMAGE, **owned_by("StatefulSet", "prometheus-k8s", item["metadata"]["uid"])
    )
    (one,) = survey([item, pod]).pointing
    assert one.workload.kind == "StatefulSet"
    assert one.manager is not None
    assert (one.manager.name, one.manager.of) == ("Prometheus", "k8s")
    assert one.manager.evidence == "owner reference to Prometheus k8s"


def test_what_a_custom_resource_makes_without_naming_the_image_is_changed_there() -> None:
    runner = {
        "apiVersion": "actions.summerwind.dev/v1alpha1", "kind": "RunnerDeployment",
        "metadata": {"name": "ci", "namespace": "shop", "uid": "r"}, "spec": {"template": {"spec": {}}},
    }  # fmt: skip
    pod = workload("Pod", "ci-x", IMAGE, **owned_by("RunnerDeployment", "ci", "r"))
    (one,) = survey([runner, pod]).pointing
    assert one.manager is not None
    assert one.manager.name == "RunnerDeployment"


@pytest.mark.parametrize(
    ("labels", "annotations", "manager"),
    [
        ({"app.kubernetes.io/managed-by": "Helm"}, {"meta.helm.sh/release-name": "shop"}, ("Helm", "shop")),
        ({"app.kubernetes.io/managed-by": "Helm"}, {}, ("Helm", "?")),
        ({"argocd.argoproj.io/instance": "shop"}, {}, ("Argo CD", "shop")),
        ({}, {"argocd.argoproj.io/tracking-id": "shop:apps/Deployment:shop/cart"}, ("Argo CD", "shop")),
        (
            {"kustomize.toolkit.fluxcd.io/name": "apps", "kustomize.toolkit.fluxcd.io/namespace": "flux-system"},
            {},
            ("Flux", "flux-system/apps"),
        ),
        (
            {"helm.toolkit.fluxcd.io/name": "shop", "app.kubernetes.io/managed-by": "Helm"},
            {"meta.helm.sh/release-name": "shop"},
            ("Flux", "shop"),
        ),
        ({"app.kubernetes.io/managed-by": "Terraform"}, {}, ("Terraform", "")),
        ({"app.kubernetes.io/managed-by": "kustomize", "app.kubernetes.io/instance": "shop"}, {}, None),
    ],
)
def test_the_outermost_manager_is_told_with_its_evidence(
    labels: dict[str, str], annotations: dict[str, str], manager: tuple[str, str] | None
) -> None:
    (one,) = survey([deployment("cart", IMAGE, labels=labels, annotations=annotations)]).pointing
    assert (None if one.manager is None else (one.manager.name, one.manager.of)) == manager
    if one.manager is not None:
        key, _, value = one.manager.evidence.partition(" ")[2].partition(": ")
        assert {**labels, **annotations}[key] == value


def test_a_static_pod_is_changed_on_its_node() -> None:
    pod = workload("Pod", "proxy-node-1", IMAGE, annotations={"kubernetes.io/config.mirror": "x"})
    pod["metadata"]["ownerReferences"] = [{"kind": "Node", "name": "node-1", "uid": "n", "controller": True}]
    pod["spec"]["nodeName"] = "node-1"
    (one,) = survey([pod]).pointing
    assert one.manager is not None
    assert "the static pod on the node `node-1`" in one.manager.where


def test_finished_jobs_and_pods_are_left_over() -> None:
    job = workload("Job", "once", IMAGE)
    job["status"] = {"conditions": [{"type": "Complete", "status": "True"}]}
    pod = workload("Pod", "alone", IMAGE)
    pod["status"] = {"phase": "Succeeded"}
    found = survey([job, pod, workload("Job", "runs", IMAGE)])
    assert names(found) == [("Job", "runs")]
    assert [one.name for one in found.leftovers] == ["alone", "once"]


def test_pods_of_one_unknown_maker_are_one_line_and_finished_ones_none() -> None:
    pods = [workload("Pod", f"step-{number}", IMAGE, **owned_by("Workflow", "build", "w")) for number in range(3)]
    pods[0]["status"] = {"phase": "Succeeded"}
    found = survey(pods)
    assert names(found) == [("Pod", "step-1")]
    assert (len(found.leftovers), found.followers) == (1, 1)


def test_only_the_namespaces_of_the_cut_over_are_looked_at() -> None:
    items = [deployment("a", IMAGE, namespace="team-a"), deployment("b", IMAGE, namespace="other")]
    assert names(survey(items, namespaces=("team-*",))) == [("Deployment", "a")]


def test_malformed_objects_harm_nobody() -> None:
    odd: list[dict[str, Any]] = [
        {"apiVersion": "apps/v1", "kind": "Deployment"},
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": None},
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"ownerReferences": "x"},
         "spec": {"containers": [{"image": IMAGE}]}},
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "a", "labels": 1, "annotations": []},
         "spec": {"template": {"spec": {**pod_spec(IMAGE), "imagePullSecrets": 7, "nodeSelector": 5}}}},
    ]  # fmt: skip
    assert [kind for kind, _ in names(survey([*odd, deployment("cart", IMAGE)]))] == ["Pod", "Deployment", "Deployment"]


def test_owners_in_a_circle_end() -> None:
    one = workload("ReplicaSet", "a", "elsewhere/x", **owned_by("ReplicaSet", "b", "uid-shop-ReplicaSet-b"))
    other = workload("ReplicaSet", "b", IMAGE, **owned_by("ReplicaSet", "a", "uid-shop-ReplicaSet-a"))
    assert len(survey([one, other]).leftovers) == 1
