"""What breaks in the middle of a migration, and the second run that completes it and sends no blob twice."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from registry_core.errors import PartialFailure, Refused, RegistryError
from registry_core.migration import MigrationPlan
from registry_pipelines.migrating import execution
from tests.image_builder import make_image
from tests.registry_pipelines.eviction.estate import APP, RULES, TOOLS
from tests.registry_pipelines.migrating.move import Move
from tests.resources.registry.copying.weir import Weir

_LARGE = random.Random(7).randbytes(8_000_000)


def completed(move: Move, weir: Weir, plan: MigrationPlan) -> None:
    """The second run completes the first; over both no blob that arrived was sent again."""
    weir.faults.clear()
    arrived = set(weir.uploads())
    before = len(weir.uploads())
    done = move.execute(plan, "run 2")
    assert done.record.state == "done"
    assert done.counts["failed"] == 0
    second = weir.uploads()[before:]
    assert not arrived & set(second)
    for repository in (APP, TOOLS):
        wanted = move.estate.tags(repository)
        assert {tag: digest for tag, digest in move.there().tags(repository).items() if tag in wanted} == wanted
    assert move.verify(deep=True).found.is_whole


@pytest.mark.parametrize(
    ("status", "body", "word"),
    [
        (500, b"", "unreachable"),
        (507, b"", "unreachable"),
        (403, b'{"errors":[{"code":"DENIED","message":"exceeds the upper limit of storage"}]}', "forbidden"),
        (413, b'{"errors":[{"code":"DENIED","message":"quota of the project is used up"}]}', "forbidden"),
    ],
)
def test_a_destination_that_takes_no_more_is_told_image_by_image_and_completed_later(
    move: Move, weir: Weir, status: int, body: bytes, word: str
) -> None:
    plan = move.plan()
    weir.fail("PUT", f"/v2/{TOOLS}/", status=status, body=body, times=10_000)
    with pytest.raises(PartialFailure, match="copies only what is missing"):
        move.execute(plan)
    told = move.outcomes(plan)
    failed = {name: outcome for name, outcome in told.items() if outcome.startswith("failed")}
    assert set(failed) == {f"{TOOLS}:t{number}" for number in range(4)}, failed
    assert all(outcome.startswith(f"failed: {word}: ") and str(status) in outcome for outcome in failed.values())
    assert all(outcome == "copied" for name, outcome in told.items() if name not in failed), "the others went on"
    assert move.state(plan) == "executing"
    for path in [path for path in weir.uploads() if f"/v2/{TOOLS}/" in path]:
        weir.asked.remove(("PUT", path))  # these were refused, so nothing of them arrived
    completed(move, weir, plan)


def test_a_destination_that_throttles_beyond_patience_is_completed_later(move: Move, weir: Weir) -> None:
    plan = move.plan()
    weir.fail("PUT", f"/v2/{TOOLS}/", status=429, headers={"Retry-After": "60"}, times=10_000)
    with pytest.raises(PartialFailure):
        move.execute(plan)
    told = move.outcomes(plan)
    assert all(told[f"{TOOLS}:t{number}"].startswith("failed: throttled: ") for number in range(4))
    weir.asked.clear()
    completed(move, weir, plan)


def test_a_sign_in_that_is_no_longer_believed_is_told_and_completed_later(move: Move, weir: Weir) -> None:
    plan = move.plan()
    weir.fail("PUT", f"/v2/{TOOLS}/manifests/", status=401, times=10_000)
    with pytest.raises(PartialFailure):
        move.execute(plan)
    told = move.outcomes(plan)
    assert all(told[f"{TOOLS}:t{number}"].startswith("failed: forbidden: ") for number in range(4))
    sent = len(weir.uploads())
    completed(move, weir, plan)
    assert len(weir.uploads()) == sent, "its blobs had arrived"


def test_manifests_that_are_refused_leave_blobs_that_are_not_sent_again(move: Move, weir: Weir) -> None:
    plan = move.plan()
    weir.fail("PUT", "/manifests/", status=500, times=10_000)
    with pytest.raises(PartialFailure):
        move.execute(plan)
    assert move.there().tags() == {}, "a tag is written when all of its image is there"
    sent = len(weir.uploads())
    completed(move, weir, plan)
    assert len(weir.uploads()) == sent


def test_a_connection_that_drops_in_a_large_layer_is_taken_up_where_it_ended(move: Move, source_weir: Weir) -> None:
    image = move.estate.push("large", make_image([_LARGE, b"small"]), "team/large", "v1")
    plan = move.plan()
    source_weir.downloaded_bytes = 0
    source_weir.fail("GET", image.layer_digests[0], cut_after=2_000_000, times=3)
    move.execute(plan)
    assert move.outcomes(plan)["team/large:v1"] == "copied"
    assert source_weir.downloaded_bytes < len(_LARGE) * 1.3
    assert move.verify(deep=True).found.is_whole


def test_a_run_that_is_killed_is_completed_by_the_next(move: Move, weir: Weir) -> None:
    large = move.estate.push("large", make_image([_LARGE, b"small"]), "team/large", "v1")
    plan = move.plan()
    command = [sys.executable, "-m", "registry_pipelines.cli", "--config", str(move.estate.site_file)]
    command += ["migration", "run", plan.fingerprint[:12]]
    environment = {name: value for name, value in os.environ.items() if name != "DAGSTER_HOME"}
    process = subprocess.Popen(command, cwd=Path(__file__).parents[3], env=environment, stderr=subprocess.DEVNULL)
    while weir.uploaded_bytes < 1_000_000 and process.poll() is None:
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert move.state(plan) == "executing"
    layer = large.layer_digests[0].partition(":")[2]
    weir.asked[:] = [one for one in weir.asked if layer not in one[1]]  # it did not arrive whole
    completed(move, weir, plan)


def test_a_run_that_lives_is_not_replaced(move: Move) -> None:
    plan = move.plan()
    with move.estate.connections() as connections:
        connections.ledger.claim(plan.fingerprint, "alive", MigrationPlan, rules=RULES, holder_is_alive=lambda _: True)
    with pytest.raises(Refused, match="the run alive works on this plan"):
        move.execute(plan, "run 2", holder_is_alive=lambda _: True)
    move.execute(plan, "run 3")  # it is dead, and what it began is taken over
    assert move.state(plan) == "done"


def test_a_destination_that_is_down_leaves_the_plan_to_be_started_again(move: Move, weir: Weir) -> None:
    plan = move.plan()
    weir.fail("GET", "/v2/", status=503, times=100_000)
    with pytest.raises(RegistryError) as down:
        move.execute(plan)
    assert (down.value.fault, down.value.retryable) == ("unreachable", True)
    assert (move.state(plan), move.outcomes(plan)) == ("executing", {})
    weir.faults.clear()
    move.execute(plan, "run 2")
    assert move.state(plan) == "done"


def test_registries_that_stopped_answering_end_the_run(move: Move, weir: Weir, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(execution, "_MOST_UNANSWERED", 3)
    plan = move.plan()
    weir.fail("HEAD", "/v2/team/", status=503, times=100_000)
    with pytest.raises(RegistryError, match=r"the last 3 images got no answer.*start this plan again"):
        move.execute(plan)
    completed(move, weir, plan)


def test_an_image_that_vanished_since_the_plan_fails_alone(move: Move) -> None:
    plan = move.plan()
    gone = move.estate.images["v2"].digest
    move.estate.delete(gone)
    with pytest.raises(PartialFailure, match="1 of 9 images are not copied"):
        move.execute(plan)
    told = move.outcomes(plan)
    assert told[f"{APP}:v2"].startswith("failed: tag moved: at the source, tag v2 is gone")
    assert sum(outcome == "copied" for outcome in told.values()) == 8


def test_a_tag_that_moved_at_the_source_is_not_copied_under_that_name(move: Move) -> None:
    plan = move.plan()
    newer = move.estate.push("v3 again", make_image([b"newer"]), tag="v3")
    move.estate.push("stable again", newer, tag="stable")
    with pytest.raises(PartialFailure):
        move.execute(plan)
    told = move.outcomes(plan)
    assert told[f"{APP}:v3"] == (
        f"failed: tag moved: at the source, tag v3 moved to {newer.digest} since the plan was made; make a new plan"
    )
    assert told[f"{APP}:old-name"] == (
        f"copied: left out, because at the source tag stable moved to {newer.digest} since the plan was made"
    )
    assert not {"v3", "stable"} & set(move.there().tags())
    assert move.there().tags()["old-name"] == move.estate.images["twice"].digest
    fresh = move.plan()
    move.execute(fresh)
    assert move.there().tags()["v3"] == newer.digest


def test_a_layer_that_the_source_lost_stands_in_the_plan_with_who_uses_it(move: Move) -> None:
    lost = move.estate.images["tool 3"]
    move.estate.delete_blob(TOOLS, lost.layer_digests[0])
    plan = move.plan()
    (unreadable,) = plan.of("unreadable")
    assert (str(unreadable), unreadable.fault) == (f"{TOOLS}:t3", "missing")
    assert unreadable.used_by == "production/shop/web (1 pod)"
    assert lost.layer_digests[0] in unreadable.why
    move.execute(plan)
    assert move.state(plan) == "done", "what was never promised is not missed"


def test_a_registry_that_forbids_pushing_is_told_in_one_sentence(move: Move, weir: Weir) -> None:
    plan = move.plan()
    refused = b'{"errors":[{"code":"DENIED","message":"requested access to the resource is denied"}]}'
    for method in ("POST", "PUT"):
        weir.fail(method, "/v2/", status=403, body=refused, times=10_000)
    with pytest.raises(PartialFailure, match="9 of 9 images are not copied"):
        move.execute(plan)
    for outcome in move.outcomes(plan).values():
        assert outcome.startswith("failed: forbidden: ")
        assert "\n" not in outcome
    assert json.dumps(move.there().tags()) == "{}"
