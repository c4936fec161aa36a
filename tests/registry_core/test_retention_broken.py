"""What could not be put back stays, unless the entry of its repository lets it go."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry_core.eviction import Plan, make_plan
from registry_core.eviction_summary import summarise
from registry_core.policy import read_policies
from registry_core.retention import decide
from registry_core.retention_evidence import Evidence
from tests.registry_core.small_registry import AS_OF, SmallRegistry, digest
from tests.registry_core.test_retention_laws import ENTRIES, NO_LIMITS, images_going, registries

EVICT = {"broken": {"evict": True}}
LOST = {"fault": "missing", "media_type": None}
CONFIG = {"config_fault": "missing", "detail": "config: the registry answered 404"}


def decisions_of(registry: SmallRegistry, **rules: Any):
    policies = read_policies([{"repositories": ["**"], **(rules or {"keep_last": 1})}])
    return decide(policies, registry.catalog(), registry.uses(), evidence=Evidence.at(AS_OF))


def going(registry: SmallRegistry, **rules: Any) -> set[str]:
    names = {digest(row["name"]): row["name"] for row in NAMED}
    return {names[one] for _, one in images_going(decisions_of(registry, **rules))}


NAMED = [{"name": name} for name in ("new", "old", "older", "amd64", "arm64", "inner", "list", "signature", "sbom")]


def lost_child(**columns: Any) -> SmallRegistry:
    registry = SmallRegistry()
    registry.image("apps/web", "new", "v2", pushed=1)
    registry.image("apps/web", "old", "v1", pushed=9, children=["amd64", "arm64"], **columns)
    registry.image("apps/web", "amd64")
    registry.image("apps/web", "arm64", **LOST)
    return registry


def test_an_index_that_lost_a_child_stays_with_its_other_children_and_says_why():
    decisions = decisions_of(lost_child())
    assert not decisions.evicted.any()
    (reason,) = decisions.reasons_of("apps/web", digest("old"))
    assert reason == f"could not be put back: its child {digest('arm64')[:19]}… is missing"
    assert decisions.reasons_of("apps/web", digest("amd64")) == ("part of v1, which stays",)


@pytest.mark.parametrize("rules", [{"keep_last": 1}, {"keep_tags": ["none"]}, {"keep_last": 1, "when_unused": "evict"}])
def test_it_stays_under_every_rule_and_goes_where_its_entry_lets_it(rules):
    assert "old" not in going(lost_child(), **rules)
    assert {"old", "amd64"} <= going(lost_child(), **rules, **EVICT)


@pytest.mark.parametrize("rules", [{"keep_last": 2}, {"keep_tags": ["v1"]}, {"keep_within": "30d"}])
def test_every_other_reason_still_wins(rules):
    assert "old" not in going(lost_child(), **rules, **EVICT)


def test_what_is_in_use_stays_however_broken_it_is():
    for used in ("old", "amd64"):
        registry = lost_child()
        registry.use("apps/web", used, seen=3)
        assert going(registry, keep_last=1, **EVICT) == set()


def test_a_child_of_which_the_catalog_has_no_row_is_lost():
    registry = lost_child()
    registry.images = [row for row in registry.images if row["digest"] != digest("arm64")]
    assert decisions_of(registry).reasons_of("apps/web", digest("old")) == (
        f"could not be put back: its child {digest('arm64')[:19]}… is missing",
    )


def test_a_child_that_lies_in_another_repository_alone_is_lost():
    registry = lost_child()
    registry.images[-1].update(repository="apps/other", fault=None, media_type="m")
    assert not decisions_of(registry).evicted[1]


def test_a_lost_child_is_found_at_any_depth():
    registry = SmallRegistry()
    registry.image("apps/web", "new", "v2", pushed=1)
    registry.image("apps/web", "old", "v1", pushed=9, children=["inner"])
    registry.image("apps/web", "inner", children=["amd64", "arm64"])
    registry.image("apps/web", "amd64")
    registry.image("apps/web", "arm64", **LOST)
    decisions = decisions_of(registry)
    assert not decisions.evicted.any()
    assert decisions.reasons_of("apps/web", digest("old"))[0] == (
        f"could not be put back: its child {digest('inner')[:19]}… could not be either"
    )
    assert going(registry, keep_last=1, **EVICT) == {"old", "inner", "amd64"}


def test_an_image_without_its_config_is_stored_and_broken():
    registry = SmallRegistry()
    registry.image("apps/web", "new", "v2", pushed=1)
    registry.image("apps/web", "old", "v1", pushed=9, **CONFIG)
    decisions = decisions_of(registry)
    assert decisions.stored_images == 2
    assert decisions.reasons_of("apps/web", digest("old")) == ("could not be put back: its config is missing",)
    assert going(registry, keep_last=1, **EVICT) == {"old"}


def test_an_index_above_a_child_without_its_config_is_broken():
    registry = lost_child()
    registry.images[-1].update(CONFIG, fault=None, media_type="m")
    assert going(registry, keep_last=1) == set()
    assert going(registry, keep_last=1, **EVICT) == {"old", "amd64", "arm64"}


@pytest.mark.parametrize("corrupt", [{"fault": "corrupt", "media_type": None}, {"config_fault": "corrupt"}])
def test_a_corrupt_image_goes_where_its_entry_lets_it(corrupt):
    registry = SmallRegistry()
    registry.image("apps/web", "new", "v2", pushed=1)
    registry.image("apps/web", "old", "v1", pushed=9, **corrupt)
    assert going(registry, keep_last=1) == set()
    assert going(registry, keep_last=1, **EVICT) == {"old"}


@pytest.mark.parametrize("fault", ["forbidden", "unreachable", "throttled"])
def test_what_was_only_not_read_is_not_broken(fault):
    registry = SmallRegistry()
    registry.image("apps/web", "new", "v2", pushed=1)
    registry.image("apps/web", "old", "v1", pushed=9, config_fault=fault, detail="config: no answer")
    assert going(registry, keep_last=1, **EVICT) == set()
    assert decisions_of(registry).reasons_of("apps/web", digest("old")) == (
        f"unreadable ({fault}: config: no answer), so kept",
    )


@pytest.mark.parametrize(("kind", "broken"), [("blob", False), ("unknown", False), ("manifest", True)])
def test_blobs_that_an_index_lists_have_no_row_and_are_no_lost_children(kind, broken):
    registry = SmallRegistry()
    registry.image("apps/web", "new", "v2", pushed=1)
    registry.image("apps/web", "old", "v1", pushed=9, children=["layer"])
    registry.children[0]["kind"] = kind
    assert decisions_of(registry).is_kept("apps/web", digest("old")) is broken


def test_a_broken_image_needs_no_date_where_its_entry_lets_it_go():
    registry = lost_child(pushed_at=None)
    registry.image("apps/web", "older", "v0")
    assert going(registry, keep_last=1, **EVICT) == {"old", "amd64"}
    assert going(registry, keep_within="2d", **EVICT) == {"old", "amd64"}


def test_a_broken_image_takes_no_place_among_the_newest_and_no_step_of_a_rollback():
    registry = lost_child()
    registry.images[1]["pushed_at"] = registry.images[0]["pushed_at"] + (AS_OF - registry.images[0]["pushed_at"]) / 2
    registry.image("apps/web", "older", "v0", pushed=20)
    assert going(registry, keep_last=1) == {"older"}
    assert going(registry, keep_last=2) == set()
    assert going(registry, keep_last=1, **EVICT) == {"older"}, "among the newest, it stays by the rule"

    registry = lost_child()
    registry.image("apps/web", "older", "v0", pushed=20)
    registry.use("apps/web", "new")
    assert going(registry, keep_in_use={"rollbacks": 1}) == set()


def test_a_signature_whose_config_is_lost_keeps_its_subject():
    registry = SmallRegistry()
    registry.image("apps/web", "new", "v2", pushed=1)
    registry.image("apps/web", "old", "v1", pushed=9)
    registry.image("apps/web", "signature", digest("old").replace(":", "-") + ".sig", **CONFIG)
    assert going(registry, keep_last=1) == set()
    assert going(registry, keep_last=1, **EVICT) == {"old", "signature"}


def test_the_entry_of_each_repository_decides_for_itself():
    registry = lost_child()
    registry.image("lib/web", "new", "v2", pushed=1)
    registry.image("lib/web", "old", "v1", pushed=9)
    policies = read_policies([{"repositories": ["lib/**"], "keep_last": 1, **EVICT},
                              {"repositories": ["**"], "keep_last": 1}])  # fmt: skip
    decisions = decide(policies, registry.catalog(), registry.uses(), evidence=Evidence.at(AS_OF))
    assert images_going(decisions) == {("lib/web", digest("old"))}


def test_a_plan_counts_what_stays_and_what_goes_broken():
    plan = make_plan(decisions_of(lost_child()), NO_LIMITS, now=AS_OF)
    assert (plan.broken_kept, plan.broken_evicted) == (1, 0)
    assert plan.figures["broken_kept"] == summarise(plan).broken_kept == 1
    assert "1 image is broken and could not be put back, so kept" in summarise(plan).unusual

    plan = make_plan(decisions_of(lost_child(), keep_last=1, **EVICT), NO_LIMITS, now=AS_OF)
    assert (plan.broken_kept, plan.broken_evicted) == (0, 1)
    assert "1 of the images that go is broken and could not be put back" in summarise(plan).unusual
    (old,) = [entry for entry in plan.entries if entry.digest == digest("old")]
    why = f"its child {digest('arm64')[:19]}… is missing"
    assert old.broken == why
    assert old.reasons[-1] == f"could not be put back ({why}), and policies[0].broken.evict is true"
    assert Plan.from_json(plan.to_bytes(), expected=plan.fingerprint) == plan


@settings(max_examples=80, deadline=None)
@given(registries(), ENTRIES)
def test_what_is_broken_never_goes_unless_its_entry_says_so_and_then_nothing_else_changes_to_the_worse(registry, rules):
    rules = {key: value for key, value in rules.items() if key != "broken"}
    careful, free = decisions_of(registry, **rules), decisions_of(registry, **rules, **EVICT)
    assert not (careful.evicted & careful.facts.shape.broken).any()
    assert images_going(careful) <= images_going(free)


@settings(max_examples=80, deadline=None)
@given(registries(), ENTRIES, st.integers(0, 7))
def test_more_damage_never_evicts_more(registry, rules, number):
    """A config that is lost: what a broken image leaves to others only grows."""
    rules = {key: value for key, value in rules.items() if key != "broken"}
    before = images_going(decisions_of(registry, **rules))
    for row in registry.images:
        if row["digest"] == digest(f"image {number}") and not row.get("fault"):
            row.update(CONFIG)
    assert images_going(decisions_of(registry, **rules)) <= before
