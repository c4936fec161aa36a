"""A cut-over changes workload by workload, records before it patches, watches, and can be returned whole."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from assets.taking.catalog import take_catalog
from registry_core.cutover import CutoverPlan
from registry_core.errors import ApprovalMissing, ConfigError, PartialFailure, Refused
from registry_pipelines.cutover.execution import RolloutFailed
from tests.image_builder import make_image, push
from tests.kubernetes import OLD_HOST, deployment, workload
from tests.registry_pipelines.cutover.carrying_out import (
    Time,
    a_run,
    approved_plan,
    carry_out,
    images_of,
    outcomes,
    roll_back,
)
from tests.registry_pipelines.cutover.estate import NEW_HOST, OLD, PASSWORD, Estate
from tests.resources.clusters.changing_server import PODS, SECRETS


def test_everything_planned_is_changed_and_nothing_else(estate: Estate) -> None:
    before = images_of(estate)
    plan = approved_plan(estate)
    done = carry_out(estate, plan)
    assert (done.record.state, done.counts["changed"]) == ("done", plan.counted)
    assert set(outcomes(estate, plan).values()) == {"changed"}
    after = images_of(estate)
    planned = {
        f"{one.cluster}/{one.plural}/{one.namespace}/{one.name}" for one in (entry.workload for entry in plan.entries)
    }
    for key, texts in after.items():
        assert (texts != before[key]) is (key in planned), key
        if key in planned:
            assert not any(text.startswith(OLD_HOST) for text in texts)
            assert "secret new-pull" in texts
            assert "secret registry-pull" in texts  # what was there stays
    pods = [pod for server in estate.servers.values() for pod in server.cluster.listed(PODS)]
    new = [pod for pod in pods if NEW_HOST in json.dumps(pod["spec"])]
    assert len(new) > 15
    assert all(pod["status"]["phase"] == "Running" for pod in new)


def test_pull_secrets_are_made_from_the_named_login(estate: Estate) -> None:
    plan = approved_plan(estate)
    carry_out(estate, plan)
    made = [secret for server in estate.servers.values() for secret in server.cluster.listed(SECRETS)]
    assert {(one["metadata"]["namespace"], one["type"]) for one in made} == {
        (secret.namespace, "kubernetes.io/dockerconfigjson") for secret in plan.pull_secrets
    }
    content = json.loads(base64.b64decode(made[0]["data"][".dockerconfigjson"]))
    assert content["auths"][NEW_HOST]["password"] == PASSWORD
    assert made[0]["metadata"]["labels"] == {"app.kubernetes.io/managed-by": "registry-pipelines"}
    with estate.connections() as connections:
        journal = connections.ledger.cutovers.frame(plan.fingerprint).to_json()
    assert PASSWORD not in journal


def test_what_was_is_recorded_before_each_patch(estate: Estate) -> None:
    plan = approved_plan(estate)
    recorded_first = []

    def look(method: str, path: str) -> None:
        if method == "PATCH":
            with estate.connections() as connections:
                lines = connections.ledger.cutovers.lines(plan.fingerprint)
            name = path.rpartition("/")[2]
            recorded_first.append(any(
                plan.entries[line.position].workload.name == name and line.before is not None and line.outcome is None
                for line in lines.values()
            ))  # fmt: skip

    for server in estate.servers.values():
        server.cluster.meddle = look
    carry_out(estate, plan)
    assert len(recorded_first) == plan.counted
    assert all(recorded_first)
    with estate.connections() as connections:
        line = connections.ledger.cutovers.lines(plan.fingerprint)[0]
    assert line.before is not None
    assert line.before["images"] == {change.path: change.old for change in plan.entries[0].images}
    assert line.before["imagePullSecrets"] == {"/spec/template/spec": ["registry-pull"]}


def test_a_plan_that_nobody_approved_or_that_was_used_changes_nothing(estate: Estate) -> None:
    plan = approved_plan(estate)
    carry_out(estate, plan)
    changes = len(estate.cluster().changes)
    with pytest.raises(ApprovalMissing, match="was used already"):
        carry_out(estate, plan)
    assert len(estate.cluster().changes) == changes


def test_a_cut_over_and_its_rollback_leave_everything_as_it_was(estate: Estate) -> None:
    before = images_of(estate)
    plan = approved_plan(estate)
    carry_out(estate, plan)
    assert images_of(estate) != before
    rollback = roll_back(estate, plan)
    assert (len(rollback.returned), rollback.left) == (plan.counted, ())
    assert images_of(estate) == before
    assert roll_back(estate, plan).returned == ()


def test_a_rollback_takes_away_the_secrets_that_it_made_once_nobody_names_them(estate: Estate) -> None:
    plan = approved_plan(estate)
    carry_out(estate, plan)
    notes = roll_back(estate, plan).notes
    assert any("still name the pull secret new-pull, so it stays" in note for note in notes)
    for server in estate.servers.values():
        server.cluster.listed(PODS).clear()  # as if the old pods were back
    assert roll_back(estate, plan).notes == ()
    assert not [secret for server in estate.servers.values() for secret in server.cluster.listed(SECRETS)]


def test_a_workload_that_somebody_changed_after_the_cut_over_is_not_rolled_over(estate: Estate) -> None:
    plan = approved_plan(estate)
    carry_out(estate, plan)
    web = estate.cluster().get("deployments", "health", "web")
    web["spec"]["template"]["spec"]["containers"][0]["image"] = f"{NEW_HOST}/health/web:2"
    rollback = roll_back(estate, plan)
    (left,) = rollback.left
    assert left.entry.workload.name == "web"
    assert "somebody changed it since the plan" in str(left)
    assert f"{NEW_HOST}/health/web:2" in json.dumps(web)


def test_a_rollout_that_cannot_pull_is_put_back_and_the_run_stops(estate: Estate) -> None:
    before = images_of(estate)
    plan = approved_plan(estate)
    estate.cluster().pull_trouble = lambda image: "ImagePullBackOff" if f"{NEW_HOST}/shop/cart" in image else None
    with pytest.raises(RolloutFailed, match="ImagePullBackOff: as told by the test; it has its old images again"):
        carry_out(estate, plan)
    told = outcomes(estate, plan)
    position = next(n for n, entry in enumerate(plan.entries) if entry.workload.name == "cart")
    done, rest = plan.entries[:position], plan.entries[position + 1 :]
    assert all(told[f"production/{entry.workload.name}"] == "changed" for entry in done)
    assert told["production/cart"].startswith("put back: its rollout failed: the pod cart-g2-0 cannot pull")
    assert not set(told) & {f"{entry.workload.cluster}/{entry.workload.name}" for entry in rest}
    assert images_of(estate)["production/deployments/shop/cart"] == before["production/deployments/shop/cart"]
    with estate.connections() as connections:
        record = connections.ledger.record(plan.fingerprint)
    assert record.state == "stopped"
    roll_back(estate, plan)
    assert images_of(estate) == before


def test_a_rollout_that_never_gets_ready_is_put_back_after_its_time(estate: Estate) -> None:
    before = images_of(estate)
    plan = approved_plan(estate)
    estate.cluster().never_ready.add("web")
    time = Time()
    with pytest.raises(RolloutFailed, match="after 600 seconds: 1 of 3 pods are new"):
        carry_out(estate, plan, a_run(time))
    assert time.now >= 600
    assert images_of(estate)["production/deployments/health/web"] == before["production/deployments/health/web"]


def test_what_changed_since_the_plan_is_spared(estate: Estate) -> None:
    plan = approved_plan(estate)
    cluster = estate.cluster()
    cluster.remove("deployments", "shop", "legacy-import")
    cart = cluster.get("deployments", "shop", "cart")
    cart["spec"]["template"]["spec"]["containers"][0]["image"] = f"{OLD_HOST}/shop/cart:2026"
    cluster.get("deployments", "health", "web")["metadata"]["uid"] = "made anew"
    done = carry_out(estate, plan)
    told = outcomes(estate, plan)
    assert told["production/legacy-import"] == "spared: it was deleted since the plan"
    assert told["production/cart"].startswith("spared: somebody changed it since the plan")
    assert told["production/web"] == "spared: it was deleted and made anew since the plan"
    assert (done.record.state, done.counts["spared"]) == ("done", 3)
    assert f"{OLD_HOST}/shop/cart:2026" in json.dumps(cart)


def test_what_the_destination_lost_since_the_plan_is_spared(estate: Estate) -> None:
    estate.configure(move={"pin": "tag"})
    plan = approved_plan(estate)
    push(estate.new.layout, "shop/cart", make_image([b"moved"]), "production")
    estate.new.layout.delete_manifest("ops/reproducible", plan_digest(plan, "queue"))
    carry_out(estate, plan)
    told = outcomes(estate, plan)
    assert told["production/cart"].startswith(f"spared: the tag of {NEW_HOST}/shop/cart:production was moved")
    assert told["production/queue"].startswith("spared: new cannot be seen to serve")


def plan_digest(plan: CutoverPlan, name: str) -> str:
    return next(entry.images[0].digest for entry in plan.entries if entry.workload.name == name)


def test_a_bare_pod_is_changed_in_place(estate: Estate) -> None:
    pod = workload("Pod", "alone", f"{OLD_HOST}/health/web:1.4.1")
    estate.cluster().add(pod)
    estate.configure(move={"pull_secret": None})
    plan = approved_plan(estate)
    carry_out(estate, plan)
    assert outcomes(estate, plan)["production/alone"] == "changed"


def test_a_configuration_that_says_something_else_by_now_is_refused(estate: Estate) -> None:
    plan = approved_plan(estate)
    estate.configure(move={"to": "old", "from": "new"})
    with pytest.raises(Refused, match="was changed or removed in the configuration since the plan"):
        carry_out(estate, plan)
    assert not estate.cluster().changes


@pytest.mark.parametrize("changes", [{"hosts": ["elsewhere.example.com"]}, {"url": "http://127.0.0.1:9"}])
def test_a_destination_that_is_another_registry_by_now_is_refused(estate: Estate, changes: dict[str, Any]) -> None:
    plan = approved_plan(estate)
    registries = json.loads(estate.site_file.read_text())["registries"]
    estate.configure(registries={**registries, "new": {**registries["new"], **changes}})
    with pytest.raises(Refused, match="nobody looked whether it serves these images"):
        carry_out(estate, plan)
    assert not estate.cluster().changes


def test_a_failover_needs_nothing_of_the_lost_registry(estate: Estate) -> None:
    with estate.connections() as connections:
        take_catalog(connections, OLD)
    estate.old.stop()
    before = images_of(estate)
    plan = approved_plan(estate)
    assert carry_out(estate, plan).counts["changed"] == plan.counted == 18
    assert all("@sha256:" in change.new for entry in plan.entries for change in entry.images)
    roll_back(estate, plan)
    assert images_of(estate) == before


def test_what_cannot_be_done_at_all_is_said_before_anything_is(estate: Estate, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = approved_plan(estate)
    monkeypatch.delenv("PULL_PASSWORD")
    with pytest.raises(ConfigError, match="PULL_PASSWORD is not set"):
        carry_out(estate, plan)
    server, token = estate.servers["production"], str(estate.root / "token")
    dump = str(estate.root / "company" / "clusters" / "staging")
    estate.configure(
        clusters={"production": {"server": server.url, "token": {"file": token}}, "staging": {"dump": dump}}
    )
    with pytest.raises(Refused, match="the cluster staging is read from a dump"):
        carry_out(estate, plan)
    assert not any(server.cluster.changes for server in estate.servers.values())


def test_a_rollback_waits_for_no_run_that_is_alive(estate: Estate) -> None:
    plan = approved_plan(estate)
    estate.cluster().denied.add(("patch", "deployments", "health"))
    with pytest.raises(PartialFailure):
        carry_out(estate, plan)
    with estate.connections() as connections:
        claim = a_run(run_id="somebody")
        connections.ledger.claim(
            plan.fingerprint, claim.run_id, CutoverPlan, rules=claim.rules, holder_is_alive=lambda _: False
        )
    with pytest.raises(Refused, match="the run somebody carries out the plan"):
        roll_back(estate, plan, a_run(holder_is_alive=lambda _: True))
    assert roll_back(estate, plan).returned


def test_a_deployment_scaled_to_zero_needs_no_pods(estate: Estate) -> None:
    item = deployment("asleep", f"{OLD_HOST}/health/web:1.4.1")
    item["spec"]["replicas"] = 0
    estate.cluster().add(item)
    plan = approved_plan(estate)
    carry_out(estate, plan)
    assert outcomes(estate, plan)["production/asleep"] == "changed"
