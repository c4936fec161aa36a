"""A cut-over plan says exactly what changes, and changes a workload whole or not at all."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from registry_core.cutover import CutoverPlan
from registry_core.cutover_decide import AtDestination, ImageKey
from registry_core.cutover_entries import PullSecret
from registry_core.errors import IncompleteSnapshot, Refused
from registry_core.rewriting import Rewriting
from tests.kubernetes import DIGEST, OLD_HOST, deployment, pod_spec, real_objects, workload
from tests.registry_core.cutovers import NEW_HOST, plan_of

CART = f"{OLD_HOST}/shop/cart:1"
OTHER = "sha256:" + "a" * 64


@pytest.mark.parametrize(
    ("old", "pin", "new"),
    [
        (CART, "digest", f"{NEW_HOST}/shop/cart:1@{DIGEST}"),
        (CART, "tag", f"{NEW_HOST}/shop/cart:1"),
        (f"{OLD_HOST}/shop/cart", "tag", f"{NEW_HOST}/shop/cart"),
        (f"{OLD_HOST}/shop/cart", "digest", f"{NEW_HOST}/shop/cart@{DIGEST}"),
        (f"{OLD_HOST}/shop/cart:1@{OTHER}", "tag", f"{NEW_HOST}/shop/cart:1@{OTHER}"),
        (f"{OLD_HOST}/shop/cart@{OTHER}", "digest", f"{NEW_HOST}/shop/cart@{OTHER}"),
    ],
)
def test_an_image_is_written_with_its_tag_and_pinned_where_chosen(old: str, pin: str, new: str) -> None:
    plan = plan_of(deployment("cart", old), pin=pin)
    assert [change.new for change in plan.entries[0].images] == [new]


def test_repositories_are_called_as_the_destination_was_asked_for_them() -> None:
    seen = {ImageKey("shop/cart", "1", None): AtDestination(repository="mirror/shop/cart", digest=DIGEST)}
    plan = plan_of(deployment("cart", CART), seen=seen, rewriting=Rewriting(prefixes={"": "mirror"}), pin="tag")
    assert plan.entries[0].images[0].new == f"{NEW_HOST}/mirror/shop/cart:1"


def test_a_workload_changes_whole_or_not_at_all() -> None:
    seen = {ImageKey("shop/side", "2", None): AtDestination("shop/side", DIGEST, lacking={"linux/arm64": "no child"})}
    items = [deployment("cart", CART, f"{OLD_HOST}/shop/side:2"), deployment("web", CART)]
    plan = plan_of(*items, seen=seen, platforms=("linux/amd64", "linux/arm64"))
    assert [entry.workload.name for entry in plan.entries] == ["web"]
    (left,) = plan.left
    assert left.images == (CART, f"{OLD_HOST}/shop/side:2")
    assert left.why == "new cannot be seen to serve shop/side (shop/side:2) for linux/arm64: no child"


def test_only_platforms_that_its_pods_may_land_on_are_asked_for() -> None:
    seen = {ImageKey("shop/cart", "1", None): AtDestination("shop/cart", DIGEST, lacking={"linux/arm64": "no child"})}
    item = deployment("cart", CART)
    item["spec"]["template"]["spec"]["nodeSelector"] = {"kubernetes.io/arch": "amd64"}
    plan = plan_of(item, seen=seen, platforms=("linux/amd64", "linux/arm64"))
    assert plan.entries[0].platforms == ("linux/amd64",)
    # A selector that no node answers to narrows nothing.
    item["spec"]["template"]["spec"]["nodeSelector"] = {"kubernetes.io/arch": "s390x"}
    assert plan_of(item, seen=seen, platforms=("linux/amd64", "linux/arm64")).entries == ()


def test_nothing_is_planned_for_nodes_that_nobody_knows() -> None:
    with pytest.raises(IncompleteSnapshot, match="platforms of its nodes are not known"):
        plan_of(deployment("cart", CART), platforms=())


def test_what_cannot_be_used_at_the_destination_stays_and_says_why() -> None:
    seen = {ImageKey("shop/cart", "1", None): AtDestination("shop/cart", why="the tag is another image there")}
    plan = plan_of(deployment("cart", CART), deployment("typo", f"{OLD_HOST}/Shop/Frontend:1"), seen=seen)
    assert [(left.workload.name, left.why.partition(":")[0]) for left in plan.left] == [
        ("cart", "the tag is another image there"),
        ("typo", "`registry.example.com/Shop/Frontend"),
    ]
    assert plan.counted == 0


def test_a_pull_secret_is_added_to_what_is_there_and_planned_for_each_namespace() -> None:
    named = deployment("named", CART)
    named["spec"]["template"]["spec"] = pod_spec(CART, secrets=("old-pull",))
    has = deployment("has", CART, namespace="other")
    has["spec"]["template"]["spec"] = pod_spec(CART, secrets=("new-pull",))
    managed = deployment("managed", CART, namespace="gitops", labels={"app.kubernetes.io/managed-by": "Helm"})
    plan = plan_of(named, has, deployment("bare", CART), managed, pull_secret="new-pull")
    changes = {entry.workload.name: [(one.before, one.after) for one in entry.secrets] for entry in plan.entries}
    assert changes == {"named": [(("old-pull",), ("old-pull", "new-pull"))], "has": [], "bare": [(None, ("new-pull",))]}
    assert plan.pull_secrets == tuple(
        PullSecret("production", namespace, "new-pull", NEW_HOST) for namespace in ("gitops", "other", "shop")
    )
    assert [one.secrets[0].after for one in plan.elsewhere] == [("new-pull",)]


def test_what_the_api_would_not_take_is_left_with_what_to_do() -> None:
    pod = workload("Pod", "alone", CART)
    volume = workload("Pod", "model", CART)
    volume["spec"]["volumes"] = [{"name": "weights", "image": {"reference": CART}}]
    plan = plan_of(workload("Job", "once", CART), volume, pod)
    why = {left.workload.name: left.why for left in plan.left}
    assert why["once"].startswith("the template of a job cannot be changed: delete it, and create it anew with")
    assert why["model"].startswith("the image volumes of a pod cannot be changed")
    (entry,) = plan.entries
    assert entry.notes == ("nothing owns this pod: the kubelet restarts its containers in place with the new image",)
    plan = plan_of(pod, pull_secret="new-pull")
    assert plan.left[0].why.startswith("the imagePullSecrets of a pod cannot be changed")


def test_a_cut_over_that_rolls_out_another_image_than_runs_says_so() -> None:
    top = deployment("cart", CART)
    pod = workload(
        "Pod", "cart-x", CART, ownerReferences=[{"kind": "Deployment", "name": "cart", "uid": top["metadata"]["uid"]}]
    )
    pod["status"] = {"containerStatuses": [{"name": "main", "image": CART, "imageID": f"{OLD_HOST}/shop/cart@{OTHER}"}]}
    key = ImageKey("shop/cart", "1", None)
    moved = plan_of(
        top, pod, seen={key: AtDestination("shop/cart", DIGEST, contains=frozenset({"sha256:" + "b" * 64}))}
    )
    assert "its pods run another image" in moved.entries[0].notes[0]
    same = plan_of(top, pod, seen={key: AtDestination("shop/cart", DIGEST, contains=frozenset({OTHER}))})
    assert same.entries[0].notes == ()


def test_what_is_not_well_already_comes_last_and_says_so() -> None:
    ailing = deployment("ailing", CART)
    ailing["status"] = {"updatedReplicas": 2, "replicas": 2, "availableReplicas": 1}
    well = deployment("well", CART, labels={"app.kubernetes.io/instance": "shop"})
    well["status"] = {"updatedReplicas": 2, "replicas": 2, "availableReplicas": 2}
    plan = plan_of(ailing, well)
    assert [entry.workload.name for entry in plan.entries] == ["well", "ailing"]
    assert plan.entries[1].notes == (
        "it is not well already (1 of 2 new pods are ready), so it comes last: if that stays, the run stops at it",
    )
    assert "where Argo CD tracks by that label" in plan.entries[0].notes[0]


def test_a_real_cluster_is_planned_whole() -> None:
    plan = plan_of(*real_objects("production"), pull_secret="new-pull")
    assert plan.counted == 11
    assert [left.workload.name for left in plan.left] == ["typo"]
    runner = next(entry for entry in plan.entries if entry.workload.kind == "RunnerDeployment")
    assert [change.path for change in runner.images] == [".spec.template.spec.image"]
    assert runner.secrets[0].after == ("registry-pull", "new-pull")
    assert runner.runs_pods is False
    assert plan.leftovers == 0
    assert plan.touches == ("cluster production", "registry new")


def test_a_plan_is_what_it_was_filed_as() -> None:
    managed = deployment("managed", CART, labels={"app.kubernetes.io/managed-by": "Helm"})
    plan = plan_of(
        *real_objects("staging"), managed, workload("Job", "once", CART), pull_secret="p", max_age=timedelta(hours=2)
    )
    again = CutoverPlan.from_json(plan.to_bytes(), expected=plan.fingerprint)
    assert again == plan
    assert again.to_bytes() == plan.to_bytes()
    changed = json.loads(plan.to_bytes())
    changed["entries"][0]["images"][0]["new"] = "evil.example.com/x"
    with pytest.raises(Refused, match="was changed"):
        CutoverPlan.from_json(json.dumps(changed), expected=plan.fingerprint)
    with pytest.raises(Refused, match="knows 'registry-pipelines cut-over plan 1'"):
        CutoverPlan.from_json({"format": "registry-pipelines cut-over plan 2"})
    del changed["basis"]["host"]
    with pytest.raises(Refused, match="missing or wrong"):
        CutoverPlan.from_json(changed)


def test_the_same_evidence_makes_the_same_plan() -> None:
    items = real_objects("production")
    assert plan_of(*items).fingerprint == plan_of(*reversed(items)).fingerprint


def test_many_workloads_need_a_second_person() -> None:
    plan = plan_of(deployment("a", CART), deployment("b", CART), second_person_above=1)
    assert plan.second_person_needed() == ("2 workloads are changed, more than cutovers.move.second_person_above = 1")
    assert replace(plan, entries=plan.entries[:1]).second_person_needed() is None


def test_rows_tell_every_part_of_a_plan() -> None:
    managed = deployment("managed", CART, labels={"app.kubernetes.io/managed-by": "Helm"})
    plan = plan_of(deployment("cart", CART), managed, workload("Job", "once", CART), pull_secret="new-pull")
    rows = list(plan.rows())
    assert [row["what"] for row in rows] == ["patch", "change elsewhere", "left", "create if absent"]
    assert all(set(row) == {"what", "workload", "container", "from", "to", "why"} for row in rows)
    assert rows[0]["to"] == f"{NEW_HOST}/shop/cart:1@sha256:dddddddddddd…"
    assert rows[1]["why"].startswith("Helm manages it (label app.kubernetes.io/managed-by: Helm): change")
