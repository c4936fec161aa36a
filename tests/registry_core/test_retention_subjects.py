"""Tags that are named for an image, and signatures in repositories of their own: they follow their subject."""

from __future__ import annotations

from typing import Any

import pytest

from registry_core.coverage import Coverage, Gap
from registry_core.eviction import Plan, make_plan
from registry_core.eviction_check import check_plan
from registry_core.policy import read_policies
from registry_core.retention import decide
from registry_core.retention_decisions import Decisions
from registry_core.retention_evidence import Evidence, Snapshot
from tests.registry_core.small_registry import AS_OF, SmallRegistry, digest
from tests.registry_core.test_retention_laws import NO_LIMITS, images_going

SUFFIXES = ["", ".sig", ".att", ".sbom"]


def named_for(name: str, suffix: str = ".sig") -> str:
    return digest(name).replace(":", "-") + suffix


def decisions_of(registry: SmallRegistry, *entries: dict[str, Any], evidence: Evidence | None = None) -> Decisions:
    return decide(
        read_policies(list(entries)), registry.catalog(), registry.uses(), evidence=evidence or Evidence.at(AS_OF)
    )


def going(registry: SmallRegistry, *entries: dict[str, Any], **more: Any) -> set[tuple[str, str]]:
    return images_going(decisions_of(registry, *entries, **more))


def images(*pairs: tuple[str, str]) -> set[tuple[str, str]]:
    return {(repository, digest(name)) for repository, name in pairs}


ALL = {"repositories": ["**"]}
FREE = {"untagged": {"keep": False}}


# A subject that is not stored --------------------------------------------------------------------------------


def orphan(suffix: str = ".sig") -> SmallRegistry:
    registry = SmallRegistry()
    registry.image("apps/web", "new", "v2", pushed=1)
    registry.image("apps/web", "old", "v1", pushed=9)
    registry.image("apps/web", "orphan", named_for("never stored", suffix), pushed=0)
    return registry


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("pattern", ["**", "*", "sha256-*"])
def test_keep_tags_matches_a_tag_whose_subject_is_not_stored(suffix, pattern):
    decisions = decisions_of(orphan(suffix), {**ALL, **FREE, "keep_tags": [pattern]})
    assert decisions.is_kept("apps/web", digest("orphan"))
    assert decisions.reasons_of("apps/web", digest("orphan"))[0].endswith(f"kept by keep_tags {pattern}")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_without_such_a_pattern_the_rule_for_untagged_images_decides(suffix):
    registry = orphan(suffix)
    assert ("apps/web", digest("orphan")) not in going(registry, {**ALL, "keep_tags": ["v*"]})
    assert going(registry, {**ALL, **FREE, "keep_tags": ["v*"]}) == images(("apps/web", "orphan"))
    decisions = decisions_of(registry, {**ALL, **FREE, "keep_tags": ["v*"]})
    assert decisions.reasons_of("apps/web", digest("orphan")) == (
        "no tag matches keep_tags v*",
        "not in use within 30d, tagged only for an image that is not stored, and untagged.keep is false",
    )
    kept = decisions_of(registry, {**ALL, "keep_tags": ["v*"]})
    assert kept.reasons_of("apps/web", digest("orphan")) == (
        "tagged only for an image that is not stored, and no rule speaks of those",
    )


def test_it_takes_no_place_among_the_newest_and_no_step_of_a_rollback():
    assert going(orphan(), {**ALL, "keep_last": 1}) == images(("apps/web", "old"))
    registry = orphan()
    registry.images[-1]["pushed_at"] = registry.images[0]["pushed_at"] - (AS_OF - registry.images[0]["pushed_at"])
    registry.use("apps/web", "new")
    assert going(registry, {**ALL, "keep_tags": ["none"], "keep_in_use": {"rollbacks": 1}}) == set()


def test_a_subject_that_the_registry_lost_is_not_stored():
    registry = orphan()
    registry.image("apps/web", "never stored", fault="missing", media_type=None)
    assert ("apps/web", digest("orphan")) not in going(registry, {**ALL, **FREE, "keep_tags": ["**"]})


