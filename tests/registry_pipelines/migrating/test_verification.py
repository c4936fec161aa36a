"""What was copied is read back, later too: what decayed is an error, what could not be asked is not."""

from __future__ import annotations

import pytest

from assets.migration_is_there import judge
from registry_core.errors import Refused
from tests.image_builder import make_image, make_referrer
from tests.registry_pipelines.eviction.estate import APP, TOOLS
from tests.registry_pipelines.migrating.move import Move
from tests.resources.registry.copying.weir import Weir


def test_nothing_is_verified_before_anything_was_copied(move: Move) -> None:
    move.plan()
    with pytest.raises(Refused, match="nothing of the migration move was carried out yet"):
        move.verify()


def test_all_of_it_is_there(move: Move) -> None:
    move.move()
    verified = move.verify()
    assert verified.found.is_whole
    told = judge(verified)
    assert told.passed
    assert told.description == "All 9 images are there; every blob was asked for its size."


@pytest.mark.parametrize("deep", [False, True])
def test_a_layer_that_is_gone_is_found(move: Move, deep: bool) -> None:
    move.move()
    move.there().delete_blob(APP, move.estate.images["v2"].layer_digests[0])
    verified = move.verify(deep=deep)
    (damaged,) = verified.found.damaged
    assert (str(damaged.image), damaged.fault) == (f"{APP}:v2", "missing")
    assert move.estate.images["v2"].layer_digests[0] in damaged.detail
    told = judge(verified)
    assert not told.passed
    assert told.severity.value == "ERROR"


def test_a_child_of_an_index_that_is_gone_is_found(move: Move) -> None:
    move.move()
    move.there().delete(move.estate.images["inner linux/arm64"].digest)
    (damaged,) = move.verify().found.damaged
    assert (str(damaged.image), damaged.fault) == (f"{APP}:nested", "missing")


def test_a_signature_that_is_gone_is_found(move: Move) -> None:
    move.move()
    move.there().delete(move.estate.images["v1 signature"].digest)
    (damaged,) = move.verify().found.damaged
    assert (str(damaged.image), damaged.fault) == (f"{APP}:v1", "missing")
    assert move.estate.images["v1 signature"].digest in damaged.detail


def test_another_referrer_does_not_stand_for_a_signature_that_is_gone(move: Move) -> None:
    move.move()
    move.there().push_referrer("theirs", make_referrer(move.estate.images["v1"]), move.estate.images["v1"], api=False)
    move.there().delete(move.estate.images["v1 signature"].digest)
    (damaged,) = move.verify().found.damaged
    assert (str(damaged.image), damaged.fault) == (f"{APP}:v1", "missing")
    assert move.estate.images["v1 signature"].digest in damaged.detail


def test_bytes_that_rotted_are_found_by_reading_them(move: Move, weir: Weir) -> None:
    move.move()
    layer = move.estate.images["tool 2"].layer_digests[0]
    weir.fail("GET", layer, status=200, body=b"tool X", times=10)  # as long as what it should be
    assert move.verify(deep=False).found.is_whole, "the size alone does not tell"
    (damaged,) = move.verify(deep=True).found.damaged
    assert (str(damaged.image), damaged.fault) == (f"{TOOLS}:t2", "corrupt")


def test_a_tag_that_is_gone_is_found_and_one_that_moved_is_told(move: Move) -> None:
    move.move()
    move.there().push("newer", make_image([b"newer"]), tag="v2")
    verified = move.verify()
    assert verified.found.is_whole, "whoever moves a tag after the migration may"
    assert [one.moved_tags for one in verified.found.images if one.moved_tags] == [("v2",)]
    assert judge(verified).metadata["tags that point elsewhere since"].value == 1


def test_what_could_not_be_asked_is_a_warning_and_no_loss(move: Move, weir: Weir) -> None:
    move.move()
    weir.fail("GET", f"/v2/{TOOLS}/manifests/", status=503, times=10_000)
    verified = move.verify()
    assert not verified.found.damaged
    assert {str(one.image) for one in verified.found.unknown} == {f"{TOOLS}:t{number}" for number in range(4)}
    told = judge(verified)
    assert (told.passed, told.severity.value) == (False, "WARN")
    assert "4 images could not be asked for" in str(told.description)


def test_a_plan_with_repair_mends_what_decayed(move: Move) -> None:
    move.move()
    move.there().delete_blob(APP, move.estate.images["v2"].layer_digests[0])
    assert move.plan().images == 0, "manifests that are there are believed to have their blobs"
    move.configure(repair=True)
    plan = move.plan()
    assert [str(entry) for entry in plan.of("copy")] == [f"{APP}:v2"]
    move.execute(plan)
    assert move.verify(deep=True).found.is_whole
