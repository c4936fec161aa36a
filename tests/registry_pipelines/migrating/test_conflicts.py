"""Names of the destination that somebody else has: refused, kept, overwritten, and never without being told."""

from __future__ import annotations

import json

import pytest

from registry_core.errors import Refused, RegistryError
from resources.registry.copying.arrival import Arrival, Standing
from tests.image_builder import make_image, push
from tests.registries import DockerRegistry
from tests.registry_pipelines.eviction.estate import APP, TOOLS
from tests.registry_pipelines.migrating.move import Move

THEIRS = make_image([b"theirs"])


def test_a_tag_that_is_taken_leaves_the_image_out_and_the_rest_goes_on(move: Move) -> None:
    move.there().push("theirs", THEIRS, tag="v2")
    plan = move.plan()
    (conflict,) = plan.of("conflict")
    assert str(conflict) == f"{APP}:v2"
    assert f"tag v2 of the destination points to {THEIRS.digest}" in conflict.why
    assert plan.images == 8
    move.execute(plan)
    assert move.there().tags()["v2"] == THEIRS.digest


def test_with_keep_only_the_tag_is_left_out(move: Move) -> None:
    move.there().push("theirs", THEIRS, tag="stable")
    move.configure(on_conflict="keep")
    plan = move.plan()
    twice = next(entry for entry in plan.entries if entry.digest == move.estate.images["twice"].digest and entry.why)
    assert (twice.word, twice.tags) == ("copy", ("old-name",))
    assert twice.why == "the destination keeps its own stable"
    move.execute(plan)
    assert move.there().tags()["stable"] == THEIRS.digest
    assert move.there().tags()["old-name"] == twice.digest


def test_with_overwrite_the_tag_is_moved_and_the_plan_says_so(move: Move) -> None:
    move.there().push("theirs", THEIRS, tag="v2")
    move.configure(on_conflict="overwrite")
    plan = move.plan()
    v2 = next(entry for entry in plan.entries if entry.tags == ("v2",))
    assert (v2.word, v2.overwrites) == ("copy", {"v2": THEIRS.digest})
    move.execute(plan)
    assert move.there().tags()["v2"] == v2.digest


def test_what_was_not_approved_to_be_overwritten_is_not_whatever_the_rule(move: Move) -> None:
    move.there().push("theirs", THEIRS, tag="v2")
    move.configure(on_conflict="overwrite")
    plan = move.plan()
    newer = move.there().push("newer", make_image([b"pushed since"]), tag="v2")
    taken = move.there().push("taken", make_image([b"new there"]), tag="v3")
    done = move.execute(plan)
    assert done.counts["conflict"] == 2
    told = move.outcomes(plan)
    for tag, image in (("v2", newer), ("v3", taken)):
        assert told[f"{APP}:{tag}"].startswith(f"conflict: tag {tag} of the destination points to {image.digest}")
        assert told[f"{APP}:{tag}"].endswith(": refused; that was not so when the plan was made: make a new one")
        assert move.there().tags()[tag] == image.digest


def test_a_tag_that_is_taken_while_we_copy_is_not_overwritten_either(
    move: Move, monkeypatch: pytest.MonkeyPatch
) -> None:
    move.there().push("theirs", THEIRS, tag="v2")
    move.configure(on_conflict="overwrite")
    plan = move.plan()
    newer, store = make_image([b"pushed while we copied"]), Arrival.store

    async def pushed_just_before(self: Arrival, standing: Standing) -> int:
        if (tag := self._belongings.image.to_tag) in ("v2", "v3"):
            push(move.destination, APP, newer, tag)
        return await store(self, standing)

    monkeypatch.setattr(Arrival, "store", pushed_just_before)
    assert move.execute(plan).counts["conflict"] == 2
    assert {move.there().tags()[tag] for tag in ("v2", "v3")} == {newer.digest}


