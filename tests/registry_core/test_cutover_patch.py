"""Patches change what was approved, refuse what changed since, and go back exactly."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry_core.cutover import CutoverPlan
from registry_core.cutover_entries import Entry
from registry_core.cutover_patch import (
    backward_patch,
    before_of,
    forward_patch,
    holds_any,
    kustomize_patch,
    names_old_images,
    standing,
)
from tests.json_patch import TestFailed, apply_patch
from tests.kubernetes import DIGEST, OLD_HOST, deployment, pod_spec, real_objects, workload
from tests.registry_core.cutovers import NEW_HOST, plan_of

CART = f"{OLD_HOST}/shop/cart:1"


def objects_of(cluster: str) -> dict[str, dict[str, Any]]:
    return {item["metadata"]["uid"]: item for item in real_objects(cluster)}


@pytest.mark.parametrize("cluster", ["production", "staging"])
def test_every_workload_of_a_real_cluster_goes_there_and_back(cluster: str) -> None:
    items = objects_of(cluster)
    for entry in plan_of(*items.values(), pull_secret="new-pull").entries:
        item = items[entry.workload.uid]
        version = item["metadata"]["resourceVersion"]
        moved = apply_patch(item, forward_patch(entry, resource_version=version))
        assert (standing(item, entry), standing(moved, entry)) == ("old", "new")
        assert apply_patch(moved, backward_patch(entry, moved, resource_version=version)) == item
        left = str(moved["spec"]).replace(NEW_HOST, "")
        assert f"{OLD_HOST}/" not in left


IMAGES = st.sampled_from([CART, f"{OLD_HOST}/shop/side", f"{OLD_HOST}/a/b@{DIGEST}", "elsewhere.example.com/x:1"])


@given(
    st.lists(IMAGES, min_size=1, max_size=4),
    st.none() | st.lists(st.sampled_from(["a", "b", "new-pull"]), unique=True, max_size=3).map(tuple),
    st.sampled_from(["tag", "digest"]),
)
def test_there_and_back_is_nothing(images: list[str], secrets: tuple[str, ...] | None, pin: str) -> None:
    item = deployment("cart", *images)
    item["spec"]["template"]["spec"] = pod_spec(*images, secrets=secrets)
    plan = plan_of(item, pull_secret="new-pull", pin=pin)
    for entry in plan.entries:
        moved = apply_patch(item, forward_patch(entry))
        assert [
            one["image"] for one in moved["spec"]["template"]["spec"]["containers"] if OLD_HOST in one["image"]
        ] == []
        assert apply_patch(moved, backward_patch(entry, moved)) == item


def only_entry(plan: CutoverPlan) -> Entry:
    (entry,) = plan.entries
    return entry


def test_an_image_that_somebody_changed_is_not_patched_over() -> None:
    item = deployment("cart", CART)
    entry = only_entry(plan_of(item, pull_secret="p"))
    item["spec"]["template"]["spec"]["containers"][0]["image"] = f"{OLD_HOST}/shop/cart:2"
    with pytest.raises(TestFailed):
        apply_patch(item, forward_patch(entry))
    assert standing(item, entry) == (
        "somebody changed it since the plan: .spec.template.spec.containers[0].image is"
        f" `{OLD_HOST}/shop/cart:2` and was `{CART}`"
    )
    item["spec"]["template"]["spec"]["containers"] = []
    assert "is nothing and was" in standing(item, entry)


def test_a_workload_that_was_made_anew_is_another_one() -> None:
    item = deployment("cart", CART)
    entry = only_entry(plan_of(item))
    item["metadata"]["uid"] = "another"
    assert standing(item, entry) == "it was deleted and made anew since the plan"
    with pytest.raises(TestFailed):
        apply_patch(item, forward_patch(entry))


def test_pull_secrets_that_somebody_changed_are_seen() -> None:
    item = deployment("cart", CART)
    entry = only_entry(plan_of(item, pull_secret="p"))
    item["spec"]["template"]["spec"]["imagePullSecrets"] = [{"name": "theirs"}]
    assert standing(item, entry) == "its imagePullSecrets were changed since the plan"


def test_a_patch_in_a_file_replaces_no_pull_secrets_that_came_since() -> None:
    item = deployment("cart", CART)
    entry = only_entry(plan_of(item, pull_secret="p"))
    assert standing(apply_patch(item, forward_patch(entry)), entry) == "new"
    item["spec"]["template"]["spec"]["imagePullSecrets"] = [{"name": "theirs"}]
    with pytest.raises(TestFailed):
        apply_patch(item, forward_patch(entry))


def test_a_pull_secret_that_came_after_the_cut_over_stays_on_the_way_back() -> None:
    for secrets in (None, ("a",)):
        item = deployment("cart", CART)
        item["spec"]["template"]["spec"] = pod_spec(CART, secrets=secrets)
        entry = only_entry(plan_of(item, pull_secret="p"))
        moved = apply_patch(item, forward_patch(entry))
        moved["spec"]["template"]["spec"]["imagePullSecrets"].append({"name": "theirs"})
        back = apply_patch(moved, backward_patch(entry, moved))["spec"]["template"]["spec"]
        assert [one["name"] for one in back["imagePullSecrets"]] == [*(secrets or ()), "theirs"]
        del moved["spec"]["template"]["spec"]["imagePullSecrets"]
        back = apply_patch(moved, backward_patch(entry, moved))["spec"]["template"]["spec"]
        assert ("imagePullSecrets" in back, back["containers"][0]["image"]) == (False, CART)


def test_half_of_a_patch_is_known_as_ours() -> None:
    item = deployment("cart", CART, f"{OLD_HOST}/shop/side:2")
    entry = only_entry(plan_of(item, pull_secret="p"))
    assert (holds_any(item, entry), names_old_images(item, entry)) == (False, True)
    moved = apply_patch(item, forward_patch(entry))
    spec = moved["spec"]["template"]["spec"]
    spec["containers"][0]["image"] = "other.example.com/x:1"
    assert (holds_any(moved, entry), names_old_images(moved, entry)) == (True, False)
    spec["containers"][1]["image"] = "other.example.com/x:1"
    assert holds_any(moved, entry)  # the pull secret
    spec["imagePullSecrets"] = []
    assert not holds_any(moved, entry)


def test_what_is_recorded_holds_what_changes_and_no_environment() -> None:
    item = deployment("cart", CART)
    item["spec"]["template"]["spec"]["containers"][0]["env"] = [{"name": "PASSWORD", "value": "hunter2"}]
    entry = only_entry(plan_of(item, pull_secret="p"))
    assert before_of(item, entry) == {
        "uid": "uid-shop-Deployment-cart",
        "resourceVersion": "10",
        "generation": 1,
        "images": {".spec.template.spec.containers[0].image": CART},
        "imagePullSecrets": {"/spec/template/spec": None},
    }


def test_kustomize_names_containers_and_not_positions() -> None:
    item = deployment("cart", CART, "elsewhere/x", f"{OLD_HOST}/shop/side:2")
    spec = item["spec"]["template"]["spec"]
    spec["initContainers"] = [{"name": "migrate", "image": CART}]
    spec["volumes"] = [{"name": "weights", "image": {"reference": CART}}]
    spec["imagePullSecrets"] = [{"name": "old"}]
    entry = only_entry(plan_of(copy.deepcopy(item), pull_secret="new-pull", pin="tag"))
    assert kustomize_patch(entry) == {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "cart", "namespace": "shop"},
        "spec": {
            "template": {
                "spec": {
                    "initContainers": [{"name": "migrate", "image": f"{NEW_HOST}/shop/cart:1"}],
                    "containers": [
                        {"name": "main", "image": f"{NEW_HOST}/shop/cart:1"},
                        {"name": "extra1"},
                        {"name": "extra2", "image": f"{NEW_HOST}/shop/side:2"},
                    ],
                    "volumes": [{"name": "weights", "image": {"reference": f"{NEW_HOST}/shop/cart:1"}}],
                    "imagePullSecrets": [{"name": "new-pull"}],
                }
            }
        },
    }


def test_kustomize_gets_a_json_patch_for_a_custom_resource() -> None:
    plan = plan_of(*real_objects("production"), pin="tag")
    entry = next(entry for entry in plan.entries if entry.workload.kind == "RunnerDeployment")
    path = "/spec/template/spec/image"
    assert kustomize_patch(entry) == [
        {"op": "test", "path": path, "value": f"{OLD_HOST}/tools/runner:1.1.3"},
        {"op": "replace", "path": path, "value": f"{NEW_HOST}/tools/runner:1.1.3"},
    ]


def test_a_cron_job_is_patched_below_its_job_template() -> None:
    entry = only_entry(plan_of(workload("CronJob", "nightly", CART), pin="tag"))
    assert [one["path"] for one in forward_patch(entry)][
        -1
    ] == "/spec/jobTemplate/spec/template/spec/containers/0/image"


def merged_by_name(base: list[dict[str, Any]], patch: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A list of containers as kustomize merges it: what the patch names first, in the patch's order, then the rest of
    the base in its order (kyaml, `walk/associative_sequence.go` with `MergeOptionsListPrepend`; seen on kustomize 5.5).
    """
    known = {one["name"]: one for one in base}
    named = {one["name"] for one in patch}
    return [{**known.get(one["name"], {}), **one} for one in patch] + [one for one in base if one["name"] not in named]


@given(st.lists(st.sampled_from([CART, "elsewhere.example.com/x:1"]), min_size=1, max_size=6), st.booleans())
def test_a_merge_by_name_keeps_the_order_of_containers(images: list[str], init: bool) -> None:
    item = deployment("cart", CART)
    key = "initContainers" if init else "containers"
    spec = item["spec"]["template"]["spec"]
    spec[key] = [{"name": f"c{number}", "image": image} for number, image in enumerate(images)]
    for entry in plan_of(copy.deepcopy(item), pin="tag").entries:
        assert Entry.from_json(entry.to_json()) == entry
        patch: Any = kustomize_patch(entry)
        merged = merged_by_name(spec[key], patch["spec"]["template"]["spec"].get(key, []))
        assert merged == [
            {"name": f"c{number}", "image": image.replace(CART, f"{NEW_HOST}/shop/cart:1")}
            for number, image in enumerate(images)
        ]
