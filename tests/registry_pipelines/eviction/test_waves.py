"""Waves: bounded, whole families, the order of the plan within a repository."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from registry_pipelines.eviction.waves import Placed, waves
from tests.plans import entry


@st.composite
def plans(draw: st.DrawFn) -> list[Placed]:
    placed: list[Placed] = []
    for position in range(draw(st.integers(0, 40))):
        repository = f"team/{draw(st.integers(0, 5))}"
        before = [one.entry.digest for one in placed if one.entry.repository == repository]
        parents = tuple(draw(st.lists(st.sampled_from(before), max_size=2, unique=True))) if before else ()
        placed.append(Placed(position, entry(position, repository, parents=parents)))
    return placed


@given(plans(), st.integers(1, 12))
def test_every_entry_is_in_one_wave_with_its_whole_family(placed: list[Placed], size: int) -> None:
    made = list(waves(placed, size=size))
    assert sorted(one.position for wave in made for one in wave) == list(range(len(placed)))
    wave_of = {one.entry.image: number for number, wave in enumerate(made) for one in wave}
    for one in placed:
        for owner in one.entry.owners:
            assert wave_of[one.entry.image] == wave_of[one.entry.repository, owner]


@given(plans(), st.integers(1, 12))
def test_within_a_repository_and_a_wave_the_order_is_that_of_the_plan(placed: list[Placed], size: int) -> None:
    for wave in waves(placed, size=size):
        positions = [one.position for one in wave]
        assert positions == sorted(positions)


@given(st.integers(1, 60), st.integers(1, 12), st.integers(1, 6))
def test_single_images_fill_waves_to_their_size(count: int, size: int, repositories: int) -> None:
    placed = [Placed(number, entry(number, f"team/{number % repositories}")) for number in range(count)]
    made = list(waves(placed, size=size))
    assert all(len(wave) <= size for wave in made)
    assert len(made) <= -(-count // size)


def test_a_wave_takes_from_several_repositories() -> None:
    placed = [Placed(number, entry(number, f"team/{number // 100}")) for number in range(300)]
    first = next(waves(placed, size=60))
    assert len({one.entry.repository for one in first}) == 3


@given(plans(), st.integers(1, 12), st.sets(st.integers(0, 39)))
def test_what_refers_to_other_repositories_comes_in_waves_after_all_others(
    placed: list[Placed], size: int, abroad: set[int]
) -> None:
    elsewhere = (("team/elsewhere", "sha256:1"),)
    placed = [
        replace(one, entry=replace(one.entry, subjects_elsewhere=elsewhere)) if one.position in abroad else one
        for one in placed
    ]
    made = list(waves(placed, size=size))
    assert sorted(one.position for wave in made for one in wave) == list(range(len(placed)))
    wave_of = {one.entry.image: number for number, wave in enumerate(made) for one in wave}
    for one in placed:
        for owner in one.entry.owners:
            assert wave_of[one.entry.image] == wave_of[one.entry.repository, owner]
    kinds = [any(one.entry.subjects_elsewhere for one in wave) for wave in made]
    assert kinds == sorted(kinds)
