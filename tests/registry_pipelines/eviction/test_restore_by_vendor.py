"""What a plan deleted at GitHub and at Quay comes back through them, and by putting back what they cannot give."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest

from registry_core.eviction import Plan
from registry_pipelines.eviction.restore import Restoration, refuse_partial, restore_evicted
from resources.embedded_registry import EmbeddedRegistry
from resources.registry.client import RegistryClient
from resources.registry.connection import RegistryConnection
from resources.registry.providers.chosen_restoration import restoration_of
from resources.registry.restoring import Restorer
from resources.registry.restoring_by_vendor import Brought, VendorWay
from tests.image_builder import make_image, push
from tests.registry_pipelines.eviction.estate import Estate
from tests.registry_pipelines.eviction.test_vendors import APP, TOOL, at_github, doomed, live
from tests.resources.registry.providers.ghcr_emulator import GhcrEmulator
from tests.resources.registry.providers.quay_emulator import QuayEmulator, QuayTag
from tests.resources.registry.providers.vendor_server import Asked, Reply
from tests.resources.registry.providers.vendors import settings_of


@pytest.fixture
def github(monkeypatch: pytest.MonkeyPatch) -> Iterator[GhcrEmulator]:
    monkeypatch.setenv("GITHUB_TOKEN", "ghp_reader_4711")
    monkeypatch.setenv("GITHUB_JANITOR", "ghp_janitor_4711")
    with GhcrEmulator() as emulator:
        emulator.shelf.hides_blobs = True
        yield emulator


def carried_out(folder: Path, github: GhcrEmulator) -> tuple[Estate, Plan]:
    estate = at_github(folder, github)
    plan = estate.plan()
    assert estate.execute(plan).record.state == "done"
    github.asked.clear()
    return estate, plan


def restored(estate: Estate, plan: Plan) -> Restoration:
    with estate.connections() as connections:
        return restore_evicted(connections, plan.fingerprint, run_id="back")


def posts(github: GhcrEmulator) -> list[str]:
    return [path for path in github.paths("POST") if path.endswith("/restore")]


def test_github_gives_back_versions_with_their_layers_and_tags(tmp_path: Path, github: GhcrEmulator) -> None:
    before = at_github(tmp_path / "site", github)
    everything = live(github.shelf)
    plan = before.plan()
    before.execute(plan)
    restoration = restored(before, plan)
    refuse_partial(restoration)
    assert {one.way for one in restoration.restored} == {"GHCR"}
    assert live(github.shelf) == everything
    assert github.shelf.find(APP, "also-v2") is github.shelf.find(APP, "v2")
    assert len(posts(github)) == len(plan.entries)
    assert github.paths("PUT") == []
    tokens = {one.headers["authorization"] for one, _ in github.asked if one.method == "POST"}
    assert tokens == {"Bearer ghp_janitor_4711"}
    assert any("back with v3, restored by GHCR" in str(one) for one in restoration.restored)
    with before.connections() as connections:
        assert connections.ledger.journal(plan.fingerprint)["restored_by"].eq("back").all()


def test_deleted_versions_are_listed_once_for_each_repository(tmp_path: Path, github: GhcrEmulator) -> None:
    estate, plan = carried_out(tmp_path / "site", github)
    restored(estate, plan)
    asked = [
        one.path for one, _ in github.asked if one.query.get("state") == "deleted" and one.query["per_page"] != "1"
    ]
    assert len(asked) == len(set(asked)) == 2


def test_a_list_that_broke_off_is_never_taken_for_all_there_is(tmp_path: Path, github: GhcrEmulator) -> None:
    estate, plan = carried_out(tmp_path / "site", github)
    github.shelf.hides_blobs = False
    github.fail(lambda asked: asked.query.get("state") == "deleted" and "app" in asked.path, Reply(502), times=2)
    restoration = restored(estate, plan)
    refuse_partial(restoration)
    ways = [one.way for one in restoration.restored]
    assert ways.count("manifest put back") == 1
    assert ways.count("GHCR") == len(plan.entries) - 1
    (told,) = [one.brought.why_not for one in restoration.restored if one.brought.why_not]
    assert "502 Bad Gateway" in told


def test_a_package_that_is_gone_is_asked_about_once(tmp_path: Path, github: GhcrEmulator) -> None:
    estate, plan = carried_out(tmp_path / "site", github)
    github.shelf.hides_blobs = False
    gone = Reply(404, {"message": "Package not found."})
    github.fail(lambda asked: asked.query.get("state") == "deleted", gone, times=99)
    refuse_partial(restored(estate, plan))
    asked = [one.path for one, _ in github.asked if one.query.get("state") == "deleted"]
    assert len(asked) == len(set(asked)) == 2


def test_what_is_back_is_not_asked_for_again(tmp_path: Path, github: GhcrEmulator) -> None:
    estate, plan = carried_out(tmp_path / "site", github)
    restored(estate, plan)
    github.asked.clear()
    again = restored(estate, plan)
    assert again.back == len(plan.entries)
    assert {one.way for one in again.restored} == {"was there"}
    assert github.paths("POST") == github.paths("PUT") == []


def test_what_github_has_no_more_is_put_back_while_its_layers_are_there(tmp_path: Path, github: GhcrEmulator) -> None:
    estate, plan = carried_out(tmp_path / "site", github)
    github.shelf.hides_blobs = False
    none_deleted = Reply(200, [])
    github.fail(lambda asked: asked.query.get("state") == "deleted", none_deleted, times=99)
    restoration = restored(estate, plan)
    refuse_partial(restoration)
    assert {one.way for one in restoration.restored} == {"manifest put back"}
    assert all("GitHub keeps them for 30 days" in str(one) for one in restoration.restored)
    assert {image.digest for image in doomed(estate)} <= live(github.shelf)


def test_what_nobody_has_any_more_is_told_as_lost_with_both_reasons(tmp_path: Path, github: GhcrEmulator) -> None:
    estate, plan = carried_out(tmp_path / "site", github)
    github.fail(lambda asked: asked.query.get("state") == "deleted", Reply(200, []), times=99)
    lost = {one.line.digest: str(one) for one in restored(estate, plan).lost}
    told = lost[estate.images["v3"].digest]
    assert "lost: the registry has collected" in told
    assert "GitHub keeps them for 30 days" in told


def test_a_token_without_the_scope_is_told_which_and_asked_once(tmp_path: Path, github: GhcrEmulator) -> None:
    estate, plan = carried_out(tmp_path / "site", github)
    github.shelf.hides_blobs = False
    github.scopes["ghp_janitor_4711"] -= {"write:packages"}
    restoration = restored(estate, plan)
    refuse_partial(restoration)
    assert all("the scope `write:packages`" in one.brought.why_not for one in restoration.restored)
    assert len(posts(github)) == 2  # one for each repository
    assert "4711" not in "".join(map(str, restoration.restored))


def test_a_tag_that_names_another_image_by_now_is_never_moved(tmp_path: Path, github: GhcrEmulator) -> None:
    estate, plan = carried_out(tmp_path / "site", github)
    github.shelf.hides_blobs = False
    newer = make_image([b"newer v2"])
    github.shelf.put(APP, newer, "v2")
    restoration = restored(estate, plan)
    (twice,) = [one for one in restoration.restored if one.line.digest == estate.images["twice"].digest]
    assert twice.way == "manifest put back"
    assert "GHCR was not asked: it would move v2" in str(twice)
    assert twice.put_back.conflicts == (("v2", newer.digest),)
    found = {tag: github.shelf.find(APP, tag) for tag in ("v2", "also-v2")}
    assert {tag: one.digest for tag, one in found.items() if one} == {"v2": newer.digest, "also-v2": twice.line.digest}


def test_a_promise_that_is_not_kept_is_seen(tmp_path: Path, github: GhcrEmulator) -> None:
    estate, plan = carried_out(tmp_path / "site", github)
    github.shelf.hides_blobs = False
    github.fail(lambda asked: asked.path.endswith("/restore"), Reply(204))
    restoration = restored(estate, plan)
    refuse_partial(restoration)
    (doubted,) = [one for one in restoration.restored if one.brought.why_not]
    assert "GHCR said that it restored it, and" in doubted.brought.why_not
    assert doubted.way == "manifest put back"


def test_a_spent_limit_is_met_once_and_told_until_when(tmp_path: Path, github: GhcrEmulator) -> None:
    estate, plan = carried_out(tmp_path / "site", github)
    github.shelf.hides_blobs = False
    spent = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(time.time()) + 3600)}
    github.fail(lambda asked: asked.method == "POST", Reply(403, {"message": "API rate limit exceeded"}, headers=spent))
    restoration = restored(estate, plan)
    refuse_partial(restoration)
    assert all("limits how much we may ask, until" in one.brought.why_not for one in restoration.restored)
    assert len(posts(github)) == 1


@pytest.mark.parametrize("others", list(product([False, True], repeat=2)), ids=str)
@pytest.mark.parametrize("github_has_it", [True, False])
def test_whatever_happened_to_its_tags_meanwhile_none_is_ever_moved(
    github: GhcrEmulator, others: tuple[bool, bool], github_has_it: bool
) -> None:
    github.shelf.hides_blobs = False
    old, newer = make_image([b"old"]), make_image([b"newer"])
    github.shelf.put(APP, old, "v1", "stable").deleted = True
    taken = {tag for tag, is_taken in zip(("v1", "stable"), others, strict=True) if is_taken}
    github.shelf.put(APP, newer, "latest")
    github.shelf.repositories[APP][newer.digest].tags += sorted(taken)
    if not github_has_it:
        github.fail(lambda asked: asked.query.get("state") == "deleted", Reply(200, []), times=99)
    own = {"ghcr": {"api": github.url, "owner": "acme", "token": {"env": "GITHUB_JANITOR"}}}
    connection = RegistryConnection("test", settings_of(github.url, own))
    vendor = restoration_of(connection)
    assert vendor is not None
    client = RegistryClient(connection)
    brought = VendorWay(client, vendor, pause=lambda _seconds: None).bring_back(APP, old.digest, ["v1", "stable"])
    back = Restorer(client).put_back(APP, old.digest, old.manifest_bytes, old.media_type, ["v1", "stable"])
    assert back.is_back
    assert {tag for tag, _ in back.conflicts} == taken
    assert set(back.tags) == {"v1", "stable"} - taken
    assert bool(brought.by) == (github_has_it and not taken)
    assert back.put != bool(brought.by)
    for tag in ("v1", "stable"):
        assert client.head_manifest(APP, tag) == (newer if tag in taken else old).digest


def test_the_time_machine_of_quay_is_told_which_tags(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUAY_TOKEN", "quay-oauth-4711")
    old, other = make_image([b"old"]), make_image([b"other"])
    with EmbeddedRegistry(tmp_path / "registry", durable=False) as registry, QuayEmulator() as quay:
        for tag, image in (("v1", old), ("stable", old), ("taken", other)):
            push(registry.layout, TOOL, image, tag)
        registry.layout.delete_tag(TOOL, "v1")
        quay.repositories[TOOL] = [QuayTag(tag, old.digest, ended=True) for tag in ("v1", "taken")]

        def follow(asked: Asked) -> Reply | None:
            if asked.path.endswith("/tag/v1/restore"):
                registry.layout.put_manifest(TOOL, old.manifest_bytes, old.media_type, tag=asked.path.split("/")[-2])
            return None

        quay.faults.append(follow)
        own = {"quay": {"api": quay.url, "token": {"env": "QUAY_TOKEN"}}}
        connection = RegistryConnection("test", settings_of(registry.url, own))
        vendor = restoration_of(connection)
        assert vendor is not None
        way = VendorWay(RegistryClient(connection), vendor, pause=lambda _seconds: None)
        assert way.bring_back(TOOL, old.digest, ["v1", "stable", "taken"]) == Brought(by="Quay")
        assert quay.paths("POST") == [f"/api/v1/repository/{TOOL}/tag/v1/restore"]
        assert way.bring_back(TOOL, old.digest, ["v1", "stable", "taken"]) == Brought()
        gone = make_image([b"gone"]).digest
        assert "beyond the time machine's span" in way.bring_back(TOOL, gone, ["v0"]).why_not
        assert "the time machine knows tags only" in way.bring_back(TOOL, gone, []).why_not
        quay.token = "another"
        assert "`repo:write`" in way.bring_back(TOOL, gone, ["v0"]).why_not
