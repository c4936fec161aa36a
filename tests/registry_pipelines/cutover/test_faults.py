"""Faults in the middle of a cut-over: a sentence each, nothing half done, the rest goes on, a second run completes."""

from __future__ import annotations

import base64
import json
import os
import random
import re
import signal
from collections.abc import Callable
from typing import Any

import pytest

from registry_core.errors import ClusterError, PartialFailure, RegistryError
from tests.registry_pipelines.cli.calling import call, start
from tests.registry_pipelines.cutover.carrying_out import (
    a_run,
    approved_plan,
    carry_out,
    images_of,
    outcomes,
    roll_back,
)
from tests.registry_pipelines.cutover.estate import NEW_HOST, Estate
from tests.resources.clusters.api_server import Answer
from tests.resources.clusters.changing_server import SECRETS, ChangingCluster

#: No answer at all.
GONE = Answer(how="drop")


def patches_of(estate: Estate) -> list[str]:
    """Names of the workloads that were really patched, in order, a name for each time."""
    return [path.rpartition("/")[2] for server in estate.servers.values() for method, path in server.cluster.changes
            if method == "PATCH"]  # fmt: skip


def test_a_workload_that_changes_between_look_and_patch_is_looked_at_again(estate: Estate) -> None:
    plan = approved_plan(estate)
    cluster, times = estate.cluster(), iter(range(3))

    def meddle(method: str, path: str) -> None:
        if method == "PATCH" and path.endswith("/web") and next(times, None) is not None:
            item = cluster.get("deployments", "health", "web")
            item["metadata"]["resourceVersion"] = cluster.next_version()

    cluster.meddle = meddle
    carry_out(estate, plan)
    assert outcomes(estate, plan)["production/web"] == "changed"
    assert patches_of(estate).count("web") == 2  # one in each cluster


def test_an_image_that_somebody_deploys_between_look_and_patch_is_not_patched_over(estate: Estate) -> None:
    plan = approved_plan(estate)
    cluster = estate.cluster()
    theirs = "registry.example.com/health/web:hotfix"

    def meddle(method: str, path: str) -> None:
        item = cluster.get("deployments", "health", "web")
        container = item["spec"]["template"]["spec"]["containers"][0]
        if method == "PATCH" and path.endswith("/web") and container["image"] != theirs:
            container["image"] = theirs
            cluster.touch(item)

    cluster.meddle = meddle
    carry_out(estate, plan)
    assert "hotfix` and was" in outcomes(estate, plan)["production/web"]
    assert theirs in images_of(estate)["production/deployments/health/web"]


def deploy_one_of_two(estate: Estate, image: str) -> None:
    """The second container of `web` is deployed anew while its rollout is watched."""
    cluster = estate.cluster()
    done: list[str] = []

    def meddle(method: str, path: str) -> None:
        if method == "GET" and path.endswith("deployments/web") and ("PATCH", path) in cluster.changes and not done:
            done.append(path)
            item = cluster.get("deployments", "health", "web")
            item["spec"]["template"]["spec"]["containers"][1]["image"] = image
            cluster.touch(item)

    cluster.meddle = meddle


def test_a_workload_that_is_changed_in_part_while_it_is_watched_is_not_called_spared(estate: Estate) -> None:
    before = images_of(estate)
    cluster = estate.cluster()
    containers = cluster.get("deployments", "health", "web")["spec"]["template"]["spec"]["containers"]
    containers.append({"name": "side", "image": containers[0]["image"]})
    plan = approved_plan(estate)
    deploy_one_of_two(estate, "other.example.com/x:1")
    for _ in range(2):  # a second run knows it still
        with pytest.raises(PartialFailure, match="1 of 18 workloads are not changed"):
            carry_out(estate, plan)
        told = outcomes(estate, plan)["production/web"]
        assert told.startswith("failed: it was patched, and a part of that is left: somebody changed it")
    (left,) = roll_back(estate, plan).left
    assert left.entry.workload.name == "web"
    after = images_of(estate)
    assert {key for key in after if after[key] != before[key]} == {"production/deployments/health/web"}


