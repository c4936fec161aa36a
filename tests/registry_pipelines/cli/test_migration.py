"""Migrations on the command line: planned, approved, carried out, read back; exit codes for what does not go."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.image_builder import make_image
from tests.registry_pipelines.cli.calling import Ended, call
from tests.registry_pipelines.eviction.estate import APP, TOOLS
from tests.registry_pipelines.migrating.conftest import a_move
from tests.registry_pipelines.migrating.move import MOVE, Move
from tests.resources.registry.copying.weir import Weir


@pytest.fixture
def move(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Move]:
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    with ExitStack() as opened:
        made = a_move(tmp_path, "embedded", "docker", opened)
        made.estate.survey()
        yield made


def asked(move: Move, *arguments: str) -> Ended:
    return call("--config", move.estate.site_file, *arguments)


def planned(move: Move) -> str:
    """A plan that was approved; its fingerprint."""
    made = asked(move, "migration", "plan", MOVE, "--json")
    assert made.code == 0, made.err
    (row,) = json.loads(made.out)
    plan: str = row["plan"]
    agreed = ("--images", str(row["copy"]), "--as", "Alice", "--reason", "we move")
    assert asked(move, "plan", "approve", plan[:8], *agreed).code == 0
    return plan


def test_the_whole_way_from_a_plan_to_what_was_read_back(move: Move) -> None:
    made = asked(move, "migration", "plan", "--json")
    (row,) = json.loads(made.out)
    assert (row["migration"], row["copy"], row["unreadable"], row["expected_seconds"]) == (MOVE, 9, 0, None)
    assert "the destination has no catalog yet" in made.err
    shown = json.loads(asked(move, "migration", "show", MOVE, "--json").out)
    assert {one["word"] for one in shown} == {"copy"}
    assert sum(one["travel_bytes"] for one in shown) == row["travel_bytes"]
    assert "all is copied" in asked(move, "plan", "show", row["plan"][:8]).out

    early = asked(move, "migration", "run", row["plan"])
    assert (early.code, "nobody has approved" in early.err) == (3, True)
    done = asked(move, "migration", "run", planned(move), "--json")
    assert done.code == 0, done.err
    assert {one["outcome"] for one in json.loads(done.out)} == {"copied"}
    assert "catalog new` reads it again" in done.err
    assert asked(move, "migration", "run", row["plan"]).code == 3
    outcome = asked(move, "migration", "outcome", MOVE)
    assert "9 images copied from main to new" in outcome.err
    journal = asked(move, "journal", row["plan"][:8])
    assert ("9 copied" in journal.err, len(journal.lines)) == (True, 10)
    whole = asked(move, "migration", "verify", MOVE, "--deep")
    assert (whole.code, "all 9 images are there" in whole.err) == (0, True)
    assert json.loads(asked(move, "migration", "plan", "--json").out)[0]["already_there"] == 9
    assert json.loads(asked(move, "plan", "list", "--json").out)[0]["state"] == "nothing to do"
    assert "decides" not in asked(move, "migration", "show", MOVE).err


def test_what_is_not_whole_is_shown_and_ends_with_1(move: Move) -> None:
    assert asked(move, "migration", "run", planned(move)).code == 0
    move.there().delete(move.estate.images["v2"].digest)
    found = asked(move, "migration", "verify", MOVE, "--json")
    assert found.code == 1
    lost = [one for one in json.loads(found.out) if one["found"] != "whole"]
    assert [(one["image"], one["found"]) for one in lost] == [(f"{APP}:v2", "missing")]
    assert f"{APP}:v2" in asked(move, "migration", "verify", MOVE).out


def test_images_that_failed_end_with_4_and_a_second_call_completes(move: Move) -> None:
    with Weir(move.destination.removeprefix("http://")) as weir:
        move.destination = weir.url
        move.configure()
        plan = planned(move)
        weir.fail("PUT", f"/v2/{TOOLS}/", status=507, times=10_000)
        torn = asked(move, "migration", "run", plan)
        assert torn.code == 4
        assert "images copied" in torn.out
        assert "copies only what is missing" in torn.err
        weir.faults.clear()
        assert asked(move, "migration", "run", plan).code == 0
        weir.fail("GET", "/manifests/", status=503, times=10_000)
        assert asked(move, "migration", "verify", MOVE).code == 5


def test_what_is_not_known_is_told(move: Move) -> None:
    wrong = asked(move, "migration", "plan", "nowhere")
    assert (wrong.code, "no migration is called nowhere; configured are: move" in wrong.err) == (2, True)
    assert asked(move, "migration", "show", MOVE).code == 3
    assert asked(move, "migration", "outcome", MOVE).code == 3
    assert asked(move, "migration", "verify", MOVE).code == 3
    assert asked(move, "migration", "run", "abcdef").code == 2


def test_an_eviction_plan_is_not_run_as_a_migration(move: Move) -> None:
    move.estate.push("spare", make_image([b"spare"]), tag="spare")
    move.estate.survey()
    made = asked(move, "plan", "make", "main", "--json")
    assert made.code == 0, made.err
    (row,) = json.loads(made.out)
    refused = asked(move, "migration", "run", row["fingerprint"])
    assert refused.code == 2
    assert "eviction plan" in refused.err


def test_a_migration_plan_is_not_executed_as_an_eviction_and_the_right_command_is_told(move: Move) -> None:
    plan = move.plan()
    refused = asked(move, "plan", "execute", plan.fingerprint)
    assert (refused.code, "`registry-pipelines migration run` is" in refused.err) == (3, True)