@pytest.mark.parametrize("elsewhere", [False, True])
def test_an_image_that_is_named_for_itself_has_a_tag(elsewhere):
    registry = SmallRegistry()
    registry.image("apps/web", "image", named_for("image", ""), pushed=9)
    if elsewhere:
        registry.image("apps/copy", "image", "v1", pushed=9)
    assert ("apps/web", digest("image")) not in going(registry, {**ALL, **FREE, "keep_tags": ["**"]})


def test_an_image_with_a_tag_of_its_own_beside_it_keeps_both():
    registry = SmallRegistry()
    registry.image("apps/web", "image", "v1", named_for("never stored"), pushed=9)
    decisions = decisions_of(registry, {**ALL, "keep_tags": ["v*"]})
    assert not decisions.evicted.any()
    assert not decisions.single_tags.any()


def unread(place: str) -> Evidence:
    gap = Gap(place, "unreachable", "the connection was cut", excused=True)
    return Evidence(registry="example", catalog=Snapshot("c", AS_OF, Coverage(asked=2, answered=1, gaps=(gap,))))


@pytest.mark.parametrize("place", ["apps/other", "*", "the list of repositories"])
def test_while_anything_was_not_read_it_may_be_the_subject(place):
    registry = orphan()
    registry.image("apps/web", "orphan sbom", subject="never stored", pushed=3)
    rules = {**ALL, **FREE, "keep_last": 1}
    assert going(registry, rules) == images(("apps/web", "orphan"), ("apps/web", "orphan sbom"), ("apps/web", "old"))
    decisions = decisions_of(registry, rules, evidence=unread(place))
    assert decisions.reasons_of("apps/web", digest("orphan")) == (
        "refers to an image that is not known, and not all of the registry was read, so kept",
    )
    assert decisions.is_kept("apps/web", digest("orphan sbom"))


def test_a_tag_that_could_not_be_read_may_name_the_subject_in_any_repository():
    registry = orphan()
    registry.image("apps/other", "image", "v1", pushed=3)
    registry.tag("apps/other", "v0", None, fault="throttled")
    assert ("apps/web", digest("orphan")) not in going(registry, {**ALL, **FREE, "keep_last": 1})


# A repository for signatures ---------------------------------------------------------------------------------


def signed_elsewhere(*repositories: str) -> SmallRegistry:
    """`old` lies in the repositories, its signature in `signatures`."""
    registry = SmallRegistry()
    for repository in repositories or ("apps/web",):
        registry.image(repository, f"new {repository}", "v2", pushed=1)
        registry.image(repository, "old", "v1", pushed=9)
    registry.image("signatures", "signature", named_for("old"), pushed=9)
    return registry


@pytest.mark.parametrize("rules", [{"keep_last": 3}, {"keep_tags": ["v*"]}, {"keep_last": 1, "when_unused": "evict"}])
def test_a_signature_stays_with_its_subject_in_another_repository(rules):
    registry = signed_elsewhere()
    registry.use("apps/web", "old")
    decisions = decisions_of(registry, {**ALL, **FREE, **rules})
    assert decisions.reasons_of("signatures", digest("signature")) == ("refers to apps/web:v1, which stays",)


def test_it_goes_with_its_subject_and_says_so():
    decisions = decisions_of(signed_elsewhere(), {**ALL, "keep_last": 1})
    assert images_going(decisions) == images(("apps/web", "old"), ("signatures", "signature"))
    assert decisions.reasons_of("signatures", digest("signature")) == ("refers to apps/web:v1, which goes",)


def test_it_stays_while_its_subject_stays_in_any_repository():
    registry = signed_elsewhere("apps/a", "apps/b")
    entries = {"repositories": ["apps/b"], "keep_last": 2}, {**ALL, "keep_last": 1}
    assert going(registry, *entries) == images(("apps/a", "old"))
    both = going(registry, {**ALL, "keep_last": 1})
    assert both == images(("apps/a", "old"), ("apps/b", "old"), ("signatures", "signature"))


