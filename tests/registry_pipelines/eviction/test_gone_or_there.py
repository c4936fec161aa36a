"""Whether an image is gone is asked in one way, whatever the registry's HEAD and DELETE answer."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import sqlalchemy as sa

from registry_core.errors import DeletionDisabled, PartialFailure, RegistryError
from registry_core.eviction import Plan
from registry_pipelines.eviction.restore import restore_evicted
from resources.database.connection import Database
from resources.database.schema import manifest_documents
from resources.embedded_registry import EmbeddedRegistry
from resources.registry.client import RegistryClient
from tests.registries import DockerRegistry
from tests.registry_pipelines.eviction.meddler import Deed, Meddler
from tests.registry_pipelines.eviction.web import POLICIES, WEB, Estate, build_web, journal, left

Rule = Callable[[str, str, int], Deed | None]
HEADS = [404, 405]


@pytest.fixture
def docker(tmp_path: Path) -> Iterator[Estate]:
    with DockerRegistry(tmp_path / "registry") as registry:
        yield build_web(tmp_path / "site", registry.url)


@pytest.fixture
def embedded(tmp_path: Path) -> Iterator[Estate]:
    with EmbeddedRegistry(tmp_path / "registry", durable=False) as registry:
        yield build_web(tmp_path / "site", registry.url)


def carry_out(estate: Estate, rule: Rule, *, plan: Plan | None = None, run_id: str = "run 1") -> Plan:
    """Carry out a plan through a proxy; how it ends is not asked."""
    plan = plan or estate.plan()
    with Meddler(estate.url, rule) as meddler:
        estate.configure(url=meddler.url, policies=POLICIES)
        try:
            with suppress(PartialFailure):
                estate.execute(plan, run_id)
        finally:
            estate.configure(policies=POLICIES)
    return plan


def answers(head: int, delete: Deed | None = None, to: str = "") -> Rule:
    """HEAD of any manifest is answered so, and DELETE of those that end so."""

    def rule(method: str, path: str, _count: int) -> Deed | None:
        if method == "HEAD" and "/manifests/" in path:
            return Deed(head)
        return delete if method == "DELETE" and path.endswith(to) else None

    return rule


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize(
    "delete", [Deed(500), Deed(404, "MANIFEST_UNKNOWN"), Deed(403, "DENIED"), Deed(503), Deed(202)]
)
def test_nothing_is_deleted_that_is_still_there(
    docker: Estate, head: int, delete: Deed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("registry_pipelines.eviction.deleting._ASK_AGAIN_SECONDS", (0.01,))
    plan = carry_out(docker, answers(head, delete))
    outcomes = journal(docker, plan)
    assert left(docker) == {"v1", "v2", "v3", "v4"}
    assert set(outcomes) == {"v1", "v2", "v3"}
    words = "refused by registry: DENIED" if delete.status == 403 else "failed: "
    assert all(text.startswith(words) and text != "failed: " for text in outcomes.values())
    carry_out(docker, lambda *_: None, plan=plan, run_id="run 2")
    assert set(journal(docker, plan).values()) == {"deleted"}


@pytest.mark.parametrize("head", HEADS)
def test_what_is_gone_is_deleted_whatever_head_answers(docker: Estate, head: int) -> None:
    plan = carry_out(docker, answers(head))
    assert journal(docker, plan) == {"v1": "deleted", "v2": "deleted", "v3": "deleted"}
    assert left(docker) == {"v4"}


@pytest.mark.parametrize("status", [404, 405, 500, 503])
def test_an_odd_answer_to_a_deletion_that_was_done_is_not_believed(docker: Estate, status: int) -> None:
    """A proxy that sends the request on and answers something else."""

    def rule(method: str, path: str, _count: int) -> Deed | None:
        if method == "DELETE":
            docker.delete(path.rpartition("/")[2], WEB)
            return Deed(status, "ODD")
        return None

    plan = carry_out(docker, rule)
    assert set(journal(docker, plan).values()) == {"already gone" if status == 404 else "deleted"}


def test_where_nobody_can_say_whether_it_is_gone_the_reason_says_that(docker: Estate) -> None:
    def rule(method: str, path: str, _count: int) -> Deed | None:
        if method == "DELETE":
            deleted.add(path.rpartition("/")[2])
        if method in ("HEAD", "GET") and path.rpartition("/")[2] in deleted:
            return Deed(403, "DENIED")
        return None

    deleted: set[str] = set()
    plan = carry_out(docker, rule)
    assert all(
        "accepted the deletion; whether the image is gone could not be asked: " in text
        for text in journal(docker, plan).values()
    )
    carry_out(docker, lambda *_: None, plan=plan, run_id="run 2")
    assert set(journal(docker, plan).values()) == {"deleted"}


def locked(name: str, estate: Estate) -> Rule:
    return answers_delete(Deed(405, "UNSUPPORTED"), {estate.images[name].digest})


def answers_delete(deed: Deed, digests: set[str]) -> Rule:
    return lambda method, path, _: deed if method == "DELETE" and path.rpartition("/")[2] in digests else None


@pytest.mark.parametrize("name", ["v1", "v2", "v3"])
def test_405_for_one_image_is_about_that_image(docker: Estate, name: str) -> None:
    plan = carry_out(docker, locked(name, docker))
    outcomes = journal(docker, plan)
    assert outcomes.pop(name) == "refused by registry: UNSUPPORTED"
    assert set(outcomes.values()) == {"deleted"}
    carry_out(docker, locked(name, docker), plan=plan, run_id="run 2")
    assert journal(docker, plan)[name] == "refused by registry: UNSUPPORTED"
    carry_out(docker, lambda *_: None, plan=plan, run_id="run 3")  # it was unlocked
    assert left(docker) == {"v4"}


def test_405_is_about_the_images_where_others_were_deleted_by_an_earlier_plan(tmp_path: Path) -> None:
    with DockerRegistry(tmp_path / "registry") as registry:
        estate = build_web(tmp_path / "site", registry.url, images=6)
        estate.configure(policies=[{**POLICIES[0], "keep_last": 5}])
        estate.execute(estate.plan())
        assert left(estate) == {"v2", "v3", "v4", "v5", "v6"}
        estate.configure(policies=POLICIES)
        digests = {image.digest for image in estate.images.values()}
        plan = carry_out(estate, answers_delete(Deed(405, "UNSUPPORTED"), digests))
        assert journal(estate, plan) == dict.fromkeys(("v2", "v3", "v4", "v5"), "refused by registry: UNSUPPORTED")


def test_deletion_is_disabled_where_nothing_was_ever_deleted_and_all_say_405(docker: Estate) -> None:
    with pytest.raises(DeletionDisabled, match=r"storage\.delete\.enabled"):
        carry_out(docker, answers_delete(Deed(405, "UNSUPPORTED"), {one.digest for one in docker.images.values()}))
    assert left(docker) == {"v1", "v2", "v3", "v4"}


def test_a_plan_of_one_image_says_that_deletion_is_disabled(docker: Estate) -> None:
    policies = [{**POLICIES[0], "keep_last": 3}]
    docker.configure(policies=policies)
    plan = docker.plan()
    with Meddler(docker.url, locked("v1", docker)) as meddler:
        docker.configure(url=meddler.url, policies=policies)
        with pytest.raises(DeletionDisabled):
            docker.execute(plan)
    assert journal(docker, plan) == {"v1": "refused by registry: UNSUPPORTED"}


def test_locked_images_at_the_beginning_block_a_plan_once_and_not_for_good(tmp_path: Path) -> None:
    with DockerRegistry(tmp_path / "registry") as registry:
        estate = build_web(tmp_path / "site", registry.url, images=9)
        plan = estate.plan()
        first = {entry.digest for entry in plan.entries[:3]}
        with pytest.raises(DeletionDisabled):
            carry_out(estate, answers_delete(Deed(405, "UNSUPPORTED"), first), plan=plan)
        carry_out(estate, answers_delete(Deed(405, "UNSUPPORTED"), first), plan=plan, run_id="run 2")
        outcomes = list(journal(estate, plan).values())
        assert (outcomes.count("deleted"), outcomes.count("refused by registry: UNSUPPORTED")) == (5, 3)


@pytest.mark.parametrize("head", HEADS)
def test_restore_asks_in_the_same_way(docker: Estate, head: int) -> None:
    """A HEAD that denies everything puts nothing back a second time, and moves no tag."""
    plan = carry_out(docker, lambda *_: None)
    with docker.connections() as connections:
        restore_evicted(connections, plan.fingerprint, run_id="back")
    assert left(docker) == {"v1", "v2", "v3", "v4"}
    with Meddler(docker.url, answers(head)) as meddler:
        docker.configure(url=meddler.url, policies=POLICIES)
        with docker.connections() as connections:
            restored = restore_evicted(connections, plan.fingerprint, run_id="again").restored
        assert {one.way for one in restored} == {"was there"}
        assert not [method for method, _ in meddler.asked if method == "PUT"]


@pytest.mark.parametrize(
    ("head", "get", "there"),
    [(200, 200, True), (404, 200, True), (405, 200, True), (404, 404, False), (405, 404, False), (404, 410, False)],
)
def test_there_or_gone(docker: Estate, head: int, get: int, there: bool) -> None:
    with Meddler(docker.url, _manifests(head, get)) as meddler:
        docker.configure(url=meddler.url, policies=POLICIES)
        with docker.connections() as connections:
            client = RegistryClient(connections.registry("main"))
            assert client.manifest_exists(WEB, "v1") is there
            assert client.find_manifest(WEB, "v1") == (docker.images["v1"].digest if there else None)


@pytest.mark.parametrize(("head", "get"), [(404, 403), (404, 500), (403, 200), (500, 404), (429, 404), (405, 401)])
def test_neither_there_nor_gone_raises(docker: Estate, head: int, get: int) -> None:
    docker.settings = {"retries": 0, "patience": "0s"}
    with Meddler(docker.url, _manifests(head, get)) as meddler:
        docker.configure(url=meddler.url, policies=POLICIES)
        with docker.connections() as connections, pytest.raises(RegistryError):
            RegistryClient(connections.registry("main")).manifest_exists(WEB, "v1")


def _manifests(head: int, get: int) -> Rule:
    def rule(method: str, path: str, _count: int) -> Deed | None:
        status = {"HEAD": head, "GET": get}.get(method, 200)
        return Deed(status) if "/manifests/" in path and status != 200 else None

    return rule


def test_an_image_whose_manifest_cannot_be_read_is_kept(embedded: Estate) -> None:
    """What the history holds under its digest is something else, and so is what the registry sends."""
    plan = embedded.plan()
    digest = embedded.images["v2"].digest
    with embedded.connections() as connections:
        url = str(connections.history._given.url)
    with Database(url).engine.begin() as connection:
        connection.execute(
            sa.update(manifest_documents)
            .where(manifest_documents.c.digest == digest)
            .values(document=zlib.compress(b"{}"))
        )
    carry_out(
        embedded,
        lambda method, path, _: Deed(200, body=b"{}") if method == "GET" and path.endswith(digest) else None,
        plan=plan,
    )
    outcomes = journal(embedded, plan)
    assert outcomes["v2"] == "spared: its manifest could not be read, so it is kept"
    assert (outcomes["v1"], outcomes["v3"]) == ("deleted", "deleted")