def test_a_workload_that_is_deployed_anew_while_it_is_watched_is_spared(estate: Estate) -> None:
    plan = approved_plan(estate)
    cluster = estate.cluster()

    def meddle(method: str, path: str) -> None:
        if method == "GET" and path.endswith("deployments/web") and ("PATCH", path) in cluster.changes:
            item = cluster.get("deployments", "health", "web")
            spec = item["spec"]["template"]["spec"]
            spec["containers"][0]["image"] = "other.example.com/x:1"
            spec.pop("imagePullSecrets", None)
            cluster.touch(item)

    cluster.meddle = meddle
    assert carry_out(estate, plan).record.state == "done"
    assert outcomes(estate, plan)["production/web"].startswith("spared: somebody changed it")


def test_a_workload_that_changes_all_the_time_is_left_for_the_next_run(estate: Estate) -> None:
    plan = approved_plan(estate)
    cluster = estate.cluster()

    def meddle(method: str, path: str) -> None:
        if method == "PATCH" and path.endswith("/web"):
            item = cluster.get("deployments", "health", "web")
            item["metadata"]["resourceVersion"] = cluster.next_version()

    cluster.meddle = meddle
    with pytest.raises(PartialFailure, match="1 of 18 workloads are not changed"):
        carry_out(estate, plan)
    assert outcomes(estate, plan)["production/web"].startswith("failed: it changed each of the 8 times")
    cluster.meddle = lambda *_: None
    assert carry_out(estate, plan).record.state == "done"


def test_a_namespace_that_may_not_be_patched_is_told_and_the_rest_goes_on(estate: Estate) -> None:
    plan = approved_plan(estate)
    estate.cluster().denied.add(("patch", "deployments", "health"))
    with pytest.raises(PartialFailure, match="2 of 18 workloads are not changed"):
        carry_out(estate, plan)
    told = outcomes(estate, plan)
    assert told["production/web"].startswith("refused by cluster: ")
    assert (
        'bind a Role with {apiGroups: ["apps"], resources: ["deployments"], verbs: ["patch"]}' in told["production/web"]
    )
    assert sum(word == "changed" for word in told.values()) == plan.counted - 2
    before = patches_of(estate)
    estate.cluster().denied.clear()
    assert carry_out(estate, plan).counts["changed"] == plan.counted
    assert sorted(patches_of(estate)) == sorted([*before, "web", "worker"])


def test_workloads_that_may_not_be_read_or_watched_are_not_half_done(estate: Estate) -> None:
    plan = approved_plan(estate)
    estate.cluster("staging").denied |= {
        ("get", "statefulsets", "shop"),
        ("list", "pods", "ci"),
        ("list", "pods", "ops"),
    }
    with pytest.raises(PartialFailure, match="not changed"):
        carry_out(estate, plan)
    told = outcomes(estate, plan)
    assert "we may not get statefulsets in the namespace shop" in told["staging/queue"]
    assert "refused by cluster" in told["staging/blog-runners"]
    assert "blog-runners" not in patches_of(estate)
    # The status of a DaemonSet tells enough without its pods.
    assert told["staging/node-agent"] == "changed"


def test_an_admission_rule_that_writes_something_else_is_told(estate: Estate) -> None:
    plan = approved_plan(estate)

    def rewrite(item: dict[str, Any]) -> None:
        if item["metadata"]["name"] == "web":
            item["spec"]["template"]["spec"]["containers"][0]["image"] = "mirror.example.com/health/web:1"

    estate.cluster().admission = rewrite
    with pytest.raises(PartialFailure):
        carry_out(estate, plan)
    assert outcomes(estate, plan)["production/web"].startswith("failed: an admission rule of the cluster wrote")
    assert [one.entry.workload.name for one in roll_back(estate, plan).left] == ["web"]


def test_a_secret_that_is_somebody_elses_is_left_alone_and_so_are_its_workloads(estate: Estate) -> None:
    plan = approved_plan(estate)
    theirs: dict[str, Any] = {
        "apiVersion": "v1", "kind": "Secret", "type": "Opaque", "data": {"token": "c2VjcmV0"},
        "metadata": {"name": "new-pull", "namespace": "shop", "uid": "theirs"},
    }  # fmt: skip
    estate.cluster().listed(SECRETS).append(json.loads(json.dumps(theirs)))
    with pytest.raises(PartialFailure, match="not changed"):
        carry_out(estate, plan)
    told = outcomes(estate, plan)
    assert "is somebody else's" in told["production/cart"]
    assert "c2VjcmV0" not in json.dumps(told)
    assert (told["production/web"], told["staging/cart"]) == ("changed", "changed")
    assert theirs in estate.cluster().listed(SECRETS)
    roll_back(estate, plan)
    assert theirs in estate.cluster().listed(SECRETS)


