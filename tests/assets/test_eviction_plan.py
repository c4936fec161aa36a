"""The plan as an asset: what a person reads, what the checks say, when none is made."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import dagster as dg
import pytest

from assets.eviction_checks import plan_check_results
from assets.eviction_plan import KEY
from assets.eviction_presentation import PlanLinks, describe_plan, inline_summary, short_tags
from assets.taking.plan import MadePlan, limits_of, take_plan
from registry_core.eviction_check import PlanProblem
from registry_pipelines.definitions import build_definitions
from registry_pipelines.jobs import PLAN_EVICTION
from resources.configuration.settings import Site
from tests.company import REGISTRY, Company
from tests.registry_pipelines.planning import POLICIES, failure_of, make_plan, newest_plan, run_job, with_policies

LINKS = PlanLinks(review="/locations/" + "x" * 500, whole="https://pipelines.example.com/plans/123456")


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as made:
        yield made


@pytest.fixture
def made(company: Company) -> MadePlan:
    with_policies(company)
    with company.connections() as connections:
        return take_plan(connections, REGISTRY)


def test_the_first_thing_a_person_reads_is_short_and_has_the_link(
    company: Company, instance: dg.DagsterInstance
) -> None:
    with_policies(company)
    assert run_job(company, instance, PLAN_EVICTION, partition=REGISTRY).success
    (record,) = instance.fetch_materializations(KEY, limit=1).records
    event = record.asset_materialization
    assert event is not None
    assert next(iter(event.metadata)) == "summary"
    summary = str(event.metadata["summary"].value)
    assert len(summary) < 1000
    assert summary.startswith("**92 images, 26 of them parts of others, with 74 tags can go**")
    link = "[Review and approve this plan →](/locations/registry_pipelines/jobs/approve_eviction_plan/playground/setup?"
    assert link in summary
    assert event.metadata["images that go"].value == 92
    assert str(event.metadata["takes about"].value).endswith(" s")  # 92 small images: seconds, not nothing to do
    assert event.metadata["fingerprint"].value == newest_plan(company).fingerprint
    rows = event.metadata["what goes, and why"].value.records
    assert len(rows) == 50
    assert not [row for row in rows if "sha256:" in str(row.data)]


def test_every_check_blocks_and_passes(company: Company, instance: dg.DagsterInstance) -> None:
    with_policies(company)
    result = run_job(company, instance, PLAN_EVICTION, partition=REGISTRY)
    told = {one.check_name: (one.passed, one.blocking) for one in result.get_asset_check_evaluations()}
    assert told == dict.fromkeys(
        ("nothing_in_use_goes", "nothing_of_a_kept_image_goes", "evidence_is_complete_and_fresh",
         "plan_is_within_limits"),
        (True, True),
    )  # fmt: skip


def test_a_problem_is_told_by_the_check_that_found_it() -> None:
    problems = [PlanProblem("nothing in use", f"team/app@{n} is in use by production/web") for n in range(7)]
    results = {one.check_name: one for one in plan_check_results(problems)}
    failed = results.pop("nothing_in_use_goes")
    assert not failed.passed
    assert "team/app@0 is in use" in str(failed.description)
    assert "and 2 more" in str(failed.description)
    assert all(one.passed for one in results.values())


def test_a_plan_that_fails_a_check_has_no_link(made: MadePlan) -> None:
    bad = replace(made, problems=(PlanProblem("nothing in use", "team/app is in use"),), record=None)
    summary = inline_summary(bad, LINKS)
    assert "is not filed and cannot be approved" in summary
    assert "Team/app is in use." in summary
    assert LINKS.review not in summary


def test_a_long_summary_drops_what_does_not_fit_and_never_the_link(made: MadePlan) -> None:
    unusual = tuple(f"{'something unusual ' * 8}{number}" for number in range(9))
    summary = inline_summary(replace(made, summary=replace(made.summary, unusual=unusual)), LINKS)
    assert len(summary) < 1000
    assert LINKS.review in summary
    assert "unusual" in describe_plan(replace(made, summary=replace(made.summary, unusual=unusual)), LINKS)


def test_a_plan_with_nothing_to_evict_says_so_and_asks_nobody(company: Company, instance: dg.DagsterInstance) -> None:
    with_policies(company, policies=[{"repositories": ["**"], "protect": True}])
    assert make_plan(company, instance).counted == 0
    (record,) = instance.fetch_materializations(KEY, limit=1).records
    assert record.asset_materialization is not None
    summary = str(record.asset_materialization.metadata["summary"].value)
    assert summary.startswith("**Nothing to evict.**")
    assert "approve" not in summary


@pytest.mark.parametrize(
    ("sections", "sentence"),
    [
        ({"limits": {"min_images_in_use": 5, "max_evicted_images": 3}}, "limits.max_evicted_images is 3"),
        ({"limits": {"min_images_in_use": 5, "max_evicted_share": 0.01}}, "limits.max_evicted_share is 1.0%"),
        ({"limits": {"min_images_in_use": 5000}}, "limits.min_images_in_use is 5,000"),
        ({"limits": {"min_images_in_use": 5, "max_catalog_age": "0s"}}, "limits.max_catalog_age is 0s"),
    ],
)
def test_a_plan_beyond_a_limit_fails_once_and_names_the_limit(
    company: Company, instance: dg.DagsterInstance, sections: dict[str, object], sentence: str
) -> None:
    with_policies(company, **sections)
    result = run_job(company, instance, PLAN_EVICTION, partition=REGISTRY)
    assert sentence in failure_of(result)
    assert not [event for event in result.all_events if event.is_step_up_for_retry]
    with company.connections() as connections:
        assert connections.history.ledger.plans() == []


def test_the_same_plan_stands_while_it_waits_and_is_young(company: Company, instance: dg.DagsterInstance) -> None:
    with_policies(company)
    first = make_plan(company, instance)
    company.survey()
    assert make_plan(company, instance).fingerprint == first.fingerprint
    with_policies(company, policies=POLICIES, limits={"min_images_in_use": 5, "max_plan_age": "1s"})
    assert make_plan(company, instance).fingerprint != first.fingerprint, "other limits make another plan"


def test_plans_make_themselves_only_where_there_are_policies(company: Company) -> None:
    without = build_definitions(company.loaded).resolve_asset_graph().get(KEY)
    company.configure(policies=POLICIES)
    with_them = build_definitions(company.loaded).resolve_asset_graph().get(KEY)
    assert without.automation_condition is None
    assert with_them.automation_condition is not None
    inventory = dg.AssetKey("cluster_inventory")
    assert isinstance(with_them.partition_mappings[inventory], dg.AllPartitionMapping)


def test_the_limits_of_the_core_are_those_of_the_file() -> None:
    site = Site.model_validate({"limits": {"max_plan_age": "3h", "second_person_above_images": 7}})
    limits = limits_of(site)
    assert (limits.max_plan_age.total_seconds(), limits.second_person_above_images) == (10800, 7)
    assert limits.max_evicted_images == site.limits.max_evicted_images


def test_tags_are_short_enough_for_a_column() -> None:
    assert short_tags(["1", "2", "3", "4", "5"]) == "1, 2, 3 and 2 more"
    assert short_tags([f"sha256-{'ab12' * 16}.sig"]) == "sha256-ab12ab12….sig"
