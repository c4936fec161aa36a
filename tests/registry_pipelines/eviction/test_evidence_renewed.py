"""Evidence is renewed while a plan is carried out: what is used or named since the run began is saved."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import sleep

import pytest

from registry_core.errors import IncompleteSnapshot, PartialFailure, PlanStale
from registry_core.eviction import Plan
from registry_pipelines.eviction.fresh_evidence import Clock
from resources.embedded_registry import EmbeddedRegistry
from tests.image_builder import (
    BuiltImage,
    cosign_tag,
    make_cosign_signature,
    make_image,
    make_index,
    make_referrer,
    push,
)
from tests.registries import DockerRegistry
from tests.registry_pipelines.eviction.estate import created
from tests.registry_pipelines.eviction.meddler import Deed, Meddler
from tests.registry_pipelines.eviction.web import POLICIES, WEB, Estate, build_web, journal, left

LIMITS = {"min_images_in_use": 1, "max_evicted_share": 1.0}
USED_SINCE = "spared: now in use by production shop/web"


@pytest.fixture
def docker(tmp_path: Path) -> Iterator[Estate]:
    with DockerRegistry(tmp_path / "registry") as registry:
        yield build_web(tmp_path / "site", registry.url)


@pytest.fixture
def embedded(tmp_path: Path) -> Iterator[Estate]:
    with EmbeddedRegistry(tmp_path / "registry", durable=False) as registry:
        yield build_web(tmp_path / "site", registry.url)


class Time:
    """The clock of a run, which a deletion can put forward. A dump is as old as its file."""

    def __init__(self, estate: Estate) -> None:
        self.ahead = timedelta()
        self.estate = estate

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def passes(self, seconds: float) -> None:
        self.ahead += timedelta(seconds=seconds)

    def use(self, *references: str) -> None:
        self.estate.use(*references)
        at = self.now().timestamp()
        os.utime(self.estate.root / "cluster" / "workloads.json", (at, at))


def after_a_deletion(number: int, do: Callable[[], object]) -> Callable[[str, str, int], Deed | None]:
    """Something happens while the n-th DELETE is under way."""

    def rule(method: str, _path: str, count: int) -> Deed | None:
        if method == "DELETE" and count == number:
            do()
        return None

    return rule


def in_order(estate: Estate, plan: Plan) -> list[str]:
    """Names of the images of a plan, in the order in which they are deleted."""
    names = {image.digest: name for name, image in estate.images.items()}
    return [names[entry.digest] for entry in plan.entries]


def carry_out(
    estate: Estate, do: Callable[[list[str]], object], *, clock: Clock | None = None, **sections: object
) -> list[str]:
    """Carry out a plan through a proxy that does something during the first DELETE, given the names in their order;
    the outcomes in that order."""
    settings = {"policies": POLICIES, **sections}
    estate.configure(**settings)
    plan = estate.plan()
    names = in_order(estate, plan)
    with Meddler(estate.url, after_a_deletion(0, lambda: do(names))) as meddler:
        estate.configure(url=meddler.url, **settings)
        estate.execute(plan, **({"clock": clock} if clock else {}))
    outcomes = journal(estate, plan)
    return [outcomes[name] for name in names]


@pytest.mark.parametrize("wave_size", [1, 200])
def test_what_a_required_cluster_begins_to_use_during_a_slow_run_is_spared(docker: Estate, wave_size: int) -> None:
    time = Time(docker)

    def use_the_rest(names: list[str]) -> None:
        time.passes(5)
        time.use(f"{WEB}:v4", *(f"{WEB}:{name}" for name in names[1:]))

    outcomes = carry_out(
        docker, use_the_rest, clock=time.now, eviction={"wave_size": wave_size},
        limits={**LIMITS, "max_inventory_age": "25s"},
    )  # fmt: skip
    assert outcomes == ["deleted", USED_SINCE, USED_SINCE]


def test_an_inventory_is_not_taken_again_while_it_is_young(embedded: Estate) -> None:
    """Fewer than a tenth of `max_inventory_age` has passed: the next wave stands on the same inventory."""
    with embedded.connections() as connections:
        before = len(connections.history.snapshots("inventory", "production"))
    carry_out(embedded, lambda _: None, eviction={"wave_size": 1})
    with embedded.connections() as connections:
        assert len(connections.history.snapshots("inventory", "production")) == before + 2  # of plan and run


def test_an_inventory_that_becomes_too_old_stops_the_run_and_the_plan_can_be_started_again(docker: Estate) -> None:
    time = Time(docker)
    sections = {"policies": POLICIES, "limits": {**LIMITS, "max_inventory_age": "1h"}}
    docker.configure(**sections)
    plan = docker.plan()
    with Meddler(docker.url, after_a_deletion(0, lambda: time.passes(4000))) as meddler:
        docker.configure(url=meddler.url, **sections)
        with pytest.raises(PlanStale, match="nothing more is deleted: the inventory of production is 1 hour old"):
            docker.execute(plan, clock=time.now)
    first, *rest = in_order(docker, plan)
    assert journal(docker, plan)[first] == "deleted"
    assert left(docker) == {*rest, "v4"}
    docker.configure(**sections)
    assert docker.execute(plan, "run 2").record.state == "done"
    assert left(docker) == {"v4"}


def test_an_inventory_that_cannot_be_taken_again_stops_the_run(docker: Estate) -> None:
    time = Time(docker)
    dump = docker.root / "cluster" / "workloads.json"

    def break_it(_: list[str]) -> None:
        time.passes(1000)
        dump.write_text(dump.read_text()[:-2])
        os.utime(dump, (time.now().timestamp(),) * 2)

    with pytest.raises(IncompleteSnapshot, match="nothing more is deleted"):
        carry_out(docker, break_it, clock=time.now)
    assert len(left(docker)) == 3


Change = Callable[[Estate, BuiltImage], object]


def tag_it(estate: Estate, image: BuiltImage) -> None:
    push(estate.url, WEB, image, "rescue")


def move_a_tag(estate: Estate, image: BuiltImage) -> None:
    push(estate.url, WEB, image, "latest")


def list_it(estate: Estate, image: BuiltImage) -> None:
    push(estate.url, WEB, make_index([image]), "both")


def list_it_in_an_index_of_indexes(estate: Estate, image: BuiltImage) -> None:
    push(estate.url, WEB, make_index([make_index([image])]), "all")


def sign_it(estate: Estate, image: BuiltImage) -> None:
    push(estate.url, WEB, make_cosign_signature(image), cosign_tag(image))


def refer_to_it(estate: Estate, image: BuiltImage) -> None:
    push(estate.url, WEB, make_referrer(image), "sbom")


CHANGES = [tag_it, move_a_tag, list_it, list_it_in_an_index_of_indexes, sign_it, refer_to_it]


@pytest.mark.parametrize("images", [4, 30])
@pytest.mark.parametrize("change", CHANGES)
def test_an_image_that_is_named_in_the_middle_of_a_wave_is_saved(tmp_path: Path, change: Change, images: int) -> None:
    with DockerRegistry(tmp_path / "registry") as registry:
        estate = build_web(tmp_path / "site", registry.url, images=images)
        push(estate.url, WEB, estate.images[f"v{images}"], "latest")

        def happens(names: list[str]) -> None:
            change(estate, estate.images[names[-1]])
            sleep(1.1 if change is move_a_tag and images > 10 else 0)  # every tag is asked for once a second

        outcomes = carry_out(estate, happens)
        assert outcomes.pop().startswith("spared: ")
        assert set(outcomes) == {"deleted"}


@pytest.mark.parametrize("images", [4, 30])
def test_a_push_that_concerns_nothing_holds_nothing_up(tmp_path: Path, images: int) -> None:
    with DockerRegistry(tmp_path / "registry") as registry:
        estate = build_web(tmp_path / "site", registry.url, images=images)
        new = make_image([b"new"], config=created(31))
        outcomes = carry_out(estate, lambda _: push(estate.url, WEB, new, "new"))
        assert set(outcomes) == {"deleted"}
        assert set(estate.tags(WEB)) == {f"v{images}", "new"}


def test_a_tag_that_is_pushed_before_the_first_deletion_of_its_repository_is_seen(docker: Estate) -> None:
    """The tags are read again after the journal was written, however long a quarantine took."""
    docker.configure(policies=POLICIES)
    plan = docker.plan()
    first = in_order(docker, plan)[0]
    lists = 0

    def rule(method: str, path: str, _count: int) -> None:
        nonlocal lists
        if method == "GET" and "/tags/list" in path:
            lists += 1
            if lists == 2:  # the first is that of the last look
                push(docker.url, WEB, docker.images[first], "rescue")

    with Meddler(docker.url, rule) as meddler:
        docker.configure(url=meddler.url, policies=POLICIES)
        docker.execute(plan)
        assert docker.images[first].digest not in meddler.asked_to_delete()
    assert journal(docker, plan)[first] == "spared: it has the new tag rescue"


def test_a_list_that_is_emptied_in_the_middle_of_a_wave_is_not_believed(docker: Estate) -> None:
    docker.configure(policies=POLICIES)
    plan = docker.plan()

    def rule(method: str, path: str, _count: int) -> Deed | None:
        deleted = meddler.asked_to_delete()
        if method == "GET" and "/tags/list" in path and len(deleted) == 1:
            return Deed(200, body=b'{"name":"team/web","tags":[]}')
        return None

    with Meddler(docker.url, rule) as meddler:
        docker.configure(url=meddler.url, policies=POLICIES)
        with pytest.raises(PartialFailure, match="entries are not done"):
            docker.execute(plan)
    assert len(left(docker)) == 3
    assert sum(text.startswith("spared: for now") for text in journal(docker, plan).values()) == 2
