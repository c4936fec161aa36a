"""Absence is no evidence: a tag that the plan knows and the registry denies spares its image while that answers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from registry_core.errors import PartialFailure
from resources.embedded_registry import EmbeddedRegistry
from tests.image_builder import make_index, push
from tests.registries import DockerRegistry
from tests.registry_pipelines.eviction.meddler import Meddler
from tests.registry_pipelines.eviction.web import (
    POLICIES,
    WEB,
    Estate,
    Lie,
    all_of,
    build_web,
    denies,
    journal,
    left,
    lists,
    lists_null,
)

LIES = {
    "no list": [lists(None)],
    "an empty list": [lists([])],
    "null": [lists_null()],
    "a list without it": [lists(["v1", "v3", "v4"])],
    "no list, and the tag is denied": [lists(None), denies("v2", "HEAD", "GET")],
    "an empty list, and the tag is denied": [lists([]), denies("v2", "HEAD", "GET")],
    "a list without it, and it is denied": [lists(["v1", "v3", "v4"]), denies("v2", "HEAD", "GET")],
    "the tag is listed and denied": [denies("v2", "HEAD", "GET")],
    "all tags are denied": [lists([]), *(denies(f"v{number}", "HEAD", "GET") for number in range(1, 5))],
}


@pytest.fixture
def docker(tmp_path: Path) -> Iterator[Estate]:
    with DockerRegistry(tmp_path / "registry") as registry:
        yield build_web(tmp_path / "site", registry.url)


@pytest.fixture
def embedded(tmp_path: Path) -> Iterator[Estate]:
    with EmbeddedRegistry(tmp_path / "registry", durable=False) as registry:
        yield build_web(tmp_path / "site", registry.url)


def through(estate: Estate, meddler: Meddler) -> None:
    estate.configure(url=meddler.url, policies=POLICIES)


@pytest.mark.parametrize("lies", LIES.values(), ids=LIES.keys())
def test_an_image_that_came_into_use_is_spared_however_its_tag_is_hidden(docker: Estate, lies: list[Lie]) -> None:
    plan = docker.plan()
    docker.use(f"{WEB}:v4", f"{WEB}:v2")
    with Meddler(docker.url, all_of(*lies)) as meddler:
        through(docker, meddler)
        with pytest.raises(PartialFailure):
            docker.execute(plan)
    assert journal(docker, plan)["v2"] == "spared: now in use by production shop/web"
    assert "v2" in left(docker)


def test_a_head_that_is_always_404_is_asked_again_by_get(docker: Estate) -> None:
    plan = docker.plan()
    docker.use(f"{WEB}:v4", f"{WEB}:v2")
    with Meddler(docker.url, all_of(denies("v2", "HEAD"))) as meddler:
        through(docker, meddler)
        docker.execute(plan)
    assert journal(docker, plan) == {
        "v1": "deleted", "v2": "spared: now in use by production shop/web", "v3": "deleted",
    }  # fmt: skip


@pytest.mark.parametrize("lies", LIES.values(), ids=LIES.keys())
def test_what_is_in_doubt_is_spared_for_now_and_asked_again_by_the_next_run(embedded: Estate, lies: list[Lie]) -> None:
    plan = embedded.plan()
    with Meddler(embedded.url, all_of(*lies)) as meddler:
        through(embedded, meddler)
        with pytest.raises(PartialFailure, match="3 of 3 entries are not done"):
            embedded.execute(plan)
    assert left(embedded) == {"v1", "v2", "v3", "v4"}
    assert all(text.startswith("spared: for now, as the registry") for text in journal(embedded, plan).values())
    embedded.configure(policies=POLICIES)
    embedded.execute(plan, "run 2")
    assert left(embedded) == {"v4"}
    assert set(journal(embedded, plan).values()) == {"deleted"}


def test_a_tag_that_was_really_removed_spares_once_more_and_then_ends_the_plan(embedded: Estate) -> None:
    plan = embedded.plan()
    embedded.delete("v2", WEB)
    with pytest.raises(PartialFailure):
        embedded.execute(plan)
    assert journal(embedded, plan)["v2"].startswith("spared: for now, as the registry no longer shows the tag v2")
    assert embedded.execute(plan, "run 2").record.state == "done"
    assert journal(embedded, plan)["v2"].startswith("spared: the registry no longer shows the tag v2 and still has")
    assert left(embedded) == {"v1", "v2", "v3", "v4"}
    again = embedded.plan()  # by a catalog that knows of it
    embedded.execute(again, "run 3")
    assert left(embedded) == {"v2", "v4"}


def test_a_tag_that_went_with_its_image_holds_nothing_up(docker: Estate) -> None:
    plan = docker.plan()
    docker.delete(docker.images["v2"].digest, WEB)
    docker.execute(plan)
    assert journal(docker, plan) == {"v1": "deleted", "v2": "already gone", "v3": "deleted"}


@pytest.mark.parametrize("lie", [lists(None), lists([]), lists_null(), lists(["v2", "v3", "v4"])])
def test_a_list_that_leaves_something_out_cannot_hide_a_new_tag(docker: Estate, lie: Lie) -> None:
    plan = docker.plan()
    push(docker.url, WEB, docker.images["v1"], "rescue")
    with Meddler(docker.url, all_of(lie, denies("rescue", "HEAD", "GET"))) as meddler:
        through(docker, meddler)
        with pytest.raises(PartialFailure):
            docker.execute(plan)
    assert "v1" in left(docker)


def test_a_new_tag_that_is_listed_and_denied_may_name_anything(docker: Estate) -> None:
    plan = docker.plan()
    push(docker.url, WEB, docker.images["v1"], "rescue")
    with Meddler(docker.url, all_of(denies("rescue", "HEAD", "GET"))) as meddler:
        through(docker, meddler)
        with pytest.raises(PartialFailure):
            docker.execute(plan)
    assert left(docker) == {"v1", "v2", "v3", "v4"}
    assert "lists the tag rescue and answers 404 for it" in journal(docker, plan)["v1"]


def test_a_workload_that_wants_what_nobody_ever_saw_spares_the_repository(docker: Estate) -> None:
    plan = docker.plan()
    push(docker.url, WEB, docker.images["v1"], "v9")
    docker.use(f"{WEB}:v4", f"{WEB}:v9")
    with Meddler(docker.url, all_of(lists(["v1", "v2", "v3", "v4"]), denies("v9", "HEAD", "GET"))) as meddler:
        through(docker, meddler)
        with pytest.raises(PartialFailure):
            docker.execute(plan)
    assert left(docker) == {"v1", "v2", "v3", "v4"}
    assert "production shop/web wants the tag v9" in journal(docker, plan)["v1"]


def test_a_reference_that_was_broken_when_the_plan_was_made_holds_nothing_up(docker: Estate) -> None:
    docker.use(f"{WEB}:v4", f"{WEB}:typo")
    plan = docker.plan()
    docker.execute(plan)
    assert left(docker) == {"v4"}


def test_the_children_of_a_denied_index_in_use_are_spared(docker: Estate) -> None:
    index = docker.push("index", make_index([docker.images["v1"], docker.images["v2"]]), WEB, "both")
    plan = docker.plan()
    assert index.digest in {entry.digest for entry in plan.entries}
    docker.use(f"{WEB}:v4", f"{WEB}:both")
    lies = (lists(["v1", "v2", "v3", "v4"]), denies("both", "HEAD", "GET"), denies(index.digest, "HEAD", "GET"))
    with Meddler(docker.url, all_of(*lies)) as meddler:
        through(docker, meddler)
        docker.execute(plan)
    outcomes = journal(docker, plan)
    assert outcomes["v1"].startswith("spared: now in use by production shop/web")
    assert {"v1", "v2", "v4", "index"} <= left(docker)
    assert (outcomes["index"], outcomes["v3"]) == ("already gone", "deleted")
