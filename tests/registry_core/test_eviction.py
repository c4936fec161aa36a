"""Plans: made only from good evidence, within the limits, as values that nobody can change unseen."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pandas as pd
import pytest

from registry_core.coverage import Coverage, Gap
from registry_core.errors import IncompleteSnapshot, LimitExceeded, PlanStale, Refused
from registry_core.eviction import Plan, make_plan
from registry_core.eviction_check import check_plan
from registry_core.eviction_summary import LAYER_COLUMNS, summarise, unique_bytes
from registry_core.limits import Limits
from registry_core.policy import read_policies
from registry_core.retention import decide
from registry_core.retention_evidence import Evidence, Snapshot
from registry_core.retention_facts import gather_facts
from tests.registry_core.small_registry import AS_OF, SmallRegistry, digest

OPEN = Limits(min_images_in_use=0, max_evicted_share=1)
POLICIES = read_policies([{"repositories": ["**"], "keep_last": 1, "keep_tags": ["v*"], "untagged": {"keep": False}}])
GAP = Gap("apps/web", "unreachable", "the connection was cut")


def evidence(**changes) -> Evidence:
    inventories = {name: Snapshot(f"inventory-{name}", AS_OF) for name in ("production", "staging")}
    whole = Evidence(
        registry="example", catalog=Snapshot("catalog-1", AS_OF), inventories=inventories, required=("production",)
    )
    return replace(whole, **changes)


def company() -> SmallRegistry:
    """A used image, a kept version with a loose tag, an old index with a shared child, and its signature."""
    registry = SmallRegistry()
    registry.image("apps/web", "new", "latest", pushed=1, children=["shared"])
    registry.image("apps/web", "version", "v1.0", "loose", pushed=50)
    registry.image("apps/web", "old", "build-1", pushed=90, children=["shared", "single"])
    registry.image("apps/web", "shared")
    registry.image("apps/web", "single")
    registry.image("apps/web", "signature", digest("old").replace(":", "-") + ".sig")
    registry.image("old/tool", "leftover", pushed=90)
    registry.use("apps/web", "new")
    return registry


def plan_of(registry: SmallRegistry, limits: Limits = OPEN, *, found: Evidence | None = None, **options) -> Plan:
    decisions = decide(POLICIES, registry.catalog(), registry.uses(), evidence=found or evidence())
    return make_plan(decisions, limits, now=options.pop("now", AS_OF), **options)


def test_an_entry_holds_all_tags_its_reasons_and_what_it_goes_with():
    entries = {entry.digest: entry for entry in plan_of(company()).entries}
    assert set(entries) == {digest(name) for name in ("old", "single", "signature", "leftover")}
    old, single, signature = (entries[digest(name)] for name in ("old", "single", "signature"))
    assert old.tags == ("build-1",)
    assert old.owners == ()
    assert single.parents == (digest("old"),)
    assert single.reasons == ("part of build-1, which goes",)
    assert signature.subjects == (digest("old"),)
    assert single.image_bytes == 1_000_500


def test_owners_come_before_what_belongs_to_them():
    digests = [entry.digest for entry in plan_of(company()).entries]
    assert digests.index(digest("old")) < min(digests.index(digest("single")), digests.index(digest("signature")))


def test_a_plan_counts_manifests_and_knows_its_share():
    plan = plan_of(company())
    assert (plan.images, plan.tags, plan.stored_images) == (4, 2, 7)
    assert plan.share == pytest.approx(4 / 7)
    assert plan.emptied == ("old/tool",)


def test_single_tags_go_only_where_the_registry_can_remove_them():
    without, able = plan_of(company()), plan_of(company(), can_remove_single_tags=True)
    assert without.waiting_tags == 1
    assert [entry.tags for entry in able.entries if entry.kind == "untag"] == [("loose",)]
    assert able.waiting_tags == 0
    assert able.images == without.images
    assert any("wait" in words for words in summarise(without).unusual)


def test_a_plan_is_read_back_as_it_was_written():
    plan = plan_of(company(), can_remove_single_tags=True)
    again = Plan.from_json(plan.to_bytes(), expected=plan.fingerprint)
    assert again.fingerprint == plan.fingerprint
    assert again.entries == plan.entries
    assert again.to_bytes() == plan.to_bytes()


@pytest.mark.parametrize("value", [b"{", b"[]", b'{"format": "something 2"}', b"{}", {"format": None}])
def test_a_plan_of_an_unknown_format_is_refused(value):
    with pytest.raises(Refused, match="make a new"):
        Plan.from_json(value)


def test_a_plan_that_lacks_something_is_refused():
    written = plan_of(company()).to_json()
    del written["entries"][0]["digest"]
    with pytest.raises(Refused, match="missing or wrong"):
        Plan.from_json(written)


def test_a_plan_that_was_changed_does_not_match_its_fingerprint():
    plan = plan_of(company())
    written = json.loads(plan.to_bytes())
    written["entries"][0]["repository"] = "apps/other"
    with pytest.raises(Refused, match="it was changed"):
        Plan.from_json(written, expected=plan.fingerprint)


@pytest.mark.parametrize(
    "changed",
    [
        {"catalog": Snapshot("catalog-2", AS_OF)},
        {"catalog": Snapshot("catalog-1", AS_OF - timedelta(seconds=1))},
        {"inventories": {"production": Snapshot("another", AS_OF)}},
        {"registry": "another"},
    ],
    ids=["snapshot", "time", "inventory", "registry"],
)
def test_another_basis_is_another_fingerprint(changed):
    assert plan_of(company(), found=evidence(**changed)).fingerprint != plan_of(company()).fingerprint


def test_the_clock_of_the_reader_is_no_part_of_the_plan():
    assert plan_of(company(), now=AS_OF + timedelta(hours=1)).fingerprint == plan_of(company()).fingerprint


# Brakes ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"inventories": {}}, "production has no inventory"),
        ({"catalog": Snapshot("c", AS_OF, Coverage(asked=2, answered=1, gaps=(GAP,)))}, "its catalog is incomplete"),
        (
            {"inventories": {"production": Snapshot("i", AS_OF, Coverage(asked=2, answered=1, gaps=(GAP,)))}},
            "the inventory of production is incomplete",
        ),
    ],
)
def test_no_plan_is_made_from_incomplete_evidence(changed, words):
    with pytest.raises(IncompleteSnapshot, match=words):
        plan_of(company(), found=evidence(**changed))


@pytest.mark.parametrize(
    ("hours", "setting"), [(2.1, "limits.max_inventory_age is 2h"), (-1, "a clock is wrong"), (31, "max_catalog_age")]
)
def test_no_plan_is_made_from_stale_evidence(hours, setting):
    with pytest.raises(PlanStale, match=setting):
        plan_of(company(), now=AS_OF + timedelta(hours=hours))


def test_a_cluster_that_is_not_required_may_be_old_and_incomplete():
    torn = Coverage(asked=2, answered=1, gaps=(GAP,))
    inventories = {
        "production": Snapshot("i", AS_OF), "laboratory": Snapshot("j", AS_OF - timedelta(days=9), torn),
    }  # fmt: skip
    plan = plan_of(company(), found=evidence(inventories=inventories))
    assert plan.images == 4
    assert plan.basis.as_of == AS_OF


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        ({"min_images_in_use": 2}, r"1 stored images are in use and limits\.min_images_in_use is 2"),
        ({"max_evicted_images": 3}, r"4 images would go and limits\.max_evicted_images is 3"),
        ({"max_evicted_share": 0.5}, r"4 of 7 images \(57\.1%\) would go and limits\.max_evicted_share is 50\.0%"),
    ],
)
def test_no_plan_is_made_beyond_a_limit_and_the_limit_is_named(limits, words):
    with pytest.raises(LimitExceeded, match=words):
        plan_of(company(), replace(OPEN, **limits))


# Checks ------------------------------------------------------------------------------------------------------


def test_a_plan_passes_the_checks_on_what_it_was_made_from():
    registry = company()
    facts = gather_facts(POLICIES, registry.catalog(), registry.uses(), evidence())
    assert check_plan(plan_of(registry), facts, now=AS_OF) == ()


@pytest.mark.parametrize("used", ["old", "single"])
def test_the_check_finds_what_came_into_use(used):
    registry = company()
    plan = plan_of(registry)
    registry.use("apps/web", used, by="late")
    problems = check_plan(plan, gather_facts(POLICIES, registry.catalog(), registry.uses(), evidence()), now=AS_OF)
    assert {problem.check for problem in problems} == {"nothing in use"}
    assert any("production/health/late" in problem.message for problem in problems)
    assert any(digest("old") in problem.message for problem in problems)


def test_the_check_finds_children_and_subjects_of_what_stays():
    plan = plan_of(company())
    facts = gather_facts(POLICIES, company().catalog(), company().uses(), evidence())
    for left_out, bound in (("old", {"single", "signature"}), ("signature", {"old", "single"})):
        torn = replace(plan, entries=tuple(entry for entry in plan.entries if entry.digest != digest(left_out)))
        problems = check_plan(torn, facts, now=AS_OF)
        assert {problem.check for problem in problems} == {"nothing of a kept image"}
        assert {problem.message.split(" ")[0] for problem in problems} == {f"apps/web@{digest(name)}" for name in bound}


def test_the_check_finds_stale_evidence_and_broken_limits():
    registry = company()
    tight = replace(plan_of(registry).basis, limits=replace(OPEN, max_evicted_images=1))
    plan = replace(plan_of(registry), basis=tight)
    facts = gather_facts(POLICIES, registry.catalog(), registry.uses(), evidence())
    problems = check_plan(plan, facts, now=AS_OF + timedelta(days=2))
    assert {problem.check for problem in problems} == {"evidence complete and fresh", "within limits"}


# Summary -----------------------------------------------------------------------------------------------------


def test_the_summary_says_what_is_unusual():
    plan = plan_of(company(), replace(OPEN, second_person_above_images=1))
    summary = summarise(plan, last_images=1)
    assert summary.dependents == 2
    assert [share.repository for share in summary.repositories] == ["apps/web", "old/tool"]
    assert summary.unusual == (
        "1 repository would become empty",
        "the plan is 4 times larger than the last one",
        "57% of the stored images would go",
        "a second person must approve: 4 images go, more than limits.second_person_above_images = 1",
        "1 tags that no rule keeps wait, because the registry deletes by digest only and other tags of their images"
        " stay",
    )


def test_bytes_are_freed_only_where_no_image_needs_the_layer_any_more():
    layers = pd.DataFrame(
        [
            ("apps/web", digest("old"), "sha256:a", 10), ("apps/web", digest("single"), "sha256:a", 10),
            ("apps/web", digest("single"), "sha256:b", 100), ("apps/web", digest("new"), "sha256:b", 100),
            ("old/tool", digest("leftover"), "sha256:c", 1000), ("elsewhere", digest("leftover"), "sha256:c", 1000),
        ],
        columns=list(LAYER_COLUMNS),
    )  # fmt: skip
    assert unique_bytes(plan_of(company()), layers) == 10


def test_a_plan_of_nothing_is_a_plan():
    registry = SmallRegistry()
    registry.image("apps/web", "only", "v1", pushed=1)
    plan = plan_of(registry)
    assert plan.images == 0
    assert Plan.from_json(plan.to_bytes()).fingerprint == plan.fingerprint
    assert unique_bytes(plan, pd.DataFrame(columns=list(LAYER_COLUMNS))) == 0