def test_a_signature_that_somebody_put_there_since_is_not_overwritten(move: Move) -> None:
    move.configure(on_conflict="overwrite")
    plan = move.plan()
    signature = next(tag for tag in move.estate.tags() if tag.endswith(".sig"))
    theirs = move.there().push("signature", make_image([b"their signature"]), tag=signature)
    assert move.execute(plan).counts["conflict"] == 1
    assert move.there().tags()[signature] == theirs.digest


def test_a_tag_that_was_taken_since_the_plan_is_a_conflict(move: Move) -> None:
    plan = move.plan()
    move.there().push("theirs", THEIRS, tag="v2")
    done = move.execute(plan)
    assert (done.record.state, done.counts["conflict"]) == ("done", 1)
    assert move.outcomes(plan)[f"{APP}:v2"].startswith("conflict: tag v2 of the destination points to")
    assert move.there().tags()["v2"] == THEIRS.digest


def test_two_repositories_with_one_name_are_both_left_out_and_the_rest_goes_on(move: Move) -> None:
    move.estate.push("other", make_image([b"other"]), "other/app", "v1")
    move.configure(names={"map": {"other/app": "team/app"}})
    plan = move.plan()
    conflicts = plan.of("conflict")
    assert {entry.repository for entry in conflicts} == {"other/app", "team/app"}
    assert all("`other/app`, `team/app` would all be called `team/app`" in entry.why for entry in conflicts)
    assert plan.images == 4  # the tools
    move.execute(plan)


def test_a_repository_that_would_have_no_name_is_left_out(move: Move) -> None:
    move.configure(names={"prefix": {"team": "x" * 251}})  # with `/app` 255 characters, with `/tools` more
    plan = move.plan()
    assert {entry.repository for entry in plan.of("conflict")} == {TOOLS}
    assert all("is longer than 255 characters" in entry.why for entry in plan.of("conflict"))
    assert plan.images == 5, "the application goes on"


@pytest.fixture
def guarded(move: Move, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Move:
    """The destination asks who we are; reading is done as `reader`, whom it does not know."""
    monkeypatch.setenv("PUSHER_PASSWORD", "right")
    monkeypatch.setenv("READER_PASSWORD", "wrong")
    return move


def test_only_who_pushes_uses_the_push_credentials(guarded: Move, tmp_path_factory: pytest.TempPathFactory) -> None:
    with DockerRegistry(tmp_path_factory.mktemp("guarded"), credentials=("pusher", "right")) as registry:
        guarded.destination = registry.url
        login = {"username": "pusher", "password": {"env": "PUSHER_PASSWORD"}}
        guarded.settings = {"credentials": login, "push_credentials": login}
        plan = guarded.configure().plan()
        # Reading as somebody else must not matter to the run: it signs in by `push_credentials` alone.
        reader = {"username": "reader", "password": {"env": "READER_PASSWORD"}}
        guarded.settings = {"credentials": reader, "push_credentials": login}
        guarded.configure()
        guarded.execute(plan)
        assert guarded.state(plan) == "done"
        guarded.settings = {"credentials": login, "push_credentials": reader}
        guarded.configure()
        guarded.estate.push("late", make_image([b"late"]), tag="late")
        late = guarded.plan()
        with pytest.raises(RegistryError) as refused:
            guarded.execute(late)
        assert refused.value.fault == "forbidden"


def test_a_plan_carries_nothing_out_at_an_address_that_nobody_approved(move: Move) -> None:
    plan = move.plan()
    elsewhere = f"{move.destination.replace('127.0.0.1', 'localhost')}"
    site = json.loads(move.estate.site_file.read_text())
    site["registries"]["new"]["url"] = elsewhere
    move.estate.site_file.write_text(json.dumps(site))
    with pytest.raises(Refused, match=f"the configuration now says .* and {elsewhere}; make a new plan"):
        move.execute(plan)
    assert move.there().tags() == {}
