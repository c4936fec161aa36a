"""Laws of retention and of plans, held against registries that nobody would build by hand."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from registry_core.eviction import make_plan
from registry_core.eviction_check import check_plan
from registry_core.limits import Limits
from registry_core.policy import read_policies
from registry_core.retention import decide
from registry_core.retention_decisions import Decisions
from registry_core.retention_evidence import Evidence
from registry_core.retention_order import UNKNOWN
from tests.registry_core.small_registry import AS_OF, SmallRegistry, digest

NO_LIMITS = Limits(max_evicted_images=10**6, max_evicted_share=1, min_images_in_use=0)
SIZE = 8
DATES = st.one_of(
    st.none(), st.integers(0, 60).map(lambda days: AS_OF - timedelta(days=days)), st.just(AS_OF + timedelta(days=1))
)
KEEP_RULES = st.fixed_dictionaries(
    {},
    optional={
        "keep_tags": st.lists(st.sampled_from(["v*", "t1", "*-x", "t?"]), min_size=1, max_size=2, unique=True),
        "keep_last": st.integers(1, 3),
        "keep_within": st.sampled_from(["5d", "30d"]),
        "keep_in_use": st.fixed_dictionaries(
            {"rollbacks": st.integers(0, 2)}, optional={"seen_within": st.sampled_from(["10d", "40d"])}
        ),
        "keep_versions": st.fixed_dictionaries(
            {"pattern": st.just("v{semver}"), "last": st.integers(1, 2), "per": st.sampled_from(["major", "minor"])}
        ),
    },
).filter(bool)
ENTRIES = st.tuples(
    KEEP_RULES,
    st.fixed_dictionaries(
        {},
        optional={
            "untagged": st.sampled_from([{"keep": False}, {"keep": True}, {"keep_within": "10d"}]),
            "broken": st.sampled_from([{"evict": True}, {"evict": True}, {"evict": False}]),
            "when_unused": st.sampled_from(["evict", "same"]),
        },
    ),
).map(lambda parts: {"repositories": ["**"], **parts[0], **parts[1]})


@st.composite
def registries(draw: st.DrawFn) -> SmallRegistry:
    """Up to eight images in each of two repositories; indexes and subjects point at later ones, so no circles."""
    registry = SmallRegistry()
    listed: dict[int, list[int]] = {
        number: draw(st.lists(st.integers(number + 1, SIZE - 1), max_size=3, unique=True)) if number < SIZE - 1 else []
        for number in range(SIZE)
    }
    for repository in ("a", "b"):
        for number in draw(st.lists(st.integers(0, SIZE - 1), unique=True)):
            name = f"image {number}"
            subject = draw(st.one_of(st.none(), st.integers(0, SIZE - 1)))
            fault = draw(st.sampled_from([None] * 12 + ["missing", "corrupt", "throttled"]))
            columns: dict[str, Any] = {"media_type": None, "fault": fault} if fault else {}
            registry.image(
                repository,
                name,
                pushed_at=draw(DATES),
                created_at=draw(DATES),
                subject=f"image {subject}" if subject is not None and subject != number else None,
                **columns,
            )
            if draw(st.booleans()):
                tags = st.sampled_from(["t1", "t2", "v1.0.0", "v1.1.0", "v2.0.0", "build-x", "latest"])
                for tag in draw(st.lists(tags, max_size=2, unique=True)):
                    if not any(row["repository"] == repository and row["tag"] == tag for row in registry.tags):
                        registry.tag(repository, tag, name)
            if draw(st.integers(0, 5)) == 0:
                subject_tag = digest(f"image {draw(st.integers(0, SIZE - 1))}").replace(":", "-") + ".sig"
                registry.tag(repository, f"{subject_tag}", name)
            if draw(st.integers(0, 6)) == 0:
                registry.use(repository, name, seen=float(draw(st.integers(0, 50))))
    for number, children in listed.items():
        for position, child in enumerate(children):
            registry.children.append(
                {"digest": digest(f"image {number}"), "child": digest(f"image {child}"), "position": position}
            )
    registry.tags = list({(row["repository"], row["tag"]): row for row in registry.tags}.values())
    return registry


def decisions_of(registry: SmallRegistry, entry: dict[str, Any], *, seed: int | None = None) -> Decisions:
    catalog, usage = registry.catalog(seed=seed), registry.uses(seed=seed)
    return decide(read_policies([entry]), catalog, usage, evidence=Evidence.at(AS_OF, registry="example"))


def images_going(decisions: Decisions) -> set[tuple[str, str]]:
    frame = decisions.frame()
    going = frame[frame["decision"].eq("evict")]
    return set(zip(going["repository"], going["digest"], strict=True))


@settings(max_examples=60, deadline=None)
@given(registries(), ENTRIES)
def test_no_plan_holds_a_digest_that_is_reachable_from_anything_kept(registry, entry):
    decisions = decisions_of(registry, entry)
    plan = make_plan(decisions, NO_LIMITS, now=AS_OF)
    planned = {line.image for line in plan.entries}
    stored = {(row["repository"], row["digest"]) for row in registry.images if row.get("fault") != "missing"}
    kept = stored - planned
    assert planned <= stored
    # Walked by hand over the rows, with nothing of the graph: a list, a subject, a tag named for a subject.
    listed = {(row["digest"], row["child"]) for row in registry.children}
    # A signature whose subject is not stored beside it is about that image in every other repository.
    about = {(row["repository"], row["digest"], row["subject"]) for row in registry.images if row.get("subject")}
    about |= {
        (row["repository"], row["digest"], row["tag"].removesuffix(".sig").replace("-", ":", 1))
        for row in registry.tags
        if row["tag"].startswith("sha256-")
    }
    about = {
        (where, referrer, owner, of)
        for where, referrer, of in about
        for owner in ({where} if (where, of) in stored else {name for name, digest in stored if digest == of})
        if of != referrer
    }
    reached, front = set(), set(kept)
    while front:
        reached |= front
        front = (
            {(name, child) for name, index in front for parent, child in listed if parent == index}
            | {
                (where, referrer)
                for name, image in front
                for where, referrer, owner, of in about
                if (owner, of) == (name, image)
            }
            | {
                (name, of)
                for name, image in front
                for where, referrer, owner, of in about
                if (where, referrer) == (name, image) and owner == where
            }
        )
        front &= stored
        front -= reached
    assert not planned & reached
    assert check_plan(plan, decisions.facts, now=AS_OF) == ()


@settings(max_examples=60, deadline=None)
@given(registries(), ENTRIES, KEEP_RULES)
def test_more_keep_rules_never_evict_more(registry, entry, more):
    # What the entry has stays as it is, what it lacks is added; but not `seen_within`, which may be shorter than
    # the default.
    added = {key: {"rollbacks": rule["rollbacks"]} if key == "keep_in_use" else rule for key, rule in more.items()}
    wider = {**added, **entry}
    assert images_going(decisions_of(registry, wider)) <= images_going(decisions_of(registry, entry))


@settings(max_examples=30, deadline=None)
@given(registries(), ENTRIES, st.integers(0, 1000))
def test_the_plan_is_the_same_for_shuffled_input_and_for_a_second_time(registry, entry, seed):
    plan = make_plan(decisions_of(registry, entry), NO_LIMITS, now=AS_OF, can_remove_single_tags=True)
    again = make_plan(decisions_of(registry, entry), NO_LIMITS, now=AS_OF, can_remove_single_tags=True)
    shuffled = make_plan(decisions_of(registry, entry, seed=seed), NO_LIMITS, now=AS_OF, can_remove_single_tags=True)
    assert plan.fingerprint == again.fingerprint == shuffled.fingerprint
    assert plan.to_bytes() == shuffled.to_bytes()


@settings(max_examples=30, deadline=None)
@given(registries(), ENTRIES)
def test_what_is_in_use_and_what_is_unread_never_goes(registry, entry):
    rules = {**entry, "keep_in_use": {"seen_within": "forever"}, "broken": {"evict": False}}
    going = images_going(decisions_of(registry, rules))
    assert not going & {(row["repository"], row["digest"]) for row in registry.usage}
    assert not going & {(row["repository"], row["digest"]) for row in registry.images if row.get("fault")}


@settings(max_examples=30, deadline=None)
@given(registries(), ENTRIES)
def test_more_use_never_evicts_more(registry, entry):
    before = images_going(decisions_of(registry, entry))
    for row in registry.images[:3]:
        registry.usage.append({**_use(row), "repository": row["repository"], "digest": row["digest"]})
    assert images_going(decisions_of(registry, entry)) <= before


@settings(max_examples=60, deadline=None)
@given(registries(), ENTRIES, st.integers(1, 3))
def test_where_rollbacks_are_asked_for_no_undated_image_goes_beside_one_in_use(registry, entry, rollbacks):
    rules = {key: value for key, value in entry.items() if key not in ("broken", "when_unused")}
    decisions = decisions_of(registry, {**rules, "keep_in_use": {"seen_within": "forever", "rollbacks": rollbacks}})
    facts = decisions.facts
    used = facts.nodes.images_per_repository(facts.use.images & facts.shape.stored & ~facts.shape.listed) > 0
    undated = (facts.dates == UNKNOWN) & ~facts.shape.dependent
    assert not (decisions.evicted & undated & used[facts.nodes.repository]).any()


def _use(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "match": "digest", "cluster": "production", "namespace": "n", "owner_kind": "Deployment", "owner_name": "o",
        "pods": 1, "last_seen_at": AS_OF, "first_seen_at": AS_OF,
    }  # fmt: skip


@settings(max_examples=25, deadline=None)
@given(registries(), ENTRIES)
def test_every_decision_has_reasons(registry, entry):
    frame = decisions_of(registry, entry).frame()
    assert len(frame) == len(registry.images)
    assert all(reasons and "; ;" not in reasons for reasons in frame["reasons"])


@settings(max_examples=25, deadline=None)
@given(registries(), ENTRIES)
def test_owners_stand_before_what_belongs_to_them(registry, entry):
    plan = make_plan(decisions_of(registry, entry), NO_LIMITS, now=AS_OF)
    place = {line.image: number for number, line in enumerate(plan.entries)}
    for line in plan.entries:
        for parent in line.parents:
            assert place[line.repository, parent] < place[line.image] or _in_circle(plan, line.repository, parent)


def _in_circle(plan, repository: str, start: str) -> bool:
    """Whether tags named for a subject close a circle: there, no order satisfies all."""
    owners = {line.digest: line.owners for line in plan.entries if line.repository == repository}
    front, seen = set(owners[start]), set()
    while front:
        seen |= front
        front = {owner for digest in front for owner in owners[digest]} - seen
    return start in seen
