"""Back-tests: what a policy would have deleted that was used afterwards."""

from __future__ import annotations

from datetime import timedelta

import pandas as pd
import pytest

from registry_core.backtest import BACKTEST_COLUMNS, Period, Sightings, backtest, catalog_at
from registry_core.policy import read_policies
from tests.registry_core.small_registry import AS_OF, SmallRegistry, days_ago, digest

LAST_30_DAYS = Period(days_ago(30), AS_OF, timedelta(days=1))


def seen(first: float, last: float = 0) -> dict[str, object]:
    return {"first_seen_at": days_ago(first), "last_seen_at": days_ago(last)}


def builds(registry: SmallRegistry) -> None:
    """A build every 20 days from 100 days ago; each is there until today."""
    for number, age in enumerate(range(0, 100, 20)):
        registry.image("apps/web", f"build {number}", pushed=age, **seen(age))
        registry.tag("apps/web", f"build-{number}", f"build {number}", **seen(age))


def run(registry: SmallRegistry, **rules) -> pd.DataFrame:
    policies = read_policies([{"repositories": ["**"], **rules}])
    return backtest(policies, Sightings(registry.catalog(), registry.uses()), LAST_30_DAYS)


def test_what_was_rolled_back_to_after_the_policy_let_it_go_is_told_once():
    registry = SmallRegistry()
    builds(registry)
    registry.use("apps/web", "build 3", by="web", **seen(5))
    found = run(registry, keep_last=2)
    assert tuple(found.columns) == BACKTEST_COLUMNS
    (row,) = found.to_dict("records")
    assert row["digest"] == digest("build 3")
    assert row["tags"] == "build-3"
    assert row["deleted_at"] == days_ago(20)
    assert row["used_at"] == days_ago(5)
    assert row["used_by"] == "production/health/web"
    assert row["seen_within"] == "30d"
    assert "keep_last is 2" in row["reasons"]


def test_a_policy_that_keeps_enough_has_nothing_to_answer_for():
    registry = SmallRegistry()
    builds(registry)
    registry.use("apps/web", "build 3", **seen(5))
    assert run(registry, keep_last=4).empty


def test_what_was_in_use_all_the_time_was_never_let_go():
    registry = SmallRegistry()
    builds(registry)
    registry.use("apps/web", "build 4", **seen(60))
    assert run(registry, keep_last=1, keep_in_use={"seen_within": "1d"}).empty


def test_a_use_that_paused_longer_than_seen_within_is_told():
    registry = SmallRegistry()
    builds(registry)
    registry.use("apps/web", "build 4", **seen(60, 25))
    registry.use("apps/web", "build 4", by="nightly", **seen(3))
    (row,) = run(registry, keep_last=1, keep_in_use={"seen_within": "10d"}).to_dict("records")
    assert row["deleted_at"] == days_ago(14)
    assert row["used_by"] == "production/health/nightly"


@pytest.mark.parametrize(
    ("window", "deleted_at"),
    [("1d", 23), ("10d", 14), ("20d", 4), ("now", 24), ("forever", None), (None, None), ("30d", None)],
)
def test_each_moment_is_judged_by_the_window_of_the_entry_and_the_window_is_named(window, deleted_at):
    registry = SmallRegistry()
    builds(registry)
    registry.use("apps/web", "build 4", **seen(60, 25))
    registry.use("apps/web", "build 4", by="nightly", **seen(3))
    in_use = {} if window is None else {"keep_in_use": {"seen_within": window}}
    found = run(registry, keep_last=1, **in_use).to_dict("records")
    moments = {row["deleted_at"]: row["seen_within"] for row in found if row["digest"] == digest("build 4")}
    assert moments == ({} if deleted_at is None else {days_ago(deleted_at): window})


def test_a_use_of_a_child_counts_for_its_index():
    registry = SmallRegistry()
    registry.image("apps/web", "new", pushed=50, **seen(50))
    registry.tag("apps/web", "v2", "new", **seen(50))
    registry.image("apps/web", "index", pushed=90, children=["amd64"], **seen(90))
    registry.tag("apps/web", "v1", "index", **seen(90))
    registry.image("apps/web", "amd64", **seen(90))
    registry.use("apps/web", "amd64", **seen(2))
    assert set(run(registry, keep_last=1)["digest"]) == {digest("index"), digest("amd64")}


def test_an_image_that_came_later_is_not_there_yet_and_one_that_went_is_not_there_any_more():
    registry = SmallRegistry()
    builds(registry)
    registry.image("apps/web", "gone", **seen(80, 45))
    then = catalog_at(registry.catalog(), days_ago(30))
    assert set(then.images["digest"]) == {digest(f"build {number}") for number in (2, 3, 4)}


def test_a_tag_that_moved_points_where_it_pointed_then():
    registry = SmallRegistry()
    builds(registry)
    registry.tag("apps/web", "latest", "build 2", **seen(40, 20))
    registry.tag("apps/web", "latest", "build 1", **seen(19))
    for moment, name in ((days_ago(25), "build 2"), (days_ago(1), "build 1")):
        tags = catalog_at(registry.catalog(), moment).tags
        assert list(tags.loc[tags["tag"].eq("latest"), "digest"]) == [digest(name)]


def test_before_the_first_crawl_there_is_nothing_to_decide():
    registry = SmallRegistry()
    builds(registry)
    policies = read_policies([{"repositories": ["**"], "keep_last": 1}])
    past = Period(days_ago(900), days_ago(800), timedelta(days=50))
    assert backtest(policies, Sightings(registry.catalog(), registry.uses()), past).empty


def test_a_step_that_goes_nowhere_is_refused():
    with pytest.raises(ValueError, match="goes forward"):
        list(Period(days_ago(1), AS_OF, timedelta(0)))