def test_a_secret_of_somebody_else_that_knows_the_registry_will_do(estate: Estate) -> None:
    plan = approved_plan(estate)
    config = base64.b64encode(json.dumps({"auths": {f"https://{NEW_HOST}": {"auth": "eDp5"}}}).encode()).decode()
    theirs = {
        "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/dockerconfigjson",
        "data": {".dockerconfigjson": config}, "metadata": {"name": "new-pull", "namespace": "shop", "uid": "theirs"},
    }  # fmt: skip
    estate.cluster().listed(SECRETS).append(theirs)
    assert carry_out(estate, plan).record.state == "done"
    assert theirs["data"] == {".dockerconfigjson": config}


def test_our_own_secret_gets_the_newest_login(estate: Estate, monkeypatch: pytest.MonkeyPatch) -> None:
    carry_out(estate, approved_plan(estate))
    cart = estate.cluster().get("deployments", "shop", "cart")
    cart["spec"]["template"]["spec"]["containers"][0]["image"] = "registry.example.com/shop/cart:production"
    monkeypatch.setenv("PULL_PASSWORD", "rotated")
    carry_out(estate, approved_plan(estate))
    secret = estate.cluster().get("secrets", "shop", "new-pull")
    assert "rotated" in base64.b64decode(secret["data"][".dockerconfigjson"]).decode()


def test_a_cluster_that_goes_away_stops_alone_and_a_second_run_completes(estate: Estate) -> None:
    before = images_of(estate)
    plan = approved_plan(estate)
    server, seen = estate.servers["production"], []

    def meddle(method: str, path: str) -> None:
        if method == "PATCH":
            seen.append(path)
            if len(seen) == 3:
                server.cluster.always["*"] = GONE

    server.cluster.meddle = meddle
    with pytest.raises(ClusterError) as caught:
        carry_out(estate, plan)
    assert caught.value.retryable
    told = outcomes(estate, plan)
    staging = [entry.workload.name for entry in plan.entries if entry.workload.cluster == "staging"]
    assert {told.get(f"staging/{name}") for name in staging} == {"changed"}
    assert sum(word == "changed" for name, word in told.items() if name.startswith("production")) == 2
    server.cluster.always.clear()
    server.cluster.meddle = lambda *_: None
    assert carry_out(estate, plan).counts["changed"] == plan.counted
    assert len(patches_of(estate)) == plan.counted  # nothing was patched twice
    roll_back(estate, plan)
    assert images_of(estate) == before


def test_an_answer_that_is_lost_does_not_patch_twice(estate: Estate) -> None:
    plan = approved_plan(estate)
    cluster = estate.cluster()
    dropped: list[str] = []

    def after(method: str, path: str) -> None:
        # The look that follows the patch of `web` finds the new image: the patch had been done, its answer lost.
        if method == "PATCH" and path.endswith("deployments/web") and not dropped:
            dropped.append(path)
            item = cluster.get("deployments", "health", "web")
            entry = next(one for one in plan.entries if one.workload.name == "web")
            item["spec"]["template"]["spec"]["containers"][0]["image"] = entry.images[0].new
            item["spec"]["template"]["spec"]["imagePullSecrets"].append({"name": "new-pull"})
            cluster.touch(item)

    cluster.meddle = after
    carry_out(estate, plan)
    assert outcomes(estate, plan)["production/web"] == "changed"
    assert patches_of(estate).count("web") == 1  # that of staging


def test_a_destination_that_goes_away_patches_nothing_more(estate: Estate) -> None:
    plan = approved_plan(estate)
    cluster, seen = estate.cluster(), []

    def meddle(method: str, path: str) -> None:
        if method == "PATCH":
            seen.append(path)
            if len(seen) == 2:
                estate.new.stop()

    cluster.meddle = meddle
    with pytest.raises(RegistryError) as caught:
        carry_out(estate, plan)
    assert (caught.value.fault, caught.value.retryable) == ("unreachable", True)
    assert len(patches_of(estate)) == 2
    assert list(outcomes(estate, plan).values()) == ["changed", "changed"]


