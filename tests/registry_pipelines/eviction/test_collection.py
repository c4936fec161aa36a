"""Collection: planned, approved, refused while pushes are possible, run in the registry's pod, measured."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from assets.taking.collection import how_to_collect, take_collection_plan
from registry_core.collection import CollectionPlan
from registry_core.errors import ApprovalMissing, ClusterError, PartialFailure, Refused
from registry_core.eviction import Plan
from registry_pipelines.eviction.collection import CollectionRun, execute_collection
from registry_pipelines.eviction.restore import restore_evicted
from tests.image_builder import make_image, push
from tests.registries import DockerRegistry
from tests.registry_pipelines.eviction.collecting import (
    READ_ONLY,
    a_pod,
    approve_collection,
    approved_collection,
    configure,
    plan_collection,
    run_collection,
)
from tests.registry_pipelines.eviction.estate import APP, REGISTRY, RULES, TOOLS, Estate, build, created


@pytest.fixture
def pod(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("PLATFORM_TOKEN", "secret")
    with a_pod() as url:
        yield url


def evicted(root: Path) -> tuple[Estate, Plan]:
    """An estate of which a plan was carried out; its registry is stopped."""
    with DockerRegistry(root / "registry") as registry:
        estate = build(root / "site", registry.url)
        plan = estate.plan()
        estate.execute(plan)
    return estate, plan


def read_only(root: Path) -> DockerRegistry:
    return DockerRegistry(root / "registry", settings={"storage": READ_ONLY})


def bytes_of_blobs(registry: DockerRegistry) -> int:
    blobs = registry.storage / "docker" / "registry" / "v2" / "blobs"
    return sum(file.stat().st_size for file in blobs.rglob("data"))


def state_of(estate: Estate, plan: CollectionPlan) -> str:
    with estate.connections() as connections:
        return connections.ledger.record(plan.fingerprint).state


def test_the_registry_frees_what_the_plan_told_and_nothing_that_is_kept(tmp_path: Path, pod: str) -> None:
    estate, eviction = evicted(tmp_path)
    with read_only(tmp_path) as registry:
        configure(estate, registry, pod)
        before, left = bytes_of_blobs(registry), estate.contents()
        plan = approved_collection(estate)
        assert [(entry.eviction, entry.images) for entry in plan.entries] == [(eviction.fingerprint, eviction.images)]
        collected = run_collection(estate, plan)
        assert before - bytes_of_blobs(registry) == plan.expected_bytes > 0
        assert collected.succeeded is True
        assert collected.before_bytes is not None
        assert collected.after_bytes is not None
        assert collected.freed_bytes == collected.before_bytes - collected.after_bytes > 0
        assert "eligible for deletion" in collected.last_lines
        assert estate.contents() == left
        assert state_of(estate, plan) == "done"
        with estate.connections() as connections:
            nothing = take_collection_plan(connections, REGISTRY)
        assert (nothing.plan.entries, nothing.record) == ((), None), "what was collected is not told again"
        with pytest.raises(ApprovalMissing, match="was used already"):
            run_collection(estate, plan, "run d")


def test_it_is_refused_while_pushes_are_possible_unless_told_otherwise(tmp_path: Path, pod: str) -> None:
    estate, _ = evicted(tmp_path)
    with DockerRegistry(tmp_path / "registry") as registry:
        configure(estate, registry, pod)
        before, tags = bytes_of_blobs(registry), estate.tags()
        plan = approved_collection(estate)
        with pytest.raises(Refused, match="refused while it takes pushes"):
            run_collection(estate, plan)
        assert (bytes_of_blobs(registry), estate.tags()) == (before, tags)
        configure(estate, registry, pod, allow_pushes=True)
        with pytest.raises(Refused, match="make a new plan"):
            run_collection(estate, plan, "run d")
        run_collection(estate, approved_collection(estate), "run e")
        assert bytes_of_blobs(registry) < before
    with read_only(tmp_path) as registry:
        configure(estate, registry, pod)
        with pytest.raises(Refused, match="was collected since by the plan"):
            run_collection(estate, plan, "run f")


def test_nobody_collects_what_nobody_approved_or_approved_with_another_number(tmp_path: Path, pod: str) -> None:
    estate, _ = evicted(tmp_path)
    with read_only(tmp_path) as registry:
        configure(estate, registry, pod)
        before, plan = bytes_of_blobs(registry), plan_collection(estate)
        with pytest.raises(ApprovalMissing, match="nobody has approved"):
            run_collection(estate, plan)
        with (
            estate.connections() as connections,
            pytest.raises(ApprovalMissing, match="says that 1 images are collected"),
        ):
            approve_collection(connections, plan, count=1)
        assert bytes_of_blobs(registry) == before


def test_it_waits_while_another_plan_changes_the_registry(tmp_path: Path, pod: str) -> None:
    estate, _ = evicted(tmp_path)
    with DockerRegistry(tmp_path / "registry") as registry:
        configure(estate, registry, pod, allow_pushes=True)
        plan = approved_collection(estate)
        estate.use(f"{APP}:stable", f"{TOOLS}:t3")
        push(estate.url, TOOLS, estate.images["tool 2"], "t2")
        eviction = estate.plan()
        with estate.connections() as connections:
            held = connections.ledger.claim(
                eviction.fingerprint, "another run", Plan, rules=RULES, holder_is_alive=lambda _: True
            )
            before = bytes_of_blobs(registry)
            run = CollectionRun("run c", RULES, lambda _: True)
            with pytest.raises(Refused, match=r"works on an eviction plan .* for the same registry main"):
                execute_collection(connections, plan.fingerprint, run)
            assert bytes_of_blobs(registry) == before
            connections.ledger.release(held, "")
        run_collection(estate, plan)


def test_what_was_put_back_or_pushed_again_is_not_counted(tmp_path: Path, pod: str) -> None:
    with DockerRegistry(tmp_path / "registry") as registry:
        estate = build(tmp_path / "site", registry.url)
        eviction = estate.plan()
        estate.execute(eviction)
        configure(estate, registry, pod)
        whole = plan_collection(estate)
        with estate.connections() as connections:
            restore_evicted(connections, eviction.fingerprint, [f"{TOOLS}:t1"], run_id="back")
        push(estate.url, TOOLS, estate.images["tool 2"], "t2")
        estate.survey()
        rest = plan_collection(estate)
        assert whole.images == eviction.images
        assert rest.images == eviction.images - 2
        assert rest.expected_bytes < whole.expected_bytes


def test_nothing_is_put_back_while_the_registry_collects(tmp_path: Path, pod: str) -> None:
    estate, eviction = evicted(tmp_path)
    with DockerRegistry(tmp_path / "registry") as registry:
        configure(estate, registry, pod, allow_pushes=True)
        plan = approved_collection(estate)
        with estate.connections() as connections:
            claim = connections.ledger.claim(
                plan.fingerprint, "run c", CollectionPlan, rules=RULES, holder_is_alive=lambda _: True
            )
            with pytest.raises(Refused, match="while the run run c collects it"):
                restore_evicted(connections, eviction.fingerprint, run_id="back")
            connections.ledger.release(claim, "")
            assert restore_evicted(connections, eviction.fingerprint, run_id="back").lost == ()


def test_the_same_plan_stands_so_that_no_form_grows_old(tmp_path: Path, pod: str) -> None:
    estate, _ = evicted(tmp_path)
    with read_only(tmp_path) as registry:
        configure(estate, registry, pod)
        with estate.connections() as connections:
            first, second = (take_collection_plan(connections, REGISTRY) for _ in range(2))
    assert (first.is_new, second.is_new) == (True, False)
    assert first.plan.fingerprint == second.plan.fingerprint
    assert CollectionPlan.from_json(first.plan.to_bytes(), expected=first.plan.fingerprint) == first.plan


def test_a_command_that_fails_can_be_mended_and_the_plan_started_again(tmp_path: Path, pod: str) -> None:
    estate, _ = evicted(tmp_path)
    with read_only(tmp_path) as registry:
        configuration, aside = registry.configuration, tmp_path / "aside.yml"
        configure(estate, registry, pod)
        plan = approved_collection(estate)
        configuration.rename(aside)
        with pytest.raises(PartialFailure, match="ended with status 1 after freeing 0 bytes"):
            run_collection(estate, plan)
        assert state_of(estate, plan) == "executing"
        aside.rename(configuration)
        assert run_collection(estate, plan, "run d").succeeded is True


def test_a_folder_that_is_not_there_is_told_before_anything_is_done(tmp_path: Path, pod: str) -> None:
    estate, _ = evicted(tmp_path)
    with read_only(tmp_path) as registry:
        configure(estate, registry, pod, storage=str(tmp_path / "nowhere"))
        before, plan = bytes_of_blobs(registry), approved_collection(estate)
        with pytest.raises(ClusterError, match=r"set `collection\.storage`"):
            run_collection(estate, plan)
        assert bytes_of_blobs(registry) == before


def test_after_a_run_that_died_the_next_tells_what_both_freed(tmp_path: Path, pod: str) -> None:
    estate, _ = evicted(tmp_path)
    with read_only(tmp_path) as registry:
        configure(estate, registry, pod)
        plan = approved_collection(estate)
        with estate.connections() as connections:
            claim = connections.ledger.claim(
                plan.fingerprint, "the dead", CollectionPlan, rules=RULES, holder_is_alive=lambda _: True
            )
            connections.ledger.collections.begin(claim, before_bytes=10**9)
        collected = run_collection(estate, plan)
        assert collected.before_bytes == 10**9
        assert collected.after_bytes is not None
        assert collected.freed_bytes == 10**9 - collected.after_bytes


def test_an_eviction_that_comes_later_is_planned_for_by_itself(tmp_path: Path, pod: str) -> None:
    estate, first = evicted(tmp_path)
    with read_only(tmp_path) as registry:
        configure(estate, registry, pod)
        run_collection(estate, approved_collection(estate))
    with DockerRegistry(tmp_path / "registry") as registry:
        configure(estate, registry, pod)
        for day in (8, 9):
            estate.push(f"tool {day}", make_image([b"tool %d" % day], config=created(day)), TOOLS, f"t{day}")
            estate.survey()
        estate.use(f"{APP}:v3", f"{TOOLS}:t3")  # a dump of now
        second = estate.plan()
        estate.execute(second, "run 2")
        plan = plan_collection(estate)
    assert [entry.eviction for entry in plan.entries] == [second.fingerprint]
    assert plan.images == second.images != first.images


def test_without_configuration_the_exact_command_is_told(embedded_estate: Estate) -> None:
    told = r"registry garbage-collect /etc/docker/registry/config\.yml"
    with embedded_estate.connections() as connections, pytest.raises(Refused, match=told):
        take_collection_plan(connections, REGISTRY)


def test_with_it_the_command_by_hand_is_told_too(embedded_estate: Estate) -> None:
    embedded_estate.settings = {"collection": {"cluster": "production"}}
    embedded_estate.configure()
    with embedded_estate.connections() as connections:
        assert "kubectl exec -n default" in how_to_collect(connections, REGISTRY)


def test_many_images_need_a_second_person_because_they_cannot_be_put_back(tmp_path: Path, pod: str) -> None:
    estate, _ = evicted(tmp_path)
    with read_only(tmp_path) as registry:
        configure(estate, registry, pod)
        site = json.loads(estate.site_file.read_text())
        site["limits"]["second_person_above_images"] = 3
        estate.site_file.write_text(json.dumps(site))
        plan = approved_collection(estate)
        assert state_of(estate, plan) == "waiting"
        with estate.connections() as connections:
            approve_collection(connections, plan, who="Bo")
        assert run_collection(estate, plan).succeeded is True


def test_an_eviction_after_the_approval_is_not_made_final_by_it(tmp_path: Path, pod: str) -> None:
    estate, _ = evicted(tmp_path)
    with DockerRegistry(tmp_path / "registry") as registry:
        configure(estate, registry, pod)
        collection = approved_collection(estate)
        for day in (8, 9):
            estate.push(f"tool {day}", make_image([b"tool %d" % day], config=created(day)), TOOLS, f"t{day}")
            estate.survey()
        estate.use(f"{APP}:v3", f"{TOOLS}:t3")  # a dump of now
        second = estate.plan()
        estate.execute(second, "run 2")
    with read_only(tmp_path) as registry:
        configure(estate, registry, pod)
        with pytest.raises(Refused, match=f"does not name: {second.fingerprint[:12]} .*; make a new plan"):
            run_collection(estate, collection)
    assert state_of(estate, collection) == "stopped"
    with DockerRegistry(tmp_path / "registry") as registry:
        configure(estate, registry, pod)
        with estate.connections() as connections:
            assert not restore_evicted(connections, second.fingerprint, run_id="run 3").lost
