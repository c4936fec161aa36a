"""Single tags: a name that no rule keeps and nobody asks by may leave an image that stays. Decision and last look
agree."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry_core.digests import subject_of_tag
from registry_core.eviction import Plan, make_plan
from registry_core.eviction_check import check_plan
from registry_core.eviction_shrink import Fresh, shrink
from registry_core.eviction_use import use_now
from registry_core.retention_nodes import Nodes
from tests.registry_core.small_registry import AS_OF, SmallRegistry, digest
from tests.registry_core.test_retention_laws import ENTRIES, KEEP_RULES, NO_LIMITS, decisions_of, registries

HOST = "registry.example.com"


def going_tags(registry: SmallRegistry, **rules: Any) -> dict[str, set[str]]:
    """Single tags that go, by the digest of their image."""
    plan = make_plan(
        decisions_of(registry, {"repositories": ["**"], **rules}), NO_LIMITS, now=AS_OF, can_remove_single_tags=True
    )
    return {entry.digest: set(entry.tags) for entry in plan.entries if entry.kind == "untag"}


@pytest.fixture
def registry() -> SmallRegistry:
    """An old image with three tags beside a new one, and beside `pinned` an index with a child."""
    registry = SmallRegistry()
    registry.image("apps/web", "new", "v2", pushed=1)
    registry.image("apps/web", "old", "stable", "build-1", "old-name", pushed=90)
    registry.image("apps/web", "index", "pinned", "build-0", pushed=95, children=["child"])
    registry.image("apps/web", "child")
    return registry


def test_a_tag_that_a_workload_names_stays_and_the_others_go(registry):
    registry.use("apps/web", "old", reference=f"{HOST}/apps/web:build-1")
    assert going_tags(registry, keep_last=1, keep_tags=["pinned"]) == {
        digest("old"): {"stable", "old-name"}, digest("index"): {"build-0"},
    }  # fmt: skip


@pytest.mark.parametrize(
    "reference",
    [
        f"{HOST}/apps/web@{digest('old')}",  # by digest
        f"{HOST}/apps/web:moved@{digest('old')}",  # a tag that names nothing, and a digest that decides
        f"{HOST}/apps/web:v2",  # a tag that has moved on since the pod was started
        f"{HOST}/other/web:stable",  # the same bytes under another name
        f"{HOST}/apps/web",  # latest, which is not there
        "$(IMAGE)",
        None,
    ],
)
def test_an_image_in_use_by_somebody_who_names_none_of_its_tags_keeps_all(registry, reference):
    registry.use("apps/web", "old", reference=reference)
    assert going_tags(registry, keep_last=1, keep_tags=["stable", "pinned"]) == {digest("index"): {"build-0"}}


def test_a_reference_with_tag_and_digest_names_the_tag(registry):
    registry.use("apps/web", "old", reference=f"{HOST}/apps/web:stable@{digest('old')}")
    assert going_tags(registry, keep_last=1, keep_tags=["pinned"])[digest("old")] == {"build-1", "old-name"}


def test_a_running_child_names_the_tag_of_its_index(registry):
    registry.use("apps/web", "index", reference=f"{HOST}/apps/web:pinned")
    registry.use("apps/web", "child", reference=f"{HOST}/apps/web:pinned", match="running digest")
    assert going_tags(registry, keep_last=1, keep_tags=["stable"])[digest("index")] == {"build-0"}


def test_a_child_that_is_used_by_itself_keeps_all_tags_of_its_index(registry):
    registry.use("apps/web", "child", reference=f"{HOST}/apps/web@{digest('child')}")
    assert digest("index") not in going_tags(registry, keep_last=1, keep_tags=["stable", "pinned"])


def test_one_image_kept_by_a_rule_for_images_keeps_all_its_tags(registry):
    registry.use("apps/web", "old", reference=f"{HOST}/apps/web:stable")
    assert digest("old") not in going_tags(registry, keep_within="100d", keep_tags=["stable"])


def test_a_plan_that_takes_a_named_tag_does_not_pass_the_check(registry):
    rules = {"repositories": ["**"], "keep_last": 1, "keep_tags": ["stable"]}
    plan = make_plan(decisions_of(registry, rules), NO_LIMITS, now=AS_OF, can_remove_single_tags=True)
    registry.use("apps/web", "old", reference=f"{HOST}/apps/web:build-1")
    problems = check_plan(plan, decisions_of(registry, rules).facts, now=AS_OF)
    assert "a workload names apps/web:build-1; make a new plan" in {problem.message for problem in problems}


# Laws --------------------------------------------------------------------------------------------------------


@st.composite
def used_registries(draw: st.DrawFn) -> SmallRegistry:
    """Workloads write tags of the image, tags of others, digests, or nothing that is known. All uses are of now."""
    registry = draw(registries())
    tags = sorted({row["tag"] for row in registry.tags} | {"nothing"})
    for row in registry.images:
        for _ in range(draw(st.sampled_from([0, 0, 1, 2]))):
            write(registry, row, draw(st.sampled_from(tags)))
    for row in registry.usage:
        row["last_seen_at"] = AS_OF
    return registry


def write(registry: SmallRegistry, row: dict[str, Any], tag: str) -> None:
    if row.get("fault") is None:
        by_digest = f"@{row['digest']}" if tag == "nothing" else f":{tag}"
        registry.use(row["repository"], "", reference=f"{HOST}/{row['repository']}{by_digest}", digest=row["digest"])


def plan_of(registry: SmallRegistry, entry: dict[str, Any]) -> Plan:
    return make_plan(decisions_of(registry, entry), NO_LIMITS, now=AS_OF, can_remove_single_tags=True)


def tags_going(registry: SmallRegistry, entry: dict[str, Any]) -> set[tuple[str, str]]:
    return {(line.repository, tag) for line in plan_of(registry, entry).entries for tag in line.tags}


@settings(max_examples=60, deadline=None)
@given(used_registries(), ENTRIES)
def test_no_tag_that_is_named_goes_and_no_image_that_stays_is_left_without_one(registry, entry):
    plan = plan_of(registry, entry)
    named = {row["reference"].removeprefix(f"{HOST}/") for row in registry.usage if row.get("reference")}
    going = {line.image for line in plan.entries if line.kind == "delete"}
    for line in plan.entries:
        if line.kind == "untag":
            assert line.image not in going
            assert not named & {f"{line.repository}:{tag}" for tag in line.tags}
            on_it = {row["tag"] for row in registry.tags if (row["repository"], row["digest"]) == line.image}
            assert [tag for tag in on_it - set(line.tags) if subject_of_tag(tag) is None]


@settings(max_examples=60, deadline=None)
@given(used_registries(), ENTRIES, KEEP_RULES)
def test_more_keep_rules_never_take_more_tags(registry, entry, more):
    assert tags_going(registry, {**more, **entry}) <= tags_going(registry, entry)


@settings(max_examples=60, deadline=None)
@given(used_registries(), ENTRIES, st.data())
def test_more_use_never_takes_more_tags(registry, entry, data):
    before = tags_going(registry, entry)
    for row in registry.images[:3]:
        write(registry, row, data.draw(st.sampled_from([row["tag"] for row in registry.tags] + ["nothing"])))
    assert tags_going(registry, entry) <= before


def fresh_of(catalog: SmallRegistry, used: SmallRegistry) -> Fresh:
    """What the last look sees: the tags of one registry, the workloads of another."""
    tags: dict[str, dict[str, str | None]] = {row["repository"]: {} for row in catalog.images}
    for row in catalog.tags:
        tags[row["repository"]][row["tag"]] = row["digest"]
    return Fresh(tags=tags, use=use_now(Nodes.of(catalog.catalog()), used.uses().usage))


@settings(max_examples=60, deadline=None)
@given(used_registries(), ENTRIES)
def test_where_nothing_changed_the_last_look_spares_nothing(registry, entry):
    assert shrink(plan_of(registry, entry).entries, fresh_of(registry, registry)).spared == ()


@settings(max_examples=60, deadline=None)
@given(used_registries(), ENTRIES, st.data())
def test_what_is_used_since_is_spared_image_or_tag(registry, entry, data):
    plan = plan_of(registry, entry)
    for row in data.draw(st.lists(st.sampled_from(registry.images), max_size=4)) if registry.images else ():
        write(registry, row, data.draw(st.sampled_from([row["tag"] for row in registry.tags] + ["nothing"])))
    used = {(row["repository"], row["digest"]) for row in registry.usage}
    named = {row["reference"].removeprefix(f"{HOST}/") for row in registry.usage if row.get("reference")}
    for line in shrink(plan.entries, fresh_of(registry, registry)).entries:
        if line.kind == "delete":
            assert line.image not in used
        else:
            assert not named & {f"{line.repository}:{tag}" for tag in line.tags}