def test_a_run_that_is_killed_is_gone_on_with_and_nothing_is_done_twice(estate: Estate) -> None:
    before = images_of(estate)
    estate.configure(move={"look_every": "0s"})
    plan = approved_plan(estate)
    cluster, killed = estate.cluster(), []
    command = start("--config", estate.site_file, "cutover", "execute", plan.fingerprint)

    def meddle(method: str, path: str) -> None:
        # In the middle of the rollout of the third workload: patched, recorded, and nobody knows the outcome.
        if method == "GET" and len(patches_of(estate)) == 3 and not killed:
            killed.append(path)
            os.kill(command.pid, signal.SIGKILL)
            command.wait()

    cluster.meddle = meddle
    _, errors = command.communicate(timeout=120)
    assert killed, errors
    assert "unknown" in outcomes(estate, plan).values()
    cluster.meddle = lambda *_: None
    ended = call("--config", estate.site_file, "cutover", "execute", plan.fingerprint, "--json")
    assert ended.code == 0, ended.err
    assert {row["outcome"] for row in json.loads(ended.out)} == {"changed"}
    assert len(patches_of(estate)) == plan.counted
    back = call("--config", estate.site_file, "cutover", "rollback", plan.fingerprint, "--json")
    assert back.code == 0, back.err
    assert len(json.loads(back.out)) == plan.counted
    assert images_of(estate) == before


def test_a_run_that_is_killed_before_it_put_a_workload_back_is_put_back_by_the_next(estate: Estate) -> None:
    before = images_of(estate)
    plan = approved_plan(estate)
    cluster = estate.cluster()
    cluster.pull_trouble = lambda image: "ErrImagePull" if f"{NEW_HOST}/health/web" in image else None
    web: list[str] = []

    def meddle(method: str, path: str) -> None:
        if method == "PATCH" and path.endswith("deployments/web"):
            web.append(path)
            if len(web) == 2:  # the way back
                cluster.always["*"] = GONE

    cluster.meddle = meddle
    with pytest.raises(ClusterError):
        carry_out(estate, plan, a_run(run_id="killed"))
    assert set(outcomes(estate, plan)) == {"production/web"}  # nothing more was changed, in no cluster
    cluster.always.clear()
    assert any(NEW_HOST in text for text in images_of(estate)["production/deployments/health/web"])
    cluster.meddle = lambda *_: None
    with pytest.raises(PartialFailure, match="it has its old images again"):
        carry_out(estate, plan)
    assert images_of(estate)["production/deployments/health/web"] == before["production/deployments/health/web"]


@pytest.mark.parametrize("seed", range(4))
def test_whatever_fails_on_the_way_it_completes_patches_once_and_can_be_returned(estate: Estate, seed: int) -> None:
    before, chance = images_of(estate), random.Random(seed)
    plan = approved_plan(estate)

    def meddle(cluster: ChangingCluster) -> Callable[[str, str], None]:
        def trouble(method: str, _path: str) -> None:
            lucky = chance.random() < 0.8
            cluster.always = {} if lucky else {"*": chance.choice([GONE, Answer(500), Answer(503), Answer(429)])}

        return trouble

    for server in estate.servers.values():
        server.cluster.meddle = meddle(server.cluster)
    for _ in range(30):
        try:
            done = carry_out(estate, plan)
            break
        except (ClusterError, PartialFailure):
            continue
    assert done.counts["changed"] == plan.counted
    assert len(patches_of(estate)) == plan.counted
    for _ in range(30):
        if not roll_back(estate, plan).left:
            break
    assert images_of(estate) == before
    assert len(patches_of(estate)) == 2 * plan.counted


def test_commands_end_with_the_codes_that_they_promise(estate: Estate) -> None:
    estate.configure(move={"look_every": "0s"})
    plan = approved_plan(estate)
    estate.cluster().pull_trouble = lambda image: "ImagePullBackOff" if f"{NEW_HOST}/shop/cart" in image else None
    ended = call("--config", estate.site_file, "cutover", "execute", plan.fingerprint[:10])
    assert ended.code == 4
    assert re.search(r"\d+ workloads of 18 changed to new", ended.out)
    assert "its rollout failed" in ended.err
    assert call("--config", estate.site_file, "cutover", "execute", plan.fingerprint).code == 3
    other = call("--config", estate.site_file, "journal", plan.fingerprint)
    assert (other.code, "1 put back" in other.err) == (0, True)
    rows = json.loads(call("--config", estate.site_file, "cutover", "journal", plan.fingerprint, "--json").out)
    assert {"changed", "put back", "not begun"} == {row["outcome"] for row in rows}
