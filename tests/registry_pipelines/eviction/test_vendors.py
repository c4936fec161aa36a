"""Whole plans where the vendor's own API deletes and protects: at GitHub and at Harbor, on real sockets."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from registry_core.errors import PartialFailure, RegistryError
from registry_core.eviction import Plan
from tests.image_builder import BuiltImage, make_image, make_multi_platform
from tests.registry_pipelines.eviction.estate import Estate
from tests.resources.registry.providers.ghcr_emulator import GhcrEmulator
from tests.resources.registry.providers.harbor_emulator import HarborEmulator
from tests.resources.registry.providers.oci_shelf import Shelf
from tests.resources.registry.providers.vendor_server import Asked, Reply

APP, TOOL = "acme/team/app", "acme/tool"


@pytest.fixture
def github(monkeypatch: pytest.MonkeyPatch) -> Iterator[GhcrEmulator]:
    monkeypatch.setenv("GITHUB_TOKEN", "ghp_reader_4711")
    monkeypatch.setenv("GITHUB_JANITOR", "ghp_janitor_4711")
    with GhcrEmulator() as emulator:
        yield emulator


@pytest.fixture
def harbor(monkeypatch: pytest.MonkeyPatch) -> Iterator[HarborEmulator]:
    monkeypatch.setenv("HARBOR_ROBOT", "robot-secret-4711")
    with HarborEmulator() as emulator:
        yield emulator


def at_github(folder: Path, github: GhcrEmulator, **settings: Any) -> Estate:
    provider = {"ghcr": {"api": github.url, "owner": "acme", "token": {"env": "GITHUB_TOKEN"}}}
    janitor = {"username": "janitor", "password": {"env": "GITHUB_JANITOR"}}
    return furnished(folder, github.url, github.shelf, provider=provider, delete_credentials=janitor, **settings)


def at_harbor(folder: Path, harbor: HarborEmulator, **settings: Any) -> Estate:
    robot = {"username": "robot$pipelines", "password": {"env": "HARBOR_ROBOT"}}
    return furnished(folder, harbor.url, harbor.shelf, provider="harbor", credentials=robot, **settings)


def furnished(folder: Path, url: str, shelf: Shelf, **settings: Any) -> Estate:
    """Of each repository the newest stays; `index`, `twice`, `v3` and `t1` go."""
    estate = Estate(folder, url, {"patience": "2s", **settings})
    folder.mkdir(parents=True, exist_ok=True)
    estate.configure()
    images = {name: make_image([name.encode()]) for name in ("twice", "v3", "newest", "t1", "t2")}
    images["index"] = make_multi_platform(content=b"index")
    for day, name in enumerate(("index", "twice", "v3", "newest", "t1", "t2"), start=1):
        tags = ("v2", "also-v2") if name == "twice" else (name,)
        where = TOOL if name in ("t1", "t2") else APP
        shelf.put(where, images[name], *tags, pushed_at=f"2026-01-{day:02}T00:00:00Z")
    estate.images = images
    estate.use(f"{APP}:newest", f"{TOOL}:t2")
    return estate


def doomed(estate: Estate) -> list[BuiltImage]:
    images = estate.images
    return [images["index"], *images["index"].children, images["twice"], images["v3"], images["t1"]]


def outcome(estate: Estate, plan: Plan, name: str) -> str:
    return estate.journal(plan)[TOOL if name in ("t1", "t2") else APP, estate.images[name].digest]


def live(shelf: Shelf) -> set[str]:
    return {one.digest for repository in (APP, TOOL) for one in shelf.live(repository)}


def is_deletion(asked: Asked) -> bool:
    return asked.method == "DELETE"


def test_at_github_versions_go_by_their_number_with_all_their_tags(tmp_path: Path, github: GhcrEmulator) -> None:
    estate = at_github(tmp_path / "site", github)
    number_of = {one.digest: one.number for name in (APP, TOOL) for one in github.shelf.live(name)}
    plan = estate.plan()
    assert estate.execute(plan).record.state == "done"
    assert set(estate.journal(plan).values()) == {"deleted"}
    assert live(github.shelf) == {estate.images["newest"].digest, estate.images["t2"].digest}
    asked = github.paths("DELETE")
    package = {estate.images["t1"].digest: "tool"}
    paths = [
        f"/orgs/acme/packages/container/{package.get(one.digest, 'team%2Fapp')}/versions/{number_of[one.digest]}"
        for one in doomed(estate)
    ]
    assert sorted(asked) == sorted(paths)
    assert asked.index(paths[0]) < min(
        asked.index(path) for path in paths[1 : 1 + len(estate.images["index"].children)]
    )
    tokens = {one.headers["authorization"] for one, _ in github.asked if is_deletion(one)}
    assert tokens == {"Bearer ghp_janitor_4711"}


def test_what_github_keeps_is_told_as_refused_and_the_rest_goes(tmp_path: Path, github: GhcrEmulator) -> None:
    estate = at_github(tmp_path / "site", github)
    plan = estate.plan()
    github.shelf.repositories[APP][estate.images["v3"].digest].downloads = 6_000
    with pytest.raises(PartialFailure, match="1 refused by registry"):
        estate.execute(plan)
    assert outcome(estate, plan, "v3").startswith("refused by registry: 400: ")
    assert "5,000 downloads" in outcome(estate, plan, "v3")
    assert live(github.shelf) == {estate.images[name].digest for name in ("newest", "t2", "v3")}


def test_a_spent_limit_ends_the_run_and_tells_until_when(tmp_path: Path, github: GhcrEmulator) -> None:
    estate = at_github(tmp_path / "site", github)
    plan = estate.plan()
    spent = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(time.time()) + 3600)}
    github.fail(is_deletion, Reply(403, {"message": "API rate limit exceeded"}, headers=spent), times=1)
    with pytest.raises(RegistryError, match=r"limits how much we may ask, until \d{4}-") as raised:
        estate.execute(plan)
    assert raised.value.fault == "throttled"
    assert {text.partition(":")[0] for text in estate.journal(plan).values()} <= {"failed", "deleted", "None"}
    assert estate.execute(plan, "run 2").record.state == "done"
    assert live(github.shelf) == {estate.images["newest"].digest, estate.images["t2"].digest}


def test_a_deletion_whose_answer_was_lost_is_read_back_from_the_registry(tmp_path: Path, github: GhcrEmulator) -> None:
    estate = at_github(tmp_path / "site", github, retries=0)
    plan = estate.plan()
    lost: list[str] = []

    def lose(asked: Asked) -> Reply | None:
        if not is_deletion(asked) or lost:
            return None
        lost.append(asked.path)
        assert github.answer(asked).status == 204
        return Reply(502, {"message": "Bad Gateway"})

    github.faults.append(lose)
    assert estate.execute(plan).record.state == "done"
    assert lost
    assert set(estate.journal(plan).values()) == {"deleted"}


def test_at_harbor_names_are_encoded_twice_and_owners_go_first(tmp_path: Path, harbor: HarborEmulator) -> None:
    estate = at_harbor(tmp_path / "site", harbor)
    plan = estate.plan()
    assert estate.execute(plan).record.state == "done"
    assert set(estate.journal(plan).values()) == {"deleted"}
    assert live(harbor.shelf) == {estate.images["newest"].digest, estate.images["t2"].digest}
    asked = harbor.paths("DELETE")
    names = {estate.images["t1"].digest: "tool"}
    assert sorted(asked) == sorted(
        f"/api/v2.0/projects/acme/repositories/{names.get(one.digest, 'team%252Fapp')}/artifacts/{one.digest}"
        for one in doomed(estate)
    )
    assert all(reply.status == 200 for one, reply in harbor.asked if is_deletion(one))


def test_what_harbor_protects_since_the_plan_is_spared(tmp_path: Path, harbor: HarborEmulator) -> None:
    estate = at_harbor(tmp_path / "site", harbor)
    plan = estate.plan()
    harbor.immutable |= {(APP, "also-v2"), (APP, "index")}
    assert estate.execute(plan).record.state == "done"
    assert outcome(estate, plan, "twice") == "spared: protected by Harbor: immutable tag: also-v2"
    assert outcome(estate, plan, "index") == "spared: protected by Harbor: immutable tag: index"
    for child in estate.images["index"].children:
        assert estate.journal(plan)[APP, child.digest].startswith("spared: it belongs with")
    stays = [estate.images["index"], *estate.images["index"].children, estate.images["twice"]]
    assert not [path for path in harbor.paths("DELETE") if any(one.digest in path for one in stays)]
    assert outcome(estate, plan, "v3") == outcome(estate, plan, "t1") == "deleted"


def test_harbor_is_asked_once_for_each_repository_of_the_plan(tmp_path: Path, harbor: HarborEmulator) -> None:
    estate = at_harbor(tmp_path / "site", harbor)
    plan = estate.plan()
    estate.configure(eviction={"wave_size": 1})
    before = len(harbor.paths())
    estate.execute(plan)
    lists = [path for path in harbor.paths()[before:] if path.endswith("/artifacts")]
    assert len(lists) == len(set(lists)) == 2


def test_where_harbor_does_not_tell_what_it_protects_nothing_goes(tmp_path: Path, harbor: HarborEmulator) -> None:
    estate = at_harbor(tmp_path / "site", harbor)
    plan = estate.plan()
    harbor.fail(lambda asked: "team%252Fapp/artifacts" in asked.path, Reply(500), times=2)
    with pytest.raises(PartialFailure):
        estate.execute(plan)
    assert outcome(estate, plan, "v3").startswith("failed: the repository could not be read: what Harbor protects")
    assert outcome(estate, plan, "t1") == "deleted"
    assert not [path for path in harbor.paths("DELETE") if "team" in path]
    assert estate.execute(plan, "run 2").record.state == "done"
    assert outcome(estate, plan, "v3") == "deleted"


def test_what_harbor_refuses_is_told_and_what_belongs_to_it_waits(tmp_path: Path, harbor: HarborEmulator) -> None:
    estate = at_harbor(tmp_path / "site", harbor)
    plan = estate.plan()
    index = estate.images["index"]
    said = Reply(412, {"errors": [{"code": "PRECONDITION", "message": "matched a rule"}]})
    harbor.fail(lambda asked: is_deletion(asked) and index.digest in asked.path, said)
    with pytest.raises(PartialFailure):
        estate.execute(plan)
    assert outcome(estate, plan, "index").startswith("refused by registry: 412: ")
    for child in index.children:
        assert estate.journal(plan)[APP, child.digest].startswith(f"failed: it waits for {index.digest}")
    assert live(harbor.shelf) >= {index.digest, *(child.digest for child in index.children)}
    assert outcome(estate, plan, "twice") == "deleted"


def test_harbor_removes_a_single_tag_and_leaves_the_image(tmp_path: Path, harbor: HarborEmulator) -> None:
    estate = at_harbor(tmp_path / "site", harbor)
    policies = [{"repositories": ["**"], "keep_last": 1, "keep_tags": ["also-*"], "untagged": {"keep": False}}]
    estate.configure(policies=policies)
    plan = estate.plan()
    assert estate.execute(plan).record.state == "done"
    assert outcome(estate, plan, "twice") == "deleted"
    assert harbor.shelf.repositories[APP][estate.images["twice"].digest].tags == ["also-v2"]
    assert "/api/v2.0/projects/acme/repositories/team%252Fapp/artifacts/v2/tags/v2" in harbor.paths("DELETE")
