"""Rollbacks: steps back in time from what is in use. Images of one time are one step."""

from __future__ import annotations

import pytest

from registry_core.policy import read_policies
from registry_core.retention import decide
from registry_core.retention_evidence import Evidence
from tests.registry_core.small_registry import AS_OF, SmallRegistry, days_ago, digest


def going(registry: SmallRegistry, *, rollbacks: int, **rules) -> set[str]:
    rules = rules or {"keep_tags": ["never"]}
    policies = read_policies([{"repositories": ["**"], "keep_in_use": {"rollbacks": rollbacks}, **rules}])
    decisions = decide(policies, registry.catalog(), registry.uses(), evidence=Evidence.at(AS_OF))
    names = {digest(name): name for name in "ABCDEFGH"}
    return {names[row.digest] for row in decisions.frame().itertuples() if row.decision == "evict"}


def images(**ages: float) -> SmallRegistry:
    """Tagged images by age in days."""
    registry = SmallRegistry()
    for name, age in ages.items():
        registry.image("apps/web", name, f"v-{name}".lower(), pushed=age)
    return registry


def test_an_image_of_the_same_time_as_the_used_one_takes_no_step():
    registry = images(A=10, B=10, C=11, D=12)
    registry.use("apps/web", "A")
    assert going(registry, rollbacks=1) == {"D"}


@pytest.mark.parametrize("used", ["A", "B"])
def test_it_is_the_same_whichever_of_one_time_is_used(used):
    registry = images(A=10, B=10, C=11, D=12)
    registry.use("apps/web", used)
    assert going(registry, rollbacks=1) == {"D"}


@pytest.mark.parametrize(("rollbacks", "left"), [(1, {"E", "F", "G"}), (2, {"F", "G"}), (3, set())])
def test_images_of_one_time_are_one_step_together(rollbacks, left):
    registry = images(A=1, B=10, C=10, D=10, E=11, F=12, G=12)
    registry.use("apps/web", "A")
    assert going(registry, rollbacks=rollbacks) == left


def test_steps_are_counted_from_the_nearest_used_image():
    registry = images(A=1, B=2, C=2, D=3, E=4, F=4, G=5, H=6)
    registry.use("apps/web", "A")
    registry.use("apps/web", "D")
    assert going(registry, rollbacks=1) == {"G", "H"}


def test_steps_stay_in_their_repository_also_where_it_begins_with_a_tie():
    registry = SmallRegistry()
    registry.image("apps/a", "A", "a", pushed=9)
    registry.image("apps/b", "B", "b", pushed=9)
    registry.image("apps/b", "C", "c", pushed=9)
    registry.use("apps/a", "A")
    assert going(registry, rollbacks=2) == {"B", "C"}


def test_no_rollbacks_keep_nothing_of_the_same_time():
    registry = images(A=10, B=10, C=11)
    registry.use("apps/web", "A")
    assert going(registry, rollbacks=0) == {"B", "C"}


def test_two_untagged_builds_before_the_used_image_take_no_step_from_tagged_ones():
    registry = images(A=10, D=20, E=30)
    registry.image("apps/web", "B", pushed=11)
    registry.image("apps/web", "C", pushed=12)
    registry.use("apps/web", "A")
    assert going(registry, rollbacks=1, untagged={"keep": False}, keep_tags=["never"]) == {"C", "E"}


def test_untagged_builds_of_one_time_are_one_step_too():
    registry = images(A=10)
    for name in "BC":
        registry.image("apps/web", name, pushed=11)
    registry.image("apps/web", "D", pushed=12)
    registry.use("apps/web", "A")
    assert going(registry, rollbacks=1, untagged={"keep": False}, keep_tags=["never"]) == {"D"}


@pytest.mark.parametrize("tags", [("v1",), ()], ids=["tagged", "untagged"])
@pytest.mark.parametrize(
    "dates", [{}, {"created_at": days_ago(30_000)}, {"pushed_at": days_ago(-1)}], ids=["absent", "impossible", "future"]
)
def test_an_undated_image_stays_where_rollbacks_ask_for_its_date(tags, dates):
    registry = images(A=10)
    registry.image("apps/web", "C", "v3", pushed=1)
    registry.image("apps/web", "B", *tags, **dates)
    registry.use("apps/web", "A")
    rules = {"keep_tags": ["v3"], "untagged": {"keep": False}}
    assert going(registry, rollbacks=1, **rules) == set()
    assert going(registry, rollbacks=0, **rules) == {"B"}
    registry.usage.clear()
    assert going(registry, rollbacks=1, **rules) == {"A", "B"}
