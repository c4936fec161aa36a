"""From plan to deletion and back, in real registries, with every kind of kinship."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from registry_core.errors import Refused
from registry_pipelines.eviction.restore import refuse_partial, restore_evicted
from tests.image_builder import make_image
from tests.registry_pipelines.eviction.estate import APP, TOOLS, Estate, copy_away

KEPT_OF_APP = {"v3", "v3 amd64", "v3 attestation", "v3 signature", "shared child", "twice"}


def test_what_was_planned_is_gone_and_everything_else_can_be_copied_away(estate: Estate, tmp_path: Path) -> None:
    if shutil.which("skopeo") is None:
        pytest.skip("install skopeo (Debian) to run this")
    plan = estate.plan()
    done = estate.execute(plan)
    assert done.record.state == "done"
    assert done.counts["deleted"] == len(plan.entries) >= 14
    assert set(estate.journal(plan).values()) == {"deleted"}
    left = estate.contents()
    assert {(APP, estate.images[name].digest) for name in KEPT_OF_APP} | {
        (TOOLS, estate.images["tool 3"].digest)
    } == set(left)
    assert all((entry.repository, entry.digest) not in left for entry in plan.entries)
    copies = [(APP, tag) for tag in estate.tags(APP)] + [(TOOLS, tag) for tag in estate.tags(TOOLS)]
    assert sorted(tag for _, tag in copies if not tag.startswith("sha256-")) == ["old-name", "stable", "t3", "v3"]
    for number, (repository, tag) in enumerate(copies):
        copy_away(estate, repository, tag, tmp_path / f"copy {number}")


def test_all_of_a_plan_is_put_back_byte_by_byte_with_its_tags(estate: Estate) -> None:
    before, tags = estate.contents(), (estate.tags(APP), estate.tags(TOOLS))
    plan = estate.plan()
    estate.execute(plan)
    assert estate.contents() != before
    with estate.connections() as connections:
        restored = restore_evicted(connections, plan.fingerprint, run_id="back")
        assert restored.back == len(plan.entries)
        assert restored.lost == ()
        refuse_partial(restored)
        assert connections.ledger.journal(plan.fingerprint)["restored_by"].eq("back").all()
        again = restore_evicted(connections, plan.fingerprint, run_id="once more")
        assert again.back == restored.back
    assert estate.contents() == before
    assert (estate.tags(APP), estate.tags(TOOLS)) == tags


def test_one_image_is_put_back_with_what_belongs_to_it_and_nothing_else(estate: Estate) -> None:
    plan = estate.plan()
    estate.execute(plan)
    with estate.connections() as connections:
        restored = restore_evicted(connections, plan.fingerprint, [f"registry.example.com/{APP}:v1"], run_id="back")
    back = {one.line.digest for one in restored.restored}
    assert back == {estate.images[name].digest for name in ("v1", "v1 amd64", "v1 attestation", "v1 signature")}
    assert "v1" in estate.tags()
    assert "v2" not in estate.tags()


def test_a_tag_that_was_taken_meanwhile_is_told_and_not_overwritten(estate: Estate) -> None:
    plan = estate.plan()
    estate.execute(plan)
    newer = estate.push("newer v2", make_image([b"newer"]), tag="v2")
    with estate.connections() as connections:
        restored = restore_evicted(connections, plan.fingerprint, [f"{APP}@{estate.images['v2'].digest}"], run_id="b")
    (conflict,) = [one.put_back.conflicts for one in restored.restored if one.put_back.conflicts]
    assert conflict == (("v2", newer.digest),)
    assert estate.tags()["v2"] == newer.digest
    assert estate.stored(estate.images["v2"].digest)


def test_what_was_not_deleted_cannot_be_asked_back(embedded_estate: Estate) -> None:
    plan = embedded_estate.plan()
    with embedded_estate.connections() as connections, pytest.raises(Refused, match="deleted nothing"):
        restore_evicted(connections, plan.fingerprint, run_id="b")
    embedded_estate.execute(plan)
    with embedded_estate.connections() as connections, pytest.raises(Refused, match="did not delete team/app:v3"):
        restore_evicted(connections, plan.fingerprint, [f"{APP}:v3"], run_id="b")


def test_a_plan_is_carried_out_once(embedded_estate: Estate) -> None:
    plan = embedded_estate.plan()
    embedded_estate.execute(plan)
    with pytest.raises(Refused, match="was used already"):
        embedded_estate.execute(plan, "run 2")


def test_waves_of_any_size_come_to_the_same(embedded_estate: Estate) -> None:
    embedded_estate.configure(eviction={"wave_size": 1})
    plan = embedded_estate.plan()
    assert embedded_estate.execute(plan).counts["deleted"] == len(plan.entries)
