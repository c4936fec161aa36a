"""What the status of a pod says of its images, in the words of several runtimes."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from registry_core.inventory import ImageUse
from registry_core.workload_kinds import BUILT_IN
from registry_core.workloads import Surroundings, image_uses

SAMPLES = Path(__file__).resolve().parents[3] / "shared/fixtures/kubernetes/image_status_samples.json"
POD = BUILT_IN[-1]
DIGEST = "sha256:" + "d" * 64
CREATED = datetime(2026, 1, 1, tzinfo=UTC)
STARTED = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def pod(status: Any = None, image: str = "ghcr.io/acme/web:1", **spec: Any) -> dict[str, Any]:
    item: dict[str, Any] = {
        "metadata": {"name": "web-1", "namespace": "shop", "creationTimestamp": "2026-01-01T00:00:00Z"},
        "spec": {"nodeName": "n1", "containers": [{"name": "web", "image": image}], **spec},
    }
    return item if status is None else {**item, "status": status}


def only(item: dict[str, Any]) -> ImageUse:
    (row,) = image_uses(item, POD, Surroundings("production", {"n1": "linux/arm64"}))
    return row


def one_status(**status: Any) -> dict[str, Any]:
    return {"phase": "Running", "containerStatuses": [{"name": "web", **status}]}


def test_a_running_container_says_since_when_and_what_the_runtime_took() -> None:
    row = only(pod(one_status(
        image="ghcr.io/acme/web:1", imageID=f"ghcr.io/acme/web@{DIGEST}",
        state={"running": {"startedAt": "2026-01-02T03:04:05Z"}},
        lastState={"terminated": {"reason": "OOMKilled", "finishedAt": "2026-01-02T03:00:00Z"}},
    )))  # fmt: skip
    assert (row.state, row.reason, row.since) == ("running", None, STARTED)
    assert (row.status_image, row.status_digest, row.status_repository) == (
        "ghcr.io/acme/web:1", DIGEST, "ghcr.io/acme/web",
    )  # fmt: skip
    assert (row.node, row.platform, row.replicas) == ("n1", "linux/arm64", None)


@pytest.mark.parametrize("reason", ["ImagePullBackOff", "ErrImagePull", "InvalidImageName"])
def test_a_container_that_waits_for_its_image_says_why_in_the_words_of_the_runtime(reason: str) -> None:
    row = only(pod(one_status(image="x", imageID="", state={"waiting": {"reason": reason, "message": "not found"}})))
    assert (row.state, row.reason, row.message, row.since) == ("waiting", reason, "not found", CREATED)
    assert row.status_digest is None


def test_a_long_message_is_cut_at_a_thousand_characters() -> None:
    row = only(pod(one_status(state={"waiting": {"reason": "ErrImagePull", "message": "ä\0" * 5_000}})))
    assert row.message is not None
    assert len(row.message) == 1_000
    assert "\0" not in row.message


def test_a_container_that_ended_says_when() -> None:
    ended = {"reason": "Completed", "exitCode": 0, "finishedAt": "2026-01-02T03:04:05Z"}
    row = only(pod(one_status(imageID=DIGEST, state={"terminated": ended})))
    assert (row.state, row.reason, row.since) == ("terminated", "Completed", STARTED)
    assert (row.status_digest, row.status_repository) == (DIGEST, None)


@pytest.mark.parametrize("status", [None, {}, {"phase": "Pending"}, {"containerStatuses": None}])
def test_a_pod_without_statuses_is_unknown_and_its_images_are_rows_all_the_same(status: Any) -> None:
    row = only(pod(status))
    assert (row.state, row.reason, row.since, row.status_digest) == ("unknown", None, CREATED, None)
    assert row.repository == "acme/web"


def test_a_pod_that_no_node_takes_says_so() -> None:
    condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3 nodes"}
    row = only(pod({"phase": "Pending", "conditions": [condition]}))
    assert (row.state, row.reason, row.message) == ("unknown", "Unschedulable", "0/3 nodes")


def test_an_evicted_pod_says_so() -> None:
    row = only(pod({"phase": "Failed", "reason": "Evicted", "message": "low on resource: memory"}))
    assert (row.state, row.reason) == ("unknown", "Evicted")


def test_a_container_that_the_status_does_not_name_yet_is_unknown() -> None:
    item = pod(one_status(state={"running": {}}))
    item["spec"]["containers"].append({"name": "late", "image": "busybox"})
    rows = image_uses(item, POD, Surroundings("production"))
    assert [row.state for row in rows] == ["running", "unknown"]


def test_init_and_ephemeral_containers_have_statuses_of_their_own() -> None:
    item = pod(
        {
            "containerStatuses": [{"name": "web", "state": {"waiting": {"reason": "PodInitializing"}}}],
            "initContainerStatuses": [{"name": "web", "state": {"terminated": {"reason": "Completed"}}}],
            "ephemeralContainerStatuses": [{"name": "debug", "state": {"running": {}}}],
        },
        initContainers=[{"name": "web", "image": "busybox"}],
        ephemeralContainers=[{"name": "debug", "image": "busybox"}],
    )
    rows = image_uses(item, POD, Surroundings("production"))
    assert [(row.container_kind, row.state) for row in rows] == [
        ("init", "terminated"), ("container", "waiting"), ("ephemeral", "running"),
    ]  # fmt: skip


def test_a_status_may_name_another_image_than_was_asked_for_and_both_stand() -> None:
    row = only(pod(one_status(image="docker.io/library/test:staging", imageID=f"docker.io/library/test@{DIGEST}")))
    assert row.reference == "ghcr.io/acme/web:1"
    assert row.repository == "acme/web"
    assert (row.status_image, row.status_repository) == ("docker.io/library/test:staging", "docker.io/library/test")


def test_a_bare_digest_as_status_image_serves_where_the_image_id_is_empty() -> None:
    assert only(pod(one_status(image=DIGEST, imageID=""))).status_digest == DIGEST
    assert only(pod(one_status(image=DIGEST, imageID=f"a.io/b@sha256:{'e' * 64}"))).status_digest != DIGEST


def test_an_image_volume_says_which_digest_was_mounted_where_the_kubelet_tells() -> None:
    mounts = [{"name": "model", "volumeStatus": {"image": {"imageRef": f"ghcr.io/acme/model@{DIGEST}"}}}]
    item = pod(
        one_status(state={"running": {}}, volumeMounts=mounts),
        volumes=[{"name": "model", "image": {"reference": "ghcr.io/acme/model:1"}}],
    )
    volume = next(row for row in image_uses(item, POD, Surroundings("c")) if row.container_kind == "volume")
    assert (volume.container, volume.state, volume.status_digest) == ("model", "running", DIGEST)


def test_pods_of_finished_jobs_are_rows() -> None:
    for phase in ("Succeeded", "Failed"):
        assert only(pod({"phase": phase})).repository == "acme/web"


@pytest.mark.skipif(not SAMPLES.is_file(), reason="the shared fixtures are not beside this checkout")
def test_every_pair_of_image_and_image_id_seen_in_the_field_is_understood() -> None:
    samples = json.loads(SAMPLES.read_text())["samples"]
    assert samples
    for sample in samples:
        row = only(pod(one_status(image=sample["image"], imageID=sample["imageID"]), sample.get("spec_image", "x")))
        expected = sample["imageID"].rpartition("@")[2] or None
        assert row.status_digest == expected, sample
        assert row.status_image == sample["image"]
        named = sample["imageID"].rpartition("@")[0].removeprefix("docker-pullable://") or None
        assert row.status_repository == named, sample
