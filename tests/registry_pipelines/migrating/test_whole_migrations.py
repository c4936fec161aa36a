"""Whole migrations between real registries: all that belongs arrives, byte for byte, and nothing travels twice."""

from __future__ import annotations

import subprocess
from pathlib import Path

from registry_pipelines.web.plan_lines import OpenLines
from registry_pipelines.web.plan_paging import Wanted
from registry_pipelines.web.plan_reader import PlanReader
from tests.image_builder import digest_of, make_image
from tests.registry_pipelines.eviction.estate import APP, TOOLS, copy_away
from tests.registry_pipelines.migrating.move import Move, words
from tests.resources.registry.copying.weir import Weir


def digest_by_skopeo(url: str, repository: str, tag: str) -> str:
    """What skopeo says that a tag resolves to: the digest of the manifest as the registry gives it."""
    host = url.removeprefix("http://")
    command = ["skopeo", "inspect", "--raw", "--tls-verify=false", f"docker://{host}/{repository}:{tag}"]
    raw = subprocess.run(command, capture_output=True, check=True).stdout
    return digest_of(raw)


def test_everything_arrives_with_its_digest_and_can_be_taken_away_whole(any_move: Move, tmp_path: Path) -> None:
    plan = any_move.plan()
    assert plan.images == len(plan.entries) == 9  # five of the application, four tools
    execution = any_move.execute(plan)
    assert execution.counts == {"copied": plan.images, "already there": 0, "conflict": 0, "failed": 0}
    assert execution.sent_bytes == plan.travel_bytes
    there, estate = any_move.there(), any_move.estate
    for name in [name for name in estate.images if name.endswith(" list")]:
        del estate.images[name]  # the list of referrers is the registry's own business
    assert there.contents() == estate.contents()  # children, attestations, signatures, referrers: every manifest
    for repository in (APP, TOOLS):
        before, after = estate.tags(repository), there.tags(repository)
        for tag, digest in before.items():
            if len(tag) == len("sha256-") + 64:
                continue  # the list of referrers, where a registry has no API for it
            assert after[tag] == digest
            assert digest_by_skopeo(any_move.destination, repository, tag) == digest
            if tag != "nested":  # skopeo takes no index of indexes
                copy_away(there, repository, tag, tmp_path / f"{repository}-{tag}".replace("/", "-"))
    verified = any_move.verify(deep=True)
    assert verified.found.is_whole, verified.found.damaged
    assert len(verified.found.images) == len(plan.entries)


def test_a_second_plan_has_nothing_to_do(move: Move) -> None:
    move.move()
    again = move.plan()
    assert set(words(again).values()) == {"already there"}
    assert (again.images, again.travel_bytes, again.entry_count) == (0, 0, 0)


def test_each_blob_is_sent_once_however_many_images_share_it(move: Move, weir: Weir) -> None:
    plan = move.move()
    assert len(weir.uploads()) == len(set(weir.uploads()))
    sent = [path.rpartition("digest=")[2] for path in weir.uploads()]
    assert len(sent) == len(set(sent)), "a layer that two repositories share is mounted into the second"
    assert plan.travel_bytes == move_bytes(move, plan.fingerprint)


def move_bytes(move: Move, fingerprint: str) -> int:
    with move.estate.connections() as connections:
        return int(connections.ledger.copy_journal(fingerprint)["sent_bytes"].sum())


def test_what_another_repository_of_the_destination_holds_is_mounted_and_not_sent(move: Move, weir: Weir) -> None:
    layer = bytes(range(256)) * 400
    image = make_image([layer])
    move.estate.push("shared", image, "team/late", "v1")
    there = move.there()
    there.push("elsewhere", make_image([layer], platform="linux/arm64"), "other/base", "v9")
    weir.asked.clear()
    move.configure({"all": True, "repositories": ["team/late"]})
    unknown = move.plan(approved=False)
    assert unknown.travel_bytes > len(layer)  # without a catalog of the destination nobody knows
    move.survey_destination()
    known = move.plan()
    assert known.travel_bytes == unknown.travel_bytes - len(layer)
    assert sum(entry.mounts for entry in known.entries) == 1
    weir.asked.clear()
    weir.uploaded_bytes = 0
    move.execute(known)
    assert weir.uploaded_bytes < len(layer)


def test_an_untagged_image_in_use_arrives_by_its_digest(move: Move) -> None:
    pinned = move.estate.push("pinned", make_image([b"pinned"]))
    move.estate.use(f"{APP}@{pinned.digest}")
    move.configure({"in_use": ["production"]})
    plan = move.move()
    assert [(entry.digest, entry.tags) for entry in plan.entries] == [(pinned.digest, ())]
    assert move.there().stored(pinned.digest)
    assert move.verify().found.is_whole


def test_names_are_rewritten_and_digests_are_not(move: Move) -> None:
    move.configure(names={"prefix": {"team": "platform"}, "map": {TOOLS: "shop/tools"}})
    move.move()
    there = move.there()
    assert set(there.tags("shop/tools")) == {"t0", "t1", "t2", "t3"}
    assert there.tags("platform/app")["v1"] == move.estate.tags(APP)["v1"]
    assert there.tags(APP) == {}


def test_all_tags_of_an_image_go_with_it_in_one_copy(move: Move, weir: Weir) -> None:
    plan = move.move()
    stable = next(entry for entry in plan.entries if "stable" in entry.tags)
    assert stable.tags == ("old-name", "stable")
    assert {"old-name", "stable"} <= set(move.there().tags(APP))
    assert str(stable) == f"{APP}:old-name"


def test_the_page_of_a_plan_shows_its_lines_and_what_became_of_each(move: Move) -> None:
    plan = move.move()
    with move.estate.connections() as connections:
        opened = PlanReader(connections.history).open(plan.fingerprint)
    assert isinstance(opened, OpenLines)
    shown = opened.show(Wanted(text="tools t1"))
    assert [(row["what"], row["tags"], outcome) for row, outcome in shown.rows] == [("copy", "t1", "copied")]
