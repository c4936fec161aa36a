"""The way back is for the moment when things go wrong: it ends the plan, and nothing keeps it from the rest."""

from __future__ import annotations

import json
from typing import Any

import pytest

from registry_core.errors import ApprovalMissing, DatabaseError, PartialFailure, Refused
from resources.database.cutover_journal import CutoverJournal
from tests.registry_pipelines.cutover.carrying_out import (
    a_run,
    approved_plan,
    carry_out,
    images_of,
    roll_back,
)
from tests.registry_pipelines.cutover.estate import NEW_HOST, Estate
from tests.registry_pipelines.cutover.test_faults import GONE, patches_of


def at_the_new_place(estate: Estate) -> list[str]:
    return [key for key, texts in images_of(estate).items() if any(NEW_HOST in text for text in texts)]


def change_the_file(estate: Estate, **changes: Any) -> None:
    """Write other sections into the site's file, as a person would between plan and rollback."""
    estate.site_file.write_text(json.dumps({**json.loads(estate.site_file.read_text()), **changes}))


def test_a_plan_that_was_rolled_back_is_not_carried_out_again(estate: Estate) -> None:
    before = images_of(estate)
    plan = approved_plan(estate)
    estate.cluster().denied.add(("patch", "deployments", "health"))
    with pytest.raises(PartialFailure):
        carry_out(estate, plan)
    estate.cluster().denied.clear()
    assert roll_back(estate, plan).left == ()
    with estate.connections() as connections:
        record = connections.ledger.record(plan.fingerprint)
    assert (record.state, record.why.partition(" run ")[0]) == ("stopped", "rolled back by")
    with pytest.raises(ApprovalMissing, match="was used already"):
        carry_out(estate, plan)
    assert images_of(estate) == before


def test_no_run_goes_on_with_a_plan_while_it_is_rolled_back(estate: Estate) -> None:
    before = images_of(estate)
    plan = approved_plan(estate)
    estate.cluster().denied.add(("patch", "deployments", "health"))
    with pytest.raises(PartialFailure):
        carry_out(estate, plan)
    estate.cluster().denied.clear()
    refused: list[Exception] = []

    def meddle(method: str, path: str) -> None:
        if method == "PATCH" and not refused:
            with pytest.raises((ApprovalMissing, Refused)) as caught:
                carry_out(estate, plan)
            refused.append(caught.value)

    estate.cluster("staging").meddle = meddle
    assert roll_back(estate, plan).left == ()
    assert refused
    assert images_of(estate) == before


def test_a_run_that_was_taken_for_dead_changes_nothing_after_the_rollback(estate: Estate) -> None:
    before = images_of(estate)
    plan = approved_plan(estate)
    returned: list[bool] = []

    def pause(_: float) -> None:
        # In the middle of a rollout.
        if len(patches_of(estate)) >= 3 and not returned:
            returned.append(True)
            assert roll_back(estate, plan, a_run(holder_is_alive=lambda _: False)).left == ()

    with pytest.raises(Refused, match="no longer holds the plan"):
        carry_out(estate, plan, a_run(pause=pause))
    assert returned
    assert images_of(estate) == before


def test_a_plan_that_nobody_has_begun_stays_approved(estate: Estate) -> None:
    plan = approved_plan(estate)
    assert roll_back(estate, plan).returned == ()
    with estate.connections() as connections:
        assert connections.ledger.record(plan.fingerprint).state == "approved"


def test_a_cluster_that_left_the_file_keeps_no_other_from_being_returned(estate: Estate) -> None:
    before = images_of(estate)
    plan = approved_plan(estate)
    carry_out(estate, plan)
    whole = json.loads(estate.site_file.read_text())
    only = {"production": whole["clusters"]["production"]}
    move = {**whole["cutovers"]["move"], "clusters": ["production"]}
    change_the_file(estate, clusters=only, cutovers={"move": move})
    rollback = roll_back(estate, plan)
    assert {one.entry.workload.cluster for one in rollback.left} == {"staging"}
    assert "staging" in str(rollback.left[0])
    assert all(key.startswith("staging/") for key in at_the_new_place(estate))
    change_the_file(estate, **whole)
    assert roll_back(estate, plan).left == ()
    assert images_of(estate) == before