def test_a_subject_in_the_same_repository_decides_alone():
    registry = SmallRegistry()
    for repository in ("apps/a", "apps/b"):
        registry.image(repository, f"new {repository}", "v2", pushed=1)
        registry.image(repository, "old", "v1", pushed=9)
        registry.image(repository, "signature", named_for("old"), pushed=9)
    entries = {"repositories": ["apps/b"], "keep_last": 2}, {**ALL, "keep_last": 1}
    assert going(registry, *entries) == images(("apps/a", "old"), ("apps/a", "signature"))


def test_a_repository_for_signatures_without_an_entry_stays_and_holds_nothing_elsewhere():
    registry = signed_elsewhere()
    assert going(registry, {"repositories": ["apps/**"], "keep_last": 1}) == images(("apps/web", "old"))


def test_a_manifest_with_a_subject_field_follows_it_too_with_what_it_lists():
    registry = signed_elsewhere()
    registry.image("signatures", "bundle", subject="old", pushed=9, children=["part"])
    registry.image("signatures", "part", pushed=9)
    registry.image("signatures", "signature of bundle", named_for("bundle"), pushed=9)
    rules = {**ALL, **FREE, "keep_last": 2}
    assert going(registry, rules) == set()
    everything = {("signatures", name) for name in ("signature", "bundle", "part", "signature of bundle")}
    assert going(registry, {**rules, "keep_last": 1}) == images(("apps/web", "old"), *everything)


@pytest.mark.parametrize("subject", ["signed", "never stored"])
def test_a_tagged_image_that_is_about_another_takes_no_place_and_is_still_kept_among_the_newest(subject):
    registry = SmallRegistry()
    registry.image("apps/web", "signed", "v1", pushed=9)
    registry.image("notes", "note", "note", subject=subject, pushed=1)
    registry.image("notes", "new", "v2", pushed=2)
    registry.image("notes", "old", "v1", pushed=3)
    registry.image("notes", "old note", "old-note", subject=subject, pushed=4)
    entries = {"repositories": ["apps/**"], "keep_tags": ["none"]}, {**ALL, "keep_last": 1}
    expected = images(("apps/web", "signed"), ("notes", "old"), ("notes", "old note"))
    assert going(registry, *entries) == expected


def test_a_used_signature_leads_back_to_what_came_before_it():
    registry = SmallRegistry()
    registry.image("charts", "image", "v2", pushed=1)
    registry.image("charts", "chart", "chart", subject="image", pushed=5)
    for number in range(3):
        registry.image("charts", f"before {number}", f"b{number}", pushed=6.0 + number)
    registry.use("charts", "chart")
    rules = {**ALL, "keep_tags": ["v*"], "keep_in_use": {"rollbacks": 1}}
    assert going(registry, rules) == images(("charts", "before 1"), ("charts", "before 2"))


def test_a_plan_names_the_subjects_elsewhere_and_is_read_back_whole():
    decisions = decisions_of(signed_elsewhere("apps/a", "apps/b"), {**ALL, "keep_last": 1})
    plan = make_plan(decisions, NO_LIMITS, now=AS_OF)
    (entry,) = [entry for entry in plan.entries if entry.repository == "signatures"]
    assert entry.subjects_elsewhere == (("apps/a", digest("old")), ("apps/b", digest("old")))
    assert Plan.from_json(plan.to_bytes(), expected=plan.fingerprint) == plan
    assert check_plan(plan, decisions.facts, now=AS_OF) == ()


def test_a_plan_that_lacks_the_subject_is_found_by_the_check():
    registry = signed_elsewhere("apps/a", "apps/b")
    plan = make_plan(decisions_of(registry, {**ALL, "keep_last": 1}), NO_LIMITS, now=AS_OF)
    entries = tuple(entry for entry in plan.entries if entry.repository != "apps/b")
    facts = decisions_of(registry, {**ALL, "keep_last": 1}).facts
    (problem,) = check_plan(Plan(plan.basis, entries, plan.stored_images), facts, now=AS_OF)
    assert problem.check == "nothing of a kept image"
    assert "signatures@" in problem.message
