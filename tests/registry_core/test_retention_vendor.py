"""What the vendor of a registry protects stays, whatever the policy says; so does what could not be asked about."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from registry_core.policy import read_policies
from registry_core.retention import decide
from registry_core.retention_decisions import Decisions
from registry_core.retention_evidence import Evidence
from tests.registry_core.small_registry import AS_OF, SmallRegistry

HELD = "Harbor: immutable tag: v1"
NOT_KNOWN = "what Quay protects is not known (404 Not Found)"


def decided(registry: SmallRegistry, **entry: object) -> Decisions:
    policies = read_policies([{"repositories": ["**"], "keep_last": 1, **entry}])
    return decide(policies, registry.catalog(), registry.uses(), evidence=Evidence.at(AS_OF))


def test_a_protected_image_is_kept_with_the_vendors_reason_in_words() -> None:
    registry = SmallRegistry()
    old = registry.image("web", "web 1", "v1", pushed=30, protection=HELD)
    other = registry.image("web", "web 2", "v2", pushed=20)
    registry.image("web", "web 3", "v3", pushed=1)
    decisions = decided(registry)
    assert decisions.is_kept("web", old)
    assert decisions.reasons_of("web", old) == (HELD,)
    assert not decisions.is_kept("web", other)
    assert decisions.counts()["protected by the registry's vendor"] == 1


def test_what_could_not_be_asked_about_is_kept_and_said_so() -> None:
    registry = SmallRegistry()
    old = registry.image("web", "web 1", "v1", pushed=30, protection=NOT_KNOWN, protection_fault="missing")
    registry.image("web", "web 2", "v2", pushed=1)
    decisions = decided(registry)
    assert decisions.reasons_of("web", old) == (f"{NOT_KNOWN}, so kept",)
    assert decisions.counts()["perhaps protected by the registry's vendor, so kept"] == 1


def test_it_holds_where_an_unused_repository_is_emptied_too() -> None:
    registry = SmallRegistry()
    held = registry.image("web", "web 1", "v1", pushed=30, protection=HELD)
    gone = registry.image("web", "web 2", "v2", pushed=1)
    decisions = decided(registry, when_unused="evict")
    assert decisions.is_kept("web", held)
    assert not decisions.is_kept("web", gone)


def test_what_a_protected_index_lists_stays_with_it() -> None:
    registry = SmallRegistry()
    child = registry.image("web", "child", pushed=30)
    registry.image("web", "index", "v1", pushed=30, children=["child"], protection=HELD)
    registry.image("web", "newer", "v2", pushed=1)
    decisions = decided(registry, untagged={"keep": False})
    assert decisions.is_kept("web", child)
    assert decisions.reasons_of("web", child)[0].startswith("part of")


def test_an_image_that_is_not_stored_is_protected_by_nobody() -> None:
    registry = SmallRegistry()
    lost = registry.image("web", "lost", pushed=30, fault="missing", protection=HELD)
    registry.image("web", "web", "v1", pushed=1)
    assert "protected" not in "".join(decided(registry).counts())
    assert decided(registry).reasons_of("web", lost)[0].startswith("the registry no longer has it")


@given(st.lists(st.sampled_from([None, HELD, NOT_KNOWN]), min_size=1, max_size=12))
def test_no_protection_ever_lets_more_go(protections: list[str | None]) -> None:
    bare, held = SmallRegistry(), SmallRegistry()
    for number, protection in enumerate(protections):
        fault = "missing" if protection == NOT_KNOWN else None
        bare.image("web", f"web {number}", f"v{number}", pushed=number + 1)
        held.image(
            "web", f"web {number}", f"v{number}", pushed=number + 1, protection=protection, protection_fault=fault
        )
    without, with_it = decided(bare), decided(held)
    kept_before, kept_now = without.reasons != 0, with_it.reasons != 0
    assert (kept_now >= kept_before).all()
    assert kept_now.tolist() == [
        before or protection is not None for before, protection in zip(kept_before, protections, strict=True)
    ]
