"""What is not known is kept: dates that cannot be, manifests and tags that could not be read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from registry_core.coverage import Coverage, Gap
from registry_core.policy import read_policies
from registry_core.retention import decide
from registry_core.retention_evidence import Evidence, Snapshot
from tests.registry_core.small_registry import AS_OF, SmallRegistry, days_ago, digest

OLD = days_ago(400)


def decisions_of(registry: SmallRegistry, *, evidence: Evidence | None = None, **given):
    policies = read_policies([{"repositories": ["**"], **given}])
    return decide(policies, registry.catalog(), registry.uses(), evidence=evidence or Evidence.at(AS_OF))


def two_builds(**older) -> SmallRegistry:
    registry = SmallRegistry()
    registry.image("apps/web", "new", "build-2", pushed=1)
    registry.image("apps/web", "old", "build-1", **older)
    return registry


IMPOSSIBLE = {
    "absent": {},
    "1970": {"created_at": datetime(1970, 1, 1, tzinfo=UTC)},
    "the day before Docker": {"created_at": datetime(2013, 3, 19, tzinfo=UTC)},
    "created in the future": {"created_at": AS_OF + timedelta(days=1)},
    "pushed in the future": {"pushed_at": AS_OF + timedelta(seconds=1), "created_at": OLD},
    "pushed in 1970": {"pushed_at": datetime(1970, 1, 1, tzinfo=UTC), "created_at": OLD},
    "first seen in the future": {"first_seen_at": AS_OF + timedelta(minutes=5), "created_at": OLD},
    "the year 1": {"created_at": datetime(1, 1, 1, tzinfo=UTC)},
    "the year 9999": {"created_at": datetime(9999, 12, 31, tzinfo=UTC)},
}


@pytest.mark.parametrize("dates", IMPOSSIBLE.values(), ids=IMPOSSIBLE.keys())
@pytest.mark.parametrize("rule", [{"keep_last": 1}, {"keep_within": "30d"}], ids=["keep_last", "keep_within"])
def test_an_image_of_unknown_date_stays_where_a_rule_asks_for_its_date(dates, rule):
    decisions = decisions_of(two_builds(**dates), **rule)
    assert decisions.reasons_of("apps/web", digest("old")) == ("of unknown date, so kept",)


@pytest.mark.parametrize(
    "dates",
    [
        {"pushed_at": OLD}, {"first_seen_at": OLD}, {"created_at": OLD},
        {"pushed_at": OLD, "created_at": datetime(1970, 1, 1, tzinfo=UTC)},
        {"created_at": datetime(2013, 3, 20, tzinfo=UTC)},
    ],
    ids=["pushed", "first seen", "created", "pushed, but created in 1970", "created on the first day of Docker"],
)  # fmt: skip
def test_an_image_of_known_date_goes(dates):
    assert not decisions_of(two_builds(**dates), keep_last=1, keep_within="30d").is_kept("apps/web", digest("old"))


def test_no_date_is_needed_where_no_rule_asks_for_one():
    assert not decisions_of(two_builds(), keep_tags=["v*"]).is_kept("apps/web", digest("old"))


def test_the_push_time_decides_before_first_seen_and_created():
    registry = two_builds(pushed_at=days_ago(0.5), first_seen_at=OLD, created_at=OLD)
    decisions = decisions_of(registry, keep_last=1)
    assert decisions.is_kept("apps/web", digest("old"))
    assert not decisions.is_kept("apps/web", digest("new"))


def test_first_seen_says_nothing_of_what_was_there_when_we_first_looked():
    began = days_ago(10)
    registry = SmallRegistry()
    registry.image("apps/web", "new", "v2", first_seen_at=began, created_at=days_ago(20))
    registry.image("apps/web", "old", "v1", first_seen_at=began, created_at=OLD)
    kept = decisions_of(registry, keep_last=1)
    assert kept.is_kept("apps/web", digest("old"))  # seen at one moment, and which came first nobody can tell
    evidence = Evidence.at(AS_OF, history_began_at=began)
    assert not decisions_of(registry, evidence=evidence, keep_last=1).is_kept("apps/web", digest("old"))


def test_images_of_one_moment_cannot_be_ordered_so_they_stay_together():
    registry = SmallRegistry()
    for number in range(5):
        registry.image("apps/web", f"copy {number}", f"v{number}", pushed=3)
    assert not decisions_of(registry, keep_last=2).evicted.any()


def test_an_index_without_a_date_is_as_new_as_its_newest_child():
    registry = SmallRegistry()
    for number in range(2):
        registry.image("apps/web", f"index {number}", f"v{number}", children=[f"a {number}", f"b {number}"])
        registry.image("apps/web", f"a {number}", created_at=days_ago(400))
        registry.image("apps/web", f"b {number}", created_at=days_ago(100 - number))
    decisions = decisions_of(registry, keep_last=1)
    assert decisions.is_kept("apps/web", digest("index 1"))
    assert not decisions.is_kept("apps/web", digest("index 0"))


def test_an_index_with_a_child_of_an_impossible_date_has_none():
    registry = two_builds(children=["good", "epoch"])
    registry.image("apps/web", "good", created_at=OLD)
    registry.image("apps/web", "epoch", created_at=datetime(1970, 1, 1, tzinfo=UTC))
    assert decisions_of(registry, keep_last=1).is_kept("apps/web", digest("old"))


def test_the_time_of_the_evidence_counts_and_not_that_of_the_newest_snapshot():
    evidence = Evidence(
        registry="example", catalog=Snapshot("c", AS_OF), inventories={"production": Snapshot("i", days_ago(2))}
    )
    registry = SmallRegistry()
    registry.image("apps/web", "after the inventory", "build-2", pushed=1)
    registry.image("apps/web", "before", "build-1", pushed=400)
    decisions = decisions_of(registry, evidence=evidence, keep_last=1)
    assert decisions.reasons_of("apps/web", digest("after the inventory")) == ("of unknown date, so kept",)


# Unread ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["forbidden", "unreachable", "throttled"])
def test_a_manifest_that_could_not_be_read_may_list_any_image_of_its_repository(fault):
    registry = two_builds(pushed_at=OLD)
    registry.image("apps/web", "closed", "v1", fault=fault, detail="as the registry said", media_type=None)
    registry.image("apps/other", "far", "v1", pushed=5)
    registry.image("apps/other", "farther", "v0", pushed=6)
    decisions = decisions_of(registry, keep_last=1)
    assert (
        decisions.reasons_of("apps/web", digest("closed"))[0] == f"unreadable ({fault}: as the registry said), so kept"
    )
    assert "not read whole" in decisions.reasons_of("apps/web", digest("old"))[0]
    assert not decisions.is_kept("apps/other", digest("farther"))


def test_beside_a_corrupt_manifest_nothing_untagged_goes_but_tagged_images_may():
    registry = two_builds(pushed_at=OLD)
    registry.image("apps/web", "torn", "v1", fault="corrupt", media_type=None)
    registry.image("apps/web", "perhaps its child", pushed=100)
    decisions = decisions_of(registry, keep_last=1, untagged={"keep": False})
    assert not decisions.is_kept("apps/web", digest("old"))
    assert decisions.is_kept("apps/web", digest("torn"))
    assert decisions.is_kept("apps/web", digest("perhaps its child"))


def test_a_manifest_whose_config_could_not_be_read_stays_alone():
    registry = two_builds(pushed_at=OLD)
    registry.image("apps/web", "config", "v1", fault="throttled", pushed=200)
    decisions = decisions_of(registry, keep_last=1)
    assert decisions.is_kept("apps/web", digest("config"))
    assert not decisions.is_kept("apps/web", digest("old"))


def test_a_tag_that_could_not_be_read_may_name_any_image_of_its_repository():
    registry = two_builds(pushed_at=OLD)
    registry.tag("apps/web", "v1", None, fault="throttled")
    assert decisions_of(registry, keep_last=1, keep_tags=["v*"]).is_kept("apps/web", digest("old"))


@pytest.mark.parametrize("fault", ["corrupt", "forbidden", "unreachable", "throttled"])
def test_an_unread_tag_of_a_repository_without_images_keeps_no_other_repository(fault):
    registry = two_builds(pushed_at=OLD)
    registry.tag("apps/empty", "v1", None, fault=fault)
    assert not decisions_of(registry, keep_last=1).is_kept("apps/web", digest("old"))


def test_a_tag_that_resolves_to_nothing_names_nothing():
    registry = two_builds(pushed_at=OLD)
    registry.tag("apps/web", "v1", None, fault="missing")
    assert not decisions_of(registry, keep_last=1).is_kept("apps/web", digest("old"))


def test_a_tag_whose_image_is_not_in_the_catalog_keeps_its_repository():
    registry = two_builds(pushed_at=OLD)
    registry.tag("apps/web", "v1", "never read")
    assert decisions_of(registry, keep_last=1).is_kept("apps/web", digest("old"))


@pytest.mark.parametrize("excused", [True, False])
def test_a_repository_that_was_not_read_whole_stays_whole_and_the_gap_is_told(excused):
    gap = Gap("apps/web", "unreachable", "the connection was cut", excused=excused)
    snapshot = Snapshot("c", AS_OF, Coverage(asked=2, answered=1, gaps=(gap,)))
    decisions = decisions_of(
        two_builds(pushed_at=OLD), evidence=Evidence(registry="example", catalog=snapshot), keep_last=1
    )
    assert "unreachable: the connection was cut" in decisions.reasons_of("apps/web", digest("old"))[0]


def test_an_unused_repository_that_could_not_be_read_stays():
    registry = two_builds(pushed_at=OLD)
    registry.tag("apps/web", "v1", None, fault="forbidden")
    assert not decisions_of(registry, keep_last=1, when_unused="evict").evicted.any()


def test_an_image_that_stands_twice_in_the_catalog_is_refused():
    registry = two_builds(pushed_at=OLD)
    registry.image("apps/web", "old")
    with pytest.raises(ValueError, match="apps/web@sha256"):
        decisions_of(registry, keep_last=1)


def test_an_empty_catalog_has_no_decisions():
    decisions = decisions_of(SmallRegistry(), keep_last=1)
    assert decisions.frame().empty
    assert decisions.counts() == {}