def test_a_cluster_that_is_only_a_dump_by_now_keeps_no_other_from_being_returned(estate: Estate) -> None:
    plan = approved_plan(estate)
    carry_out(estate, plan)
    clusters = json.loads(estate.site_file.read_text())["clusters"]
    dump = str(estate.root / "company" / "clusters" / "staging")
    change_the_file(estate, clusters={**clusters, "staging": {"dump": dump}})
    rollback = roll_back(estate, plan)
    assert all("is read from a dump" in str(one) for one in rollback.left)
    assert at_the_new_place(estate)
    assert all(key.startswith("staging/") for key in at_the_new_place(estate))


def test_the_cut_over_may_be_gone_from_the_file(estate: Estate) -> None:
    before = images_of(estate)
    plan = approved_plan(estate)
    carry_out(estate, plan)
    registries = json.loads(estate.site_file.read_text())["registries"]
    change_the_file(estate, cutovers={}, registries={"old": registries["old"]})
    assert roll_back(estate, plan).left == ()
    assert images_of(estate) == before


def test_a_cluster_that_is_away_is_not_asked_for_every_workload(estate: Estate) -> None:
    before = images_of(estate)
    plan = approved_plan(estate)
    carry_out(estate, plan)
    asked: list[str] = []
    staging = estate.cluster("staging")
    staging.always["*"], staging.meddle = GONE, lambda method, path: asked.append(path)
    rollback = roll_back(estate, plan)
    workloads = {entry.workload.name for entry in plan.entries if entry.workload.cluster == "staging"}
    assert {one.entry.workload.name for one in rollback.left} == workloads
    assert len(set(asked)) == 3
    assert "did not answer 3 times in a row" in str(rollback.left[-1])
    assert all(key.startswith("staging/") for key in at_the_new_place(estate))
    staging.always.clear()
    assert roll_back(estate, plan).left == ()
    assert images_of(estate) == before


def test_an_admission_rule_that_writes_the_new_images_again_is_told(estate: Estate) -> None:
    plan = approved_plan(estate)
    carry_out(estate, plan)
    entry = next(one for one in plan.entries if one.workload.name == "web")

    def rewrite(item: dict[str, Any]) -> None:
        if item["metadata"]["name"] == "web":
            item["spec"]["template"]["spec"]["containers"][0]["image"] = entry.images[0].new

    estate.cluster().admission = rewrite
    (left,) = roll_back(estate, plan).left
    assert str(left).endswith("an admission rule of the cluster wrote something else: the new images again")
    estate.cluster().admission = lambda _: None
    assert roll_back(estate, plan).left == ()


def test_a_pull_secret_that_somebody_added_since_stays(estate: Estate) -> None:
    plan = approved_plan(estate)
    carry_out(estate, plan)
    web = estate.cluster().get("deployments", "health", "web")
    web["spec"]["template"]["spec"]["imagePullSecrets"].append({"name": "theirs"})
    assert roll_back(estate, plan).left == ()
    web = estate.cluster().get("deployments", "health", "web")
    assert web["spec"]["template"]["spec"]["imagePullSecrets"][-1] == {"name": "theirs"}
    assert "new-pull" not in json.dumps(web["spec"])


def test_an_answer_that_is_lost_on_the_way_back_is_believed_at_the_second_look(estate: Estate) -> None:
    plan = approved_plan(estate)
    carry_out(estate, plan)
    before, cluster, done = images_of(estate), estate.cluster(), []

    def meddle(method: str, path: str) -> None:
        if method == "PATCH" and path.endswith("deployments/web") and not done:
            done.append(path)
            item = cluster.get("deployments", "health", "web")
            entry = next(one for one in plan.entries if one.workload.name == "web")
            item["spec"]["template"]["spec"]["containers"][0]["image"] = entry.images[0].old
            secrets = item["spec"]["template"]["spec"]["imagePullSecrets"]
            secrets[:] = [one for one in secrets if one["name"] != "new-pull"]
            cluster.touch(item)

    cluster.meddle = meddle
    assert roll_back(estate, plan).left == ()
    assert images_of(estate) != before


def test_a_database_that_fails_on_the_way_keeps_nothing_from_being_returned(
    estate: Estate, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = images_of(estate)
    plan = approved_plan(estate)
    carry_out(estate, plan)

    def fail(*_: object, **__: object) -> None:
        raise DatabaseError("the database is away", fault="unreachable", retryable=True)

    with monkeypatch.context() as patched:
        patched.setattr(CutoverJournal, "returned", fail)
        with pytest.raises(DatabaseError):
            roll_back(estate, plan)
    assert images_of(estate) == before
    assert len(roll_back(estate, plan).returned) == plan.counted
