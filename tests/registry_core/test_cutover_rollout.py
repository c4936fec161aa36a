"""A rollout has arrived when new pods are ready; a pull that fails is told in the kubelet's words."""

from __future__ import annotations

from typing import Any

import pytest

from registry_core.cutover_entries import Entry
from registry_core.cutover_patch import forward_patch
from registry_core.cutover_rollout import is_new_pod, judge_rollout
from tests.json_patch import apply_patch
from tests.kubernetes import DIGEST, OLD_HOST, deployment, real_objects, workload
from tests.registry_core.cutovers import NEW_HOST, plan_of

CART = f"{OLD_HOST}/shop/cart:1"
NEW = f"{NEW_HOST}/shop/cart:1"


def patched(item: dict[str, Any], **changes: Any) -> tuple[dict[str, Any], Entry]:
    """An object after its patch, its generation counted on, nothing of it seen by its controller."""
    (entry,) = plan_of(item, pin="tag", **changes).entries
    moved = apply_patch(item, forward_patch(entry))
    moved["metadata"]["generation"] += 1
    return moved, entry


def judged(moved: dict[str, Any], entry: Entry, *pods: dict[str, Any], **status: Any) -> tuple[str, str]:
    """By the status alone, where no pods are given."""
    rollout = judge_rollout({**moved, "status": status}, pods or None, entry)
    return rollout.progress, rollout.detail


@pytest.mark.parametrize("cluster", ["production", "staging"])
def test_what_runs_in_a_real_cluster_has_arrived_by_its_own_status(cluster: str) -> None:
    """As if the images that run there had been the new ones: this is how the statuses of a healthy cluster look."""
    items = {item["metadata"].get("uid"): item for item in real_objects(cluster)}
    broken = {"typo", "legacy-import", "frontend", "search", "web", "reports", "cart-canary"}
    for entry in plan_of(*items.values()).entries:
        item = items[entry.workload.uid]
        if entry.workload.kind in ("Deployment", "StatefulSet", "DaemonSet") and entry.workload.name not in broken:
            assert judge_rollout(item, None, entry).progress == "arrived", entry.workload


def test_a_deployment_arrives_when_only_new_pods_are_left_and_available() -> None:
    moved, entry = patched(deployment("cart", CART))
    seen = {"observedGeneration": 2}
    assert judged(moved, entry, observedGeneration=1) == ("waiting", "its controller has not seen the change yet")
    assert judged(moved, entry, **seen) == ("waiting", "0 of 2 pods are new")
    assert judged(moved, entry, **seen, updatedReplicas=2, replicas=3)[1] == "1 old pods still run"
    assert judged(moved, entry, **seen, updatedReplicas=2, replicas=2, availableReplicas=1)[0] == "waiting"
    assert judged(moved, entry, **seen, updatedReplicas=2, replicas=2, availableReplicas=2) == ("arrived", "")
    stuck = [{"type": "Progressing", "reason": "ProgressDeadlineExceeded", "message": "timed out"}]
    assert judged(moved, entry, **seen, conditions=stuck)[0] == "failing"


def test_pods_that_can_be_seen_must_be_new_and_ready() -> None:
    moved, entry = patched(deployment("cart", CART))
    whole = {"observedGeneration": 2, "updatedReplicas": 2, "replicas": 2, "availableReplicas": 2}
    ready = pod_of(NEW)
    ready["status"]["conditions"] = [{"type": "Ready", "status": "True"}]
    assert judged(moved, entry, ready, pod_of(NEW), **whole) == ("waiting", "1 of 2 new pods are ready")
    assert judged(moved, entry, ready, ready, **whole) == ("arrived", "")
    rewritten = judged(moved, entry, pod_of("mirror.example.com/shop/cart:1"), **whole)
    assert rewritten == ("arrived", "none of its pods names the new image: something rewrites images as pods are made")


def test_a_workload_scaled_to_zero_or_paused_arrives_without_pods() -> None:
    moved, entry = patched(deployment("cart", CART))
    moved["spec"]["replicas"] = 0
    assert judged(moved, entry, observedGeneration=2) == ("arrived", "")
    moved["spec"].update(replicas=2, paused=True)
    assert judged(moved, entry, observedGeneration=2)[0] == "arrived"


def pod_of(image: str, reason: str | None = None, **metadata: Any) -> dict[str, Any]:
    pod = workload("Pod", "cart-x", image, **metadata)
    state = {"waiting": {"reason": reason, "message": "no basic auth"}} if reason else {"running": {}}
    pod["status"] = {"containerStatuses": [{"name": "main", "image": image, "state": state}]}
    return pod


def test_a_new_pod_that_cannot_pull_is_a_failing_rollout() -> None:
    moved, entry = patched(deployment("cart", CART))
    failing = judged(moved, entry, pod_of(NEW, "ImagePullBackOff"), observedGeneration=2)
    assert failing == ("failing", f"the pod cart-x cannot pull {NEW}: ImagePullBackOff: no basic auth")
    old_pod = pod_of(CART, "ImagePullBackOff")
    going = pod_of(NEW, "ErrImagePull", deletionTimestamp="2026-04-01T12:00:00Z")
    crashing = pod_of(NEW, "CrashLoopBackOff")
    for pod in (old_pod, going, crashing):
        assert judged(moved, entry, pod, observedGeneration=2)[0] == "waiting"


def owned(pod: dict[str, Any], kind: str, name: str, uid: str = "another", **labels: str) -> dict[str, Any]:
    owner = {"kind": kind, "name": name, "uid": uid, "controller": True}
    pod["metadata"].update(ownerReferences=[owner], labels=labels)
    return pod


