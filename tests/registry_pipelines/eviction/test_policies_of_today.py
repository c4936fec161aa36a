"""The policies and the limits of today hold beside those of the plan: only the stricter counts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from registry_core.errors import ApprovalMissing, LimitExceeded, PlanStale
from resources.embedded_registry import EmbeddedRegistry
from tests.registry_pipelines.eviction.estate import approve
from tests.registry_pipelines.eviction.web import POLICIES, WEB, Estate, build_web, journal, left

LIMITS = {"min_images_in_use": 1, "max_evicted_share": 1.0}


@pytest.fixture
def estate(tmp_path: Path) -> Iterator[Estate]:
    with EmbeddedRegistry(tmp_path / "registry", durable=False) as registry:
        yield build_web(tmp_path / "site", registry.url)


def entry(**rules: Any) -> list[dict[str, Any]]:
    return [{**POLICIES[0], **rules}]


TIGHTENED = [
    (entry(keep_last=3), {"v2", "v3"}, "one of the newest 3 images"),
    (entry(keep_tags=["v2"]), {"v2"}, "tag v2 kept by keep_tags v2"),
    (entry(keep_within="36500d"), {"v1", "v2", "v3"}, "within keep_within"),
    (entry(keep_in_use={"rollbacks": 1}), {"v3"}, "before one in use"),
    ([{"repositories": [WEB], "protect": True}, *POLICIES], {"v1", "v2", "v3"}, "protected since by policies[0]"),
    ([{**POLICIES[0], "repositories": ["other/**"]}], {"v1", "v2", "v3"}, "no policy matches the repository any more"),
]


@pytest.mark.parametrize(("policies", "kept", "why"), TIGHTENED)
def test_an_image_that_any_rule_of_today_keeps_is_spared(
    estate: Estate, policies: list[dict[str, Any]], kept: set[str], why: str
) -> None:
    plan = estate.plan()
    estate.configure(policies=policies)
    assert estate.execute(plan).record.state == "done"
    outcomes = journal(estate, plan)
    assert {name for name, text in outcomes.items() if text.startswith("spared: ") and why in text} == kept
    assert {name for name, text in outcomes.items() if text == "deleted"} == {"v1", "v2", "v3"} - kept
    assert left(estate) == kept | {"v4"}


def test_the_image_before_one_that_came_into_use_is_kept_by_rollbacks(estate: Estate) -> None:
    policies = entry(keep_in_use={"rollbacks": 1})
    estate.configure(policies=policies)
    plan = estate.plan()
    assert {image for entry in plan.entries for image in entry.tags} == {"v1", "v2"}
    estate.use(f"{WEB}:v4", f"{WEB}:v2")
    estate.execute(plan)
    assert journal(estate, plan) == {
        "v1": "spared: kept by the policies of now: within the step before one in use",
        "v2": "spared: now in use by production shop/web",
    }


def test_an_image_takes_the_place_of_a_kept_one_that_somebody_deleted(estate: Estate) -> None:
    policies = entry(keep_last=3)
    estate.configure(policies=policies)
    plan = estate.plan()
    assert {image for entry in plan.entries for image in entry.tags} == {"v1"}
    estate.delete(estate.images["v3"].digest, WEB)
    estate.execute(plan)
    assert journal(estate, plan) == {"v1": "spared: kept by the policies of now: one of the newest 3 images"}


def test_a_policy_that_was_loosened_evicts_no_more_than_the_plan(estate: Estate) -> None:
    estate.configure(policies=entry(keep_last=3))
    plan = estate.plan()
    estate.configure(policies=POLICIES)
    estate.execute(plan)
    assert left(estate) == {"v2", "v3", "v4"}


def test_a_single_tag_that_a_rule_of_today_keeps_is_spared(estate: Estate) -> None:
    estate.settings = {"removes_single_tags": True}
    policies = entry(keep_tags=["stable"])
    estate.push("v2", estate.images["v2"], WEB, "stable")
    estate.configure(policies=policies)
    plan = estate.plan()
    assert [one.tags for one in plan.entries if one.kind == "untag"] == [("v2",)]
    estate.configure(policies=entry(keep_tags=["stable", "v2"]))
    estate.execute(plan)
    assert journal(estate, plan)["v2"].startswith("spared: kept by the policies of now: tags stable, v2 kept")
    assert "v2" in estate.tags(WEB)


@pytest.mark.parametrize(
    ("limits", "error", "why"),
    [
        ({"max_evicted_images": 2}, LimitExceeded, r"3 images would go and limits\.max_evicted_images is 2"),
        ({"max_evicted_share": 0.5}, LimitExceeded, r"limits\.max_evicted_share is 50\.0%"),
        ({"min_images_in_use": 2}, LimitExceeded, r"limits\.min_images_in_use is 2"),
        ({"max_plan_age": "1h"}, PlanStale, r"limits\.max_plan_age is 1h"),
        ({"second_person_above_images": 2}, ApprovalMissing, r"more than limits\.second_person_above_images = 2"),
        ({"second_person_above_share": 0.5}, ApprovalMissing, r"more than limits\.second_person_above_share = 50%"),
    ],
)
def test_a_plan_beyond_the_limits_of_today_is_refused(
    estate: Estate, limits: dict[str, Any], error: type[Exception], why: str
) -> None:
    plan = estate.plan()
    estate.configure(policies=POLICIES, limits={**LIMITS, **limits})
    later = datetime.now(UTC) + timedelta(minutes=90)
    with pytest.raises(error, match=why):
        estate.execute(plan, clock=lambda: later)
    assert left(estate) == {"v1", "v2", "v3", "v4"}
    assert journal(estate, plan) == {}


def test_limits_that_were_loosened_do_not_loosen_the_plan(estate: Estate) -> None:
    estate.configure(policies=POLICIES, limits={**LIMITS, "second_person_above_images": 2})
    estate.survey()
    plan = estate.plan()
    estate.configure(policies=POLICIES, limits=LIMITS)
    with pytest.raises(ApprovalMissing, match="needs a second person beside Ada"):
        estate.execute(plan)


def test_a_second_person_opens_a_plan_that_one_had_approved_before_the_limit_was_lowered(estate: Estate) -> None:
    plan = estate.plan()
    estate.configure(policies=POLICIES, limits={**LIMITS, "second_person_above_images": 2})
    with pytest.raises(ApprovalMissing, match="needs a second person beside Ada"):
        estate.execute(plan)
    with estate.connections() as connections:
        approve(connections, plan, "Bo")
    assert estate.execute(plan).record.state == "done"
