"""In use: within which window, by the entry of each repository, and what the newest inventories say beside it."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry_core.policy import read_policies
from registry_core.policy_spans import FOREVER, NOW
from registry_core.retention import decide
from registry_core.retention_closure import stays_with
from registry_core.retention_evidence import Evidence, Snapshot
from tests.registry_core.small_registry import AS_OF, SmallRegistry, days_ago, digest
from tests.registry_core.test_retention_laws import ENTRIES, images_going, registries

WINDOWS = ["now", "1h", "1d", "10d", "29d", "31d", "40d", "365d", "forever"]


def decisions_of(registry: SmallRegistry, *entries, evidence: Evidence | None = None):
    return decide(
        read_policies(list(entries)), registry.catalog(), registry.uses(), evidence=evidence or Evidence.at(AS_OF)
    )


def two_images(*, seen: float | None, repository: str = "apps/web") -> SmallRegistry:
    """`v0` was in use until `seen` days ago; `v1` is newer."""
    registry = SmallRegistry()
    registry.image(repository, "v1", "v1", pushed=5)
    registry.image(repository, "v0", "v0", pushed=50)
    registry.use(repository, "v0", seen=seen)
    return registry


def entry(**rules):
    return {"repositories": ["**"], "keep_last": 1, **rules}


@pytest.mark.parametrize("rules", [{}, {"keep_in_use": {}}, {"keep_in_use": {"rollbacks": 0}}], ids=str)
@pytest.mark.parametrize(("seen", "stays"), [(1 / 24, True), (29.9, True), (30, True), (30.1, False)])
def test_uses_of_the_last_30_days_count_where_no_window_is_written(rules, seen, stays):
    assert decisions_of(two_images(seen=seen), entry(**rules)).is_kept("apps/web", digest("v0")) is stays


@pytest.mark.parametrize(
    ("window", "seen", "stays"),
    [
        ("31d", 3, True), ("31d", 31, True), ("31d", 31.1, False), ("1h", 0.03, True), ("1h", 0.05, False),
        ("now", 0, True), ("now", 0.001, False), ("forever", 0.001, True), ("forever", 5000, True),
        ("now", None, True),
    ],
)  # fmt: skip
def test_a_use_counts_within_the_window_of_its_entry(window, seen, stays):
    given = entry(keep_in_use={"seen_within": window})
    assert decisions_of(two_images(seen=seen), given).is_kept("apps/web", digest("v0")) is stays


def aged(inventory_days: float) -> Evidence:
    """The inventory of production is of that age; a fresh one of staging alone is required."""
    return Evidence(
        registry="example",
        catalog=Snapshot("c", AS_OF),
        inventories={"production": Snapshot("i", days_ago(inventory_days)), "staging": Snapshot("j", AS_OF)},
        required=("staging",),
    )


@pytest.mark.parametrize("window", ["now", "1h", "1d"])
def test_a_use_older_than_the_window_and_than_the_newest_inventory_is_no_use(window):
    given = entry(keep_in_use={"seen_within": window})
    decisions = decisions_of(two_images(seen=3), given, evidence=aged(2))
    assert not decisions.is_kept("apps/web", digest("v0"))
    assert decisions_of(two_images(seen=2), given, evidence=aged(2)).is_kept("apps/web", digest("v0"))


def test_a_cluster_that_is_configured_no_more_has_no_newest_inventory():
    registry = two_images(seen=3)
    registry.usage[0]["cluster"] = "retired"
    for window, stays in (("now", False), ("31d", True)):
        given = entry(keep_in_use={"seen_within": window})
        assert decisions_of(registry, given, evidence=aged(2)).is_kept("apps/web", digest("v0")) is stays


def test_each_entry_is_judged_by_its_own_window():
    registry = SmallRegistry()
    for repository in ("long/web", "short/web", "bare/web", "whole/web"):
        registry.image(repository, f"{repository} v1", "v1", pushed=5)
        registry.image(repository, f"{repository} v0", "v0", pushed=50)
        registry.use(repository, f"{repository} v0", seen=35)
    decisions = decisions_of(
        registry,
        {"repositories": ["long/**"], "keep_last": 1, "keep_in_use": {"seen_within": "60d"}},
        {"repositories": ["short/**"], "keep_last": 1, "keep_in_use": {"seen_within": "1d"}},
        {"repositories": ["bare/**"], "keep_last": 1},
    )
    going = {name for name in ("long/web", "short/web", "bare/web", "whole/web")
             if not decisions.is_kept(name, digest(f"{name} v0"))}  # fmt: skip
    assert going == {"short/web", "bare/web"}


@settings(max_examples=80, deadline=None)
@given(registries(), ENTRIES, st.lists(st.sampled_from(WINDOWS), min_size=2, max_size=2), st.integers(0, 2))
def test_a_longer_window_never_evicts_more(registry, rules, windows, rollbacks):
    shorter, longer = sorted(windows, key=WINDOWS.index)
    going = [
        images_going(decisions_of(registry, {**rules, "keep_in_use": {"seen_within": window, "rollbacks": rollbacks}}))
        for window in (shorter, longer)
    ]
    assert going[1] <= going[0]


@settings(max_examples=80, deadline=None)
@given(registries(), ENTRIES, ENTRIES, st.sampled_from([None, *WINDOWS]))
def test_an_entry_for_other_repositories_changes_nothing_here_but_signatures_of_what_is_there(
    registry, here, other, window
):
    if window is not None:
        other = {**other, "keep_in_use": {"seen_within": window}}
    mine = {**here, "repositories": ["a"]}
    decisions = decisions_of(registry, mine)
    alone = images_going(decisions)
    both = images_going(decisions_of(registry, {**other, "repositories": ["b"]}, mine))
    facts = decisions.facts
    about = facts.subjects.abroad.edges_of(np.arange(len(facts.nodes)))[1]
    bound = facts.nodes.catalog.images[stays_with(facts, np.isin(np.arange(len(facts.nodes)), about))]
    follows = set(zip(bound["repository"], bound["digest"], strict=True))
    assert {image for image in both if image[0] == "a"} - follows == alone - follows


@pytest.mark.parametrize(
    ("window", "words"), [(None, "within 30d"), ("31d", "within 31d"), ("now", "now"), ("forever", "")]
)
def test_the_reasons_of_what_goes_name_the_window(window, words):
    registry = two_images(seen=5000)
    registry.usage.clear()
    registry.image("apps/web", "leftover", pushed=80)
    registry.image("apps/unused", "build", "build-1", pushed=80)
    rules = entry(untagged={"keep": False}, **({"keep_in_use": {"seen_within": window}} if window else {}))
    decisions = decisions_of(registry, {**rules, "repositories": ["apps/web"]},
                             {**rules, "repositories": ["**"], "when_unused": "evict"})  # fmt: skip
    expected = f"not in use {words}" if words else "never in use"
    assert decisions.reasons_of("apps/web", digest("v0"))[0] == expected
    assert decisions.reasons_of("apps/web", digest("leftover"))[0].startswith(f"{expected}, untagged, ")
    unused = {"within 30d": "no cluster used the repository within 30d",
              "within 31d": "no cluster used the repository within 31d",
              "now": "no cluster uses the repository now", "": "no cluster ever used the repository"}  # fmt: skip
    assert decisions.reasons_of("apps/unused", digest("build")) == (
        f"{unused[words]}, and policies[1].when_unused is evict",
    )


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        ({}, "within 30d"),
        ({"keep_in_use": {"seen_within": "20d"}}, "within 20d"),
        ({"keep_in_use": {"seen_within": "forever"}}, "before"),
    ],
)
def test_the_reason_of_a_use_that_has_ended_names_the_window_and_the_day(rules, words):
    registry = two_images(seen=3)
    registry.use("apps/web", "v0", seen=9)
    registry.use("apps/web", "v0", by="worker", seen=4)
    assert decisions_of(registry, entry(**rules)).reasons_of("apps/web", digest("v0")) == (
        f"in use {words} by production/health/web (last seen 2026-03-29),"
        " production/health/worker (last seen 2026-03-28)",
    )


def test_workloads_of_now_are_named_before_those_that_have_ended():
    registry = two_images(seen=0)
    registry.use("apps/web", "v0", by="worker", seen=4)
    (reason,) = decisions_of(registry, entry()).reasons_of("apps/web", digest("v0"))
    assert reason == "in use by production/health/web (3 pods)"


def test_the_reason_names_a_child_that_was_in_use():
    registry = SmallRegistry()
    registry.image("apps/web", "new", "v2", pushed=1)
    registry.image("apps/web", "index", "v1", pushed=9, children=["amd64"])
    registry.image("apps/web", "amd64", "v1-amd64")
    registry.use("apps/web", "amd64", seen=2)
    assert decisions_of(registry, entry()).reasons_of("apps/web", digest("index")) == (
        "in use within 30d by production/health/web (last seen 2026-03-30), through its child v1-amd64",
    )


def test_a_repository_of_no_entry_counts_every_use():
    registry = two_images(seen=900, repository="elsewhere/tool")
    decisions = decisions_of(registry, {"repositories": ["apps/**"], "keep_last": 1})
    assert "in use before by production/health/web" in decisions.reasons_of("elsewhere/tool", digest("v0"))[1]


@pytest.mark.parametrize(("window", "emptied"), [("now", True), ("1d", True), (None, False), ("forever", False)])
def test_when_unused_asks_by_the_same_window(window, emptied):
    rules = {"keep_in_use": {"seen_within": window}} if window else {}
    decisions = decisions_of(two_images(seen=3), entry(when_unused="evict", **rules))
    assert bool(decisions.evicted.all()) is emptied


def test_the_brake_on_images_in_use_counts_the_newest_inventories_alone_and_all_repositories():
    registry = two_images(seen=3)
    assert decisions_of(registry, entry()).facts.use.images_in_use == 0
    registry.image("elsewhere/tool", "tool", "v1", pushed=9)
    registry.use("elsewhere/tool", "tool", seen=0)
    registry.use("apps/web", "v1", seen=0)
    decisions = decisions_of(registry, {"repositories": ["apps/**"], "keep_last": 1})
    assert decisions.facts.use.images_in_use == 2


def test_a_decision_must_look_back_as_far_as_the_longest_window():
    def longest(*windows):
        given = [{"repositories": [f"{number}/**"], "keep_last": 1,
                  **({"keep_in_use": {"seen_within": window}} if window else {})}
                 for number, window in enumerate(windows)]  # fmt: skip
        return read_policies(given).longest_window

    assert longest(None) == timedelta(days=30)
    assert longest("1d", "now") == timedelta(days=1)
    assert longest("now") == NOW
    assert longest("1d", None, "2h") == timedelta(days=30)
    assert longest("1d", "forever") == FOREVER
    assert read_policies([{"repositories": ["**"], "protect": True}]).longest_window == timedelta(days=30)


@pytest.mark.parametrize(("own", "other", "stays"), [(None, 3, True), (40, 3, True), (40, 35, False), (40, None, True)])
def test_a_use_counts_in_every_repository_that_holds_the_image_by_the_window_of_each(own, other, stays):
    registry = two_images(seen=own or 5000)
    registry.image("mirror/web", "v0", "v0", pushed=50)
    registry.use("mirror/web", "v0", seen=other)
    decisions = decisions_of(
        registry,
        {"repositories": ["mirror/**"], "keep_tags": ["none"], "keep_in_use": {"seen_within": "1d"}},
        entry(),
    )
    assert decisions.is_kept("apps/web", digest("v0")) is stays
    assert decisions.is_kept("mirror/web", digest("v0")) is (other is None)


def test_a_use_of_now_elsewhere_counts_beside_a_later_one_that_has_ended():
    registry = two_images(seen=1)  # ended: the inventory of its cluster is newer
    registry.image("mirror/web", "v0", "v0", pushed=50)
    registry.use("mirror/web", "v0", seen=2, cluster="staging")
    evidence = Evidence(
        registry="example",
        catalog=Snapshot("c", AS_OF),
        inventories={"production": Snapshot("i", AS_OF), "staging": Snapshot("j", days_ago(2))},
        required=("production",),
    )
    given = {"repositories": ["**"], "keep_last": 1, "keep_in_use": {"seen_within": "now"}}
    assert decisions_of(registry, given, evidence=evidence).is_kept("apps/web", digest("v0"))
