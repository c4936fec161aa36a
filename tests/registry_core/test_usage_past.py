"""Uses of the past: what a tag named when a workload named the tag."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from registry_core.inventory import INVENTORY_COLUMNS
from registry_core.references import Reference
from registry_core.registry_directory import RegistryDirectory
from registry_core.usage_past import join_past_usage, with_past_usage
from tests.registry_core.small_registry import SmallRegistry, days_ago, digest

HOST = "registry.example.com"


def use(reference: str, first: float, last: float, **columns: Any) -> dict[str, Any]:
    parsed = Reference.parse(reference).with_default_tag()
    return {
        "cluster": "production", "namespace": "shop", "kind": None, "owner_kind": "Deployment", "owner_name": "web",
        "container": "web", "container_kind": "container", "reference": reference, "registry": parsed.registry,
        "repository": parsed.repository, "tag": parsed.tag, "digest": parsed.digest,
        "first_seen_at": days_ago(first), "last_seen_at": days_ago(last), **columns,
    }  # fmt: skip


def seen(first: float, last: float) -> dict[str, Any]:
    return {"first_seen_at": days_ago(first), "last_seen_at": days_ago(last)}


def found(registry: SmallRegistry, moved: SmallRegistry, *uses: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    """First and last time of use by digest."""
    rows = found_rows(registry, moved, *uses)
    return {row.digest: (row.first_seen_at, row.last_seen_at) for row in rows.itertuples()}


def found_rows(registry: SmallRegistry, moved: SmallRegistry, *uses: dict[str, Any]) -> pd.DataFrame:
    rows = pd.DataFrame(list(uses)).reindex(columns=list(INVENTORY_COLUMNS)).astype(object)
    for column in ("first_seen_at", "last_seen_at"):
        rows[column] = pd.to_datetime(rows[column], utc=True)
    directory = RegistryDirectory({"example": (HOST,)})
    return join_past_usage(
        rows, registry.catalog(), moved.catalog().tags, names=directory.names_of("example"),
        environment_of=lambda cluster, _: cluster,
    )  # fmt: skip


def app(**tags: tuple[str, float, float]) -> tuple[SmallRegistry, SmallRegistry]:
    """`new` and `old` are stored, `app:latest` names `new` since 10 days; it named `old` from 50 days ago until 11."""
    registry, moved = SmallRegistry(), SmallRegistry()
    for name in ("new", "old"):
        registry.image("team/app", name)
    registry.tag("team/app", "latest", "new", **seen(10, 0))
    moved.tag("team/app", "latest", "old", **seen(50, 11))
    return registry, moved


def test_a_use_by_tag_is_one_of_what_the_tag_named_then():
    registry, moved = app()
    assert found(registry, moved, use(f"{HOST}/team/app:latest", 40, 20)) == {
        digest("old"): (days_ago(40), days_ago(20))
    }
    assert found(registry, moved, use(f"{HOST}/team/app", 5, 1)) == {digest("new"): (days_ago(5), days_ago(1))}


def test_a_use_that_goes_on_while_the_tag_moves_ends_for_what_it_named_before():
    registry, moved = app()
    assert found(registry, moved, use(f"{HOST}/team/app:latest", 40, 0)) == {
        digest("old"): (days_ago(40), days_ago(10)),
        digest("new"): (days_ago(11), days_ago(0)),
    }


def test_between_two_catalogs_a_tag_may_have_named_either():
    registry, moved = app()
    assert set(found(registry, moved, use(f"{HOST}/team/app:latest", 10.8, 10.2))) == {digest("old"), digest("new")}


@pytest.mark.parametrize(("first", "last"), [(60, 55), (9, 0)])
def test_a_tag_that_is_gone_named_what_it_named_last_before_and_after_it_was_seen(first, last):
    registry, moved = SmallRegistry(), SmallRegistry()
    registry.image("team/app", "old")
    moved.tag("team/app", "v0", "old", **seen(50, 11))
    assert set(found(registry, moved, use(f"{HOST}/team/app:v0", first, last))) == {digest("old")}


def test_a_tag_that_came_back_to_an_image_named_it_all_the_time():
    registry, moved = app()
    moved.tag("team/app", "latest", "new", **seen(90, 60))
    assert set(found(registry, moved, use(f"{HOST}/team/app:latest", 80, 70))) == {digest("new")}


def test_what_is_not_stored_any_more_is_no_use_and_still_ends_one():
    registry, moved = app()
    moved.tags[0]["digest"] = digest("deleted since")
    assert found(registry, moved, use(f"{HOST}/team/app:latest", 40, 0)) == {digest("new"): (days_ago(11), days_ago(0))}


def test_tags_of_other_repositories_and_uses_by_digest_are_as_they_are():
    registry, moved = app()
    registry.image("team/other", "other")
    registry.tag("team/other", "latest", "other", **seen(3, 0))
    by_digest = use(f"{HOST}/team/app@{digest('old')}", 40, 30)
    running = use("elsewhere.example.com/x:1", 9, 8, status_digest=digest("new"))
    assert found(registry, moved, by_digest, running, use(f"{HOST}/team/other", 30, 20)) == {
        digest("old"): (days_ago(40), days_ago(30)),
        digest("new"): (days_ago(9), days_ago(8)),
        digest("other"): (days_ago(30), days_ago(20)),
    }


def test_of_one_use_the_newest_sighting_counts_and_that_of_now_where_both_are_as_new():
    registry = SmallRegistry()
    registry.image("team/app", "image", "v1")
    registry.use("team/app", "image", seen=0, pods=3)
    now = registry.uses()
    registry.usage.clear()
    for age in (5, 0):
        registry.use("team/app", "image", seen=age, pods=0)
    registry.use("team/app", "image", by="worker", seen=7, pods=0)
    both = with_past_usage(now, registry.uses().usage).usage
    assert sorted(zip(both["owner_name"], both["pods"], both["last_seen_at"], strict=True)) == [
        ("web", 3, days_ago(0)), ("worker", 0, days_ago(7)),
    ]  # fmt: skip


def test_a_past_use_is_one_in_every_repository_that_holds_the_image_for_the_time_in_which_the_tag_named_it():
    registry, moved = app()
    registry.image("team/copy", "old")
    found_there = {}
    rows = found_rows(registry, moved, use(f"{HOST}/team/app:latest", 40, 0))
    for row in rows.itertuples():
        found_there[row.repository, row.digest] = row.last_seen_at
    assert found_there == {
        ("team/app", digest("new")): days_ago(0),
        ("team/app", digest("old")): days_ago(10),
        ("team/copy", digest("old")): days_ago(10),
    }
