"""The migration plan: a value that says the same forever, and what forbids to make or to carry out one."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry_core.copy_rule import CopyRule, Selection, target_names
from registry_core.coverage import Coverage, Gap
from registry_core.errors import IncompleteSnapshot, PlanStale, Refused
from registry_core.limits import Limits
from registry_core.migration import MigrationBasis, MigrationPlan
from registry_core.migration_check import problems_of
from registry_core.migration_duration import CopyRate, expected_duration
from registry_core.migration_entries import PLAN_WORDS, MigrationEntry
from registry_core.migration_evidence import faults_of_evidence, refuse_bad_evidence
from registry_core.migration_summary import summarise_migration
from registry_core.plan_kinds import class_of
from registry_core.retention_evidence import Evidence, Snapshot
from registry_core.rewriting import Rewriting
from tests.registry_core.small_registry import AS_OF, digest

RULE = CopyRule(
    name="move",
    source="old",
    destination="new",
    selection=Selection(in_use=("production",), rollbacks=2, versions=(">=1",)),
    rewriting=Rewriting(prefixes={"": "mirror"}, names={"a": "b"}),
    on_conflict="keep",
    repair=True,
)


def entry(name: str = "app", word: Any = "copy", **fields: Any) -> MigrationEntry:
    values = {"digest": digest(name), "tags": ("v1",), "to_repository": f"mirror/{name}", "travel_bytes": 1_000}
    return MigrationEntry(repository=name, word=word, **{**values, **fields})


def plan(*entries: MigrationEntry, **basis: Any) -> MigrationPlan:
    values = {
        "rule": RULE,
        "as_of": AS_OF,
        "source": Snapshot("7", AS_OF),
        "destination": None,
        "inventories": {"production": Snapshot("9", AS_OF)},
        "max_plan_age": timedelta(hours=24),
        **basis,
    }
    return MigrationPlan(MigrationBasis(**values), entries or (entry(),))


_TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=8)
_ENTRIES = st.builds(
    MigrationEntry,
    repository=_TEXT,
    digest=st.none() | _TEXT,
    tags=st.lists(_TEXT, max_size=3).map(tuple),
    to_repository=_TEXT,
    word=st.sampled_from(PLAN_WORDS),
    manifests=st.integers(0, 9),
    travel_bytes=st.integers(0, 10**13),
    mounts=st.integers(0, 9),
    reasons=st.lists(_TEXT, max_size=2).map(tuple),
    used_by=_TEXT,
    fault=st.none() | st.just("missing"),
    why=_TEXT,
    overwrites=st.dictionaries(_TEXT, _TEXT, max_size=2),
)


@given(st.lists(_ENTRIES, max_size=4))
def test_what_is_filed_is_read_back_with_its_fingerprint(entries: list[MigrationEntry]) -> None:
    made = MigrationPlan(plan().basis, tuple(entries))
    again = MigrationPlan.from_json(made.to_bytes(), expected=made.fingerprint)
    assert again == made
    assert MigrationPlan.from_json(json.loads(made.to_bytes()), expected=made.fingerprint) == made


def test_a_plan_that_was_changed_is_refused() -> None:
    made = plan()
    changed = made.to_bytes().replace(b'"v1"', b'"v2"')
    with pytest.raises(Refused, match="it was changed, so nothing is done with it"):
        MigrationPlan.from_json(changed, expected=made.fingerprint)


@pytest.mark.parametrize(
    ("document", "why"),
    [
        (b"{", "it is no JSON"),
        (b'{"format":"registry-pipelines migration plan 2"}', "its format is 'registry-pipelines migration plan 2'"),
        (b'{"format":"registry-pipelines eviction plan 1"}', "its format is 'registry-pipelines eviction plan 1'"),
        (b'{"format":"registry-pipelines migration plan 1","entries":[]}', "something is missing or wrong"),
    ],
)
def test_what_is_no_migration_plan_is_refused(document: bytes, why: str) -> None:
    with pytest.raises(Refused, match=why):
        MigrationPlan.from_json(document)


def test_any_change_of_rule_or_evidence_is_another_plan() -> None:
    made = plan()
    for other in (
        plan(entry(tags=("v1", "v2"))),
        plan(rule=replace(RULE, on_conflict="overwrite")),
        plan(source=Snapshot("8", AS_OF)),
        plan(inventories={}),
        plan(max_plan_age=timedelta(hours=25)),
    ):
        assert other.fingerprint != made.fingerprint


def test_the_ledger_knows_what_to_ask_of_it() -> None:
    made = plan(entry(), entry("web", "already there"), entry("lost", "unreadable", digest=None, fault="missing"))
    assert class_of("migration") is MigrationPlan
    assert (made.kind, made.subject, made.touches) == ("migration", "move", ("registry new",))
    assert (made.counted, made.entry_count) == (1, 1)  # what is there, and what cannot be read, is nothing to approve
    assert dict(made.figures) == {"tags": 1, "travel_bytes": 1_000, "conflicts": 0, "unreadable_images": 1}
    assert [row["what"] for row in made.rows()] == ["copy", "already there", "unreadable"]


def test_two_images_with_one_tag_are_a_problem() -> None:
    assert problems_of(plan(entry(), entry("web"))) == ()
    assert problems_of(plan(entry(), entry("web", "conflict", to_repository="mirror/app"))) == ()
    (problem,) = problems_of(plan(entry(), entry("web", to_repository="mirror/app")))
    assert problem == "app and web would both write mirror/app:v1; correct `names` of move"


def test_names_that_collide_or_are_none_have_no_target() -> None:
    rule = replace(RULE, rewriting=Rewriting(prefixes={"long": "x" * 251}, names={"a": "b"}))
    names, faults = target_names(rule, ["a", "b", "c", "long/name"])
    assert names == {"c": "c"}
    assert set(faults) == {"a", "b", "long/name"}
    assert faults["a"] == "`a`, `b` would all be called `b`; correct `names` of move"


def evidence(**changes: Any) -> Evidence:
    values = {
        "registry": "old",
        "catalog": Snapshot("7", AS_OF),
        "inventories": {"production": Snapshot("9", AS_OF)},
        "required": ("production",),
        **changes,
    }
    return Evidence(**values)


def test_no_plan_without_the_inventory_of_a_chosen_cluster() -> None:
    with pytest.raises(IncompleteSnapshot, match="the cluster production has no inventory"):
        refuse_bad_evidence(RULE, evidence(inventories={}), Limits(), now=AS_OF)
    gap = Gap("v1 pods", "forbidden", "403")
    torn = Snapshot("9", AS_OF, Coverage(2, 1, gaps=(gap,)))
    with pytest.raises(IncompleteSnapshot, match="the inventory of production is incomplete"):
        refuse_bad_evidence(RULE, evidence(inventories={"production": torn}), Limits(), now=AS_OF)


def test_inventories_are_not_asked_for_where_use_decides_nothing() -> None:
    rule = replace(RULE, selection=Selection(all=True))
    assert not list(faults_of_evidence(rule, evidence(inventories={}, required=()), Limits(), now=AS_OF))


def test_old_evidence_makes_no_plan() -> None:
    later = AS_OF + timedelta(hours=3)
    with pytest.raises(PlanStale, match=r"the inventory of production is 3 hours old and limits.max_inventory_age"):
        refuse_bad_evidence(RULE, evidence(), Limits(), now=later)
    with pytest.raises(PlanStale, match=r"the catalog of old is 1 day old and limits.max_catalog_age"):
        refuse_bad_evidence(RULE, evidence(), Limits(), now=AS_OF + timedelta(hours=31))
    with pytest.raises(PlanStale, match="in the future, so a clock is wrong"):
        refuse_bad_evidence(RULE, evidence(), Limits(), now=AS_OF - timedelta(hours=1))


def test_a_repository_that_was_not_read_stops_nothing_and_a_list_that_was_not_does() -> None:
    gap = Gap("team/secret", "forbidden", "403")
    catalog = Snapshot("7", AS_OF, Coverage(2, 1, gaps=(gap,)))
    assert not list(faults_of_evidence(RULE, evidence(catalog=catalog), Limits(), now=AS_OF))
    unlisted = Gap("list of repositories", "unreachable", "no answer")
    with pytest.raises(IncompleteSnapshot, match="does not know all repositories"):
        refuse_bad_evidence(RULE, evidence(), Limits(), now=AS_OF, unlisted=unlisted)


def test_how_long_it_takes_is_known_from_earlier_copies_and_from_nothing_else() -> None:
    made = plan(entry(travel_bytes=100_000_000), entry("web", travel_bytes=0))
    assert expected_duration(made, None) is None
    assert expected_duration(made, CopyRate(images=10, sent_bytes=50_000_000, seconds=5)) == timedelta(seconds=10)
    assert expected_duration(made, CopyRate(images=1, sent_bytes=10**12, seconds=60)) == timedelta(seconds=120)
    assert expected_duration(made, CopyRate(images=10, sent_bytes=0, seconds=5)) is None


def test_the_summary_tells_the_gravest_first() -> None:
    summary = summarise_migration(
        plan(
            entry(overwrites={"v1": digest("theirs")}),
            entry("b", "conflict"),
            entry("c", "unreadable", fault="missing"),
            entry("d", "unreadable", fault="missing", used_by="production/shop/till (2 pods)"),
        )
    )
    assert (summary.copies, summary.conflicts, summary.unreadable, summary.unreadable_in_use) == (1, 1, 2, 1)
    assert summary.unusual[0] == "**1 that is in use cannot be read**, so nobody can copy them"
    assert "1 tag of the destination would be moved to our image" in summary.unusual