def test_a_pod_of_another_workload_fails_no_rollout() -> None:
    moved, entry = patched(deployment("cart", CART))
    theirs = [
        owned(pod_of(NEW, "ImagePullBackOff"), "ReplicaSet", "cart-canary-6d4f", **{"pod-template-hash": "6d4f"}),
        owned(pod_of(NEW, "ImagePullBackOff"), "StatefulSet", "cart"),
    ]
    assert judged(moved, entry, *theirs, observedGeneration=2)[0] == "waiting"
    own = owned(pod_of(NEW, "ImagePullBackOff"), "ReplicaSet", "cart-6d4f", **{"pod-template-hash": "6d4f"})
    assert judged(moved, entry, own, observedGeneration=2)[0] == "failing"
    unknown = owned(pod_of(NEW, "ImagePullBackOff"), "ReplicaSet", "made-by-hand")
    assert judged(moved, entry, unknown, observedGeneration=2)[0] == "failing"
    moved, entry = patched(workload("StatefulSet", "queue", CART))
    assert judged(moved, entry, owned(pod_of(NEW, "ImagePullBackOff"), "StatefulSet", "other"))[0] == "waiting"
    own = owned(pod_of(NEW, "ImagePullBackOff"), "StatefulSet", "queue", uid=moved["metadata"]["uid"])
    assert judged(moved, entry, own)[0] == "failing"


def test_a_cron_job_starts_nothing_so_no_pod_fails_it() -> None:
    moved, entry = patched(workload("CronJob", "backup", CART))
    assert judged(moved, entry, pod_of(NEW, "ImagePullBackOff")) == ("arrived", "")


def test_a_stateful_set_arrives_by_its_revisions_or_its_partition() -> None:
    moved, entry = patched(workload("StatefulSet", "queue", CART))
    seen = {"observedGeneration": 2, "readyReplicas": 2}
    assert judged(moved, entry, **seen, currentRevision="a", updateRevision="b", updatedReplicas=1)[0] == "waiting"
    assert judged(moved, entry, **seen, currentRevision="b", updateRevision="b")[0] == "arrived"
    assert judged(moved, entry, observedGeneration=2, readyReplicas=1)[1] == "1 of 2 pods are ready"
    moved["spec"]["updateStrategy"] = {"type": "RollingUpdate", "rollingUpdate": {"partition": 1}}
    assert judged(moved, entry, **seen, currentRevision="a", updateRevision="b", updatedReplicas=1)[0] == "arrived"
    moved["spec"]["updateStrategy"] = {"type": "OnDelete"}
    assert judged(moved, entry, observedGeneration=2)[1].endswith("(OnDelete)")


def test_a_daemon_set_arrives_on_every_node() -> None:
    moved, entry = patched(workload("DaemonSet", "agent", CART))
    seen = {"observedGeneration": 2, "desiredNumberScheduled": 3}
    assert judged(moved, entry, **seen, updatedNumberScheduled=1)[1] == "1 of 3 nodes have the new pod"
    assert judged(moved, entry, **seen, updatedNumberScheduled=3, numberAvailable=2)[0] == "waiting"
    assert judged(moved, entry, **seen, updatedNumberScheduled=3, numberAvailable=3)[0] == "arrived"


def test_a_pod_arrives_when_its_container_runs_the_new_image() -> None:
    moved, entry = patched(workload("Pod", "alone", CART))

    def container(image: str, *, ready: bool) -> list[dict[str, Any]]:
        return [{"name": "main", "image": image, "imageID": f"{NEW_HOST}/shop/cart@{DIGEST}"[:30], "ready": ready}]

    assert judged(moved, entry)[0] == "waiting"
    assert judged(moved, entry, containerStatuses=container(CART, ready=True))[1].endswith("runs the old image still")
    assert judged(moved, entry, containerStatuses=container(NEW, ready=False))[1].endswith("is not ready")
    assert judged(moved, entry, containerStatuses=container(NEW, ready=True))[0] == "arrived"


def test_a_custom_resource_arrives_by_its_new_pods_where_it_had_any() -> None:
    item = next(one for one in real_objects("production") if one["kind"] == "RunnerDeployment")
    runner = "tools/runner:1.1.3"
    owner = {"kind": "RunnerDeployment", "name": "x", "uid": item["metadata"]["uid"]}
    pod = workload("Pod", "runner-x", f"{OLD_HOST}/{runner}", namespace="ci", ownerReferences=[owner])
    (entry,) = plan_of(item, pod, pin="tag").entries
    assert entry.runs_pods
    assert judge_rollout(item, [pod], entry).detail == "no pod with the new image was started yet"
    new = workload("Pod", "runner-y", f"{NEW_HOST}/{runner}", namespace="ci")
    assert judge_rollout(item, [new], entry).detail == "0 of 1 new pods are ready"
    new["status"] = {"conditions": [{"type": "Ready", "status": "True"}]}
    assert judge_rollout(item, [new, pod], entry).arrived
    (asleep,) = plan_of(item, pin="tag").entries
    assert judge_rollout(item, [], asleep).arrived


def test_what_starts_nothing_has_arrived_at_once() -> None:
    moved, entry = patched(workload("CronJob", "nightly", CART))
    assert judged(moved, entry) == ("arrived", "")


def test_a_pod_whose_tag_was_resolved_to_the_digest_is_a_new_one() -> None:
    _, entry = patched(deployment("cart", CART))
    assert is_new_pod(pod_of(f"{NEW_HOST}/shop/cart@{DIGEST}"), entry)
    assert not is_new_pod(pod_of(f"{OLD_HOST}/shop/cart@{DIGEST}"), entry)
    assert not is_new_pod(pod_of(f"{NEW_HOST}/shop/cart@sha256:{'e' * 64}"), entry)
    assert not is_new_pod(pod_of("No Reference"), entry)
