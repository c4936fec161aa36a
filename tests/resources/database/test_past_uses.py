"""What inventories saw of images before now, and where tags pointed."""

from __future__ import annotations

from datetime import datetime

import pytest

from registry_core.inventory import INVENTORY_COLUMNS
from resources.database.history import History
from tests.resources.database.readings import crawl, digest, hour, take_inventory, use

Times = tuple[datetime, datetime]


def uses(history: History, since: int | None = None) -> dict[tuple[str, str], Times]:
    """First and last seen, by cluster and reference."""
    frame = history.read_past_uses(None if since is None else hour(since))
    assert tuple(frame.columns) == INVENTORY_COLUMNS
    found = {(row.cluster, row.reference): (row.first_seen_at, row.last_seen_at) for row in frame.itertuples()}
    assert len(found) == len(frame)
    return found


def image(name: str, tag: str) -> dict[str, str]:
    return {"reference": f"registry.example.com/shop/{name}:{tag}", "repository": f"shop/{name}", "tag": tag}


def test_pods_of_one_workload_are_one_use_from_the_first_to_the_last(history: History) -> None:
    for at in range(1, 5):
        take_inventory(history, at, [use(f"web-{at}", owner_name="web", **image("web", "v1"))])
    take_inventory(history, 5, [])
    take_inventory(history, 6, [use("api-1", owner_name="api", **image("api", "v1"))])
    assert uses(history) == {
        ("production", "registry.example.com/shop/web:v1"): (hour(1), hour(4)),
        ("production", "registry.example.com/shop/api:v1"): (hour(6), hour(6)),
    }


@pytest.mark.parametrize(("since", "found"), [(None, {"v1", "v2", "v3"}), (2, {"v2", "v3"}), (3, {"v3"}), (9, set())])
def test_only_what_was_seen_since_then_is_read(history: History, since: int | None, found: set[str]) -> None:
    for at, tag in ((1, "v1"), (2, "v2"), (3, "v3")):
        take_inventory(history, at, [use("web", **image("web", tag))])
    assert {reference.rpartition(":")[2] for _, reference in uses(history, since)} == found


def test_a_cluster_that_is_read_no_more_is_as_old_as_its_last_inventory(history: History) -> None:
    take_inventory(history, 1, [use("web", cluster="retired", **image("web", "v1"))], cluster="retired")
    take_inventory(history, 8, [use("web", **image("web", "v1"))])
    assert uses(history) == {
        ("retired", "registry.example.com/shop/web:v1"): (hour(1), hour(1)),
        ("production", "registry.example.com/shop/web:v1"): (hour(8), hour(8)),
    }
    assert set(uses(history, 2)) == {("production", "registry.example.com/shop/web:v1")}


def test_two_digests_that_a_runtime_reported_for_one_name_are_two_uses(history: History) -> None:
    take_inventory(history, 1, [use("web", **image("web", "latest"), status_digest=digest("a"))])
    take_inventory(history, 2, [use("web", **image("web", "latest"), status_digest=digest("b"))])
    assert set(history.read_past_uses(None)["status_digest"]) == {digest("a"), digest("b")}


def test_tags_that_moved_or_are_gone_are_read_with_when_they_pointed_there(history: History) -> None:
    crawl(history, 1, {"app/web": {"v1": "a", "latest": "a"}, "app/api": {"v1": "c"}})
    crawl(history, 2, {"app/web": {"latest": "a"}, "app/api": {"v1": "c"}})
    crawl(history, 3, {"app/web": {"latest": "b"}, "app/api": {"v1": "c"}})
    crawl(history, 4, {"app/web": {"latest": "b"}, "app/api": {"v1": "c"}}, registry="other")

    def moved(since: int | None) -> dict[tuple[str, str, str], Times]:
        frame = history.read_moved_tags("main", None if since is None else hour(since))
        return {(row.repository, row.tag, row.digest): (row.first_seen_at, row.last_seen_at)
                for row in frame.itertuples()}  # fmt: skip

    latest = {("app/web", "latest", digest("a")): (hour(1), hour(2))}
    assert moved(None) == {**latest, ("app/web", "v1", digest("a")): (hour(1), hour(1))}
    assert moved(2) == latest
    assert moved(3) == {}
