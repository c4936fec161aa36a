"""What a snapshot does to the history, on both databases."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from registry_core.coverage import Coverage, Gap
from registry_core.errors import IncompleteSnapshot
from resources.database.history import History
from resources.database.sightings import metadata
from resources.database.snapshots import SnapshotSuperseded
from tests.resources.database.readings import (
    coverage,
    crawl,
    digest,
    hour,
    pointing,
    repository,
    take_inventory,
    use,
)


def test_a_catalog_is_read_back_as_it_was_crawled(history: History) -> None:
    crawl(history, 1, {"app/web": {"v1": "a", "v2": "b"}, "app/api": {"v1": "a"}, "app/empty": {}})
    catalog = history.read_catalog("main")
    assert pointing(catalog.tags) == {("app/web", "v1", "a"), ("app/web", "v2", "b"), ("app/api", "v1", "a")}
    assert set(zip(catalog.images["repository"], catalog.images["digest"], strict=True)) == {
        ("app/web", digest("a")),
        ("app/web", digest("b")),
        ("app/api", digest("a")),
    }
    assert set(catalog.tags["first_seen_at"]) == set(catalog.tags["last_seen_at"]) == {hour(1)}


def test_what_is_gone_from_a_place_read_whole_is_closed(history: History) -> None:
    crawl(history, 1, {"app/web": {"v1": "a", "v2": "b"}})
    crawl(history, 2, {"app/web": {"v1": "a", "v2": "b"}})
    crawl(history, 3, {"app/web": {"v2": "b"}})
    assert pointing(history.read_catalog("main").tags) == {("app/web", "v2", "b")}
    gone = history.last_pointing("main", "app/web", "v1")
    assert gone["last_seen_at"].tolist() == [hour(2)]


def test_an_incomplete_snapshot_closes_nothing_that_was_not_read(history: History) -> None:
    crawl(history, 1, {"app/web": {"v1": "a", "v2": "b"}, "app/api": {"v1": "c"}})
    stored = crawl(history, 2, {"app/web": {"v2": "b", "v3": "d"}}, gaps=["app/web"])
    assert stored.state == "incomplete"
    tags = history.read_catalog("main").tags
    assert pointing(tags) == {
        ("app/web", "v1", "a"),
        ("app/web", "v2", "b"),
        ("app/web", "v3", "d"),
        ("app/api", "v1", "c"),
    }
    last_seen = {(row.repository, row.tag): row.last_seen_at for row in tags.itertuples()}
    assert last_seen == {
        ("app/web", "v1"): hour(1),
        ("app/web", "v2"): hour(2),
        ("app/web", "v3"): hour(2),
        ("app/api", "v1"): hour(1),
    }


def test_an_excused_gap_closes_nothing_either(history: History) -> None:
    take_inventory(history, 1, [use("web")])
    gap = Gap("v1 pods", "forbidden", "may be missing", excused=True)
    with history.begin("inventory", "production", hour(2)) as writer:
        stored = writer.finish(Coverage(1, 0, gaps=(gap,)), places_read_whole=["v1 pods"])
    assert stored.complete
    assert history.read_inventory("production")["name"].tolist() == ["web"]


def test_a_repository_that_is_not_listed_any_more_is_closed_when_the_list_was_whole(history: History) -> None:
    crawl(history, 1, {"app/web": {"v1": "a"}, "app/old": {"v1": "b"}})
    crawl(history, 2, {"app/web": {"v1": "a"}}, listed=None)
    assert len(history.read_catalog("main").tags) == 2
    crawl(history, 3, {"app/web": {"v1": "a"}}, listed=["app/web"])
    assert pointing(history.read_catalog("main").tags) == {("app/web", "v1", "a")}
    assert history.last_pointing("main", "app/old", "v1")["last_seen_at"].tolist() == [hour(1)]


def test_a_repository_that_is_listed_and_was_not_read_stays(history: History) -> None:
    crawl(history, 1, {"app/web": {"v1": "a"}, "app/api": {"v1": "b"}})
    crawl(history, 2, {"app/web": {"v1": "a"}}, listed=["app/web", "app/api"])
    assert len(history.read_catalog("main").tags) == 2


def test_a_registry_that_lists_nothing_any_more_closes_everything(history: History) -> None:
    crawl(history, 1, {"app/web": {"v1": "a"}})
    crawl(history, 2, {}, listed=[])
    assert history.read_catalog("main").tags.empty


def test_a_thing_that_returns_gets_a_row_of_its_own(history: History) -> None:
    for at, tags in enumerate([{"v1": "a"}, {}, {"v1": "a"}, {"v1": "a"}], start=1):
        crawl(history, at, {"app/web": tags})
    assert history.read_catalog("main").tags["first_seen_at"].tolist() == [hour(3)]
    pointed = history.last_pointing("main", "app/web", "v1")
    assert pointed["first_seen_at"].tolist() == [hour(3), hour(1)]
    assert pointed["last_seen_at"].tolist() == [hour(4), hour(1)]


def test_a_tag_that_moves_is_known_where_it_pointed_when(history: History) -> None:
    for at, target in enumerate(["a", "a", "b", "a"], start=1):
        crawl(history, at, {"app/web": {"latest": target}})
    pointed = history.last_pointing("main", "app/web", "latest")
    assert pointed["digest"].tolist() == [digest("a"), digest("b"), digest("a")]
    assert pointed["last_seen_at"].tolist() == [hour(4), hour(3), hour(2)]
    assert pointing(history.read_catalog("main", at=hour(3)).tags) == {("app/web", "latest", "b")}


def test_a_tag_that_moved_points_nowhere_else_even_where_the_place_was_read_in_part(history: History) -> None:
    crawl(history, 1, {"app/web": {"latest": "a", "v1": "a"}})
    crawl(history, 2, {"app/web": {"latest": "b"}}, gaps=["app/web"])
    assert pointing(history.read_catalog("main").tags) == {("app/web", "latest", "b"), ("app/web", "v1", "a")}


def test_a_tag_that_could_not_be_read_is_told_beside_where_it_last_pointed(history: History) -> None:
    crawl(history, 1, {"app/web": {"v1": "a", "v2": "b"}})
    crawl(history, 2, {"app/web": {"v1": None}})
    assert pointing(history.read_catalog("main").tags) == {("app/web", "v1", "a"), ("app/web", "v1", None)}
    crawl(history, 3, {"app/web": {"v1": "c"}})
    assert pointing(history.read_catalog("main").tags) == {("app/web", "v1", "c")}


def test_attributes_that_change_are_updated_in_place(history: History) -> None:
    take_inventory(history, 1, [use("web", state="running", since=hour(0))])
    take_inventory(history, 2, [use("web", state="waiting", reason="ImagePullBackOff", message="no such image")])
    row = history.read_inventory("production").iloc[0]
    assert (row["state"], row["reason"], row["message"]) == ("waiting", "ImagePullBackOff", "no such image")
    assert (row["first_seen_at"], row["last_seen_at"]) == (hour(1), hour(2))


def test_a_snapshot_without_news_writes_no_sighting(history: History) -> None:
    repositories = {f"app/{number}": {f"v{each}": f"{number}-{each}" for each in range(20)} for number in range(5)}
    crawl(history, 1, repositories)
    before = _stored_rows(history)
    crawl(history, 2, repositories)
    assert _stored_rows(history) == before
    assert set(history.read_catalog("main").tags["last_seen_at"]) == {hour(2)}


def test_staging_is_empty_when_a_snapshot_is_stored(history: History) -> None:
    crawl(history, 1, {"app/web": {"v1": "a"}})
    take_inventory(history, 1, [use("web")])
    assert _staged_rows(history) == 0


def test_a_place_that_is_started_over_keeps_nothing_of_the_first_try(history: History) -> None:
    with history.begin("inventory", "production", hour(1)) as writer:
        writer.add_uses(use(f"pod-{number}") for number in range(6_000))  # more than one batch
        writer.add_uses([use("job", resource="batch/v1 jobs")])
        writer.start_over("v1 pods")
        writer.add_uses([use("web")])
        writer.finish(coverage(), places_read_whole=["v1 pods", "batch/v1 jobs"])
    assert set(history.read_inventory("production")["name"]) == {"web", "job"}


def test_an_older_snapshot_that_comes_late_is_dropped(history: History) -> None:
    late = history.begin("catalog", "main", hour(1))
    late.add_repository(repository("app/web", {"v1": "old"}))
    crawl(history, 2, {"app/web": {"v1": "new"}})
    with pytest.raises(SnapshotSuperseded, match=r"superseded by a newer snapshot of main taken at 2026-03-01 02:00"):
        late.finish(Coverage())
    assert pointing(history.read_catalog("main").tags) == {("app/web", "v1", "new")}
    assert [stored.as_of for stored in history.snapshots("catalog", "main")] == [hour(2)]
    assert _staged_rows(history) == 0


def test_a_reading_that_is_older_than_what_is_stored_already_is_dropped(history: History) -> None:
    crawl(history, 2, {"app/web": {"v1": "new"}})
    with pytest.raises(SnapshotSuperseded, match="Nothing needs to be done"):
        crawl(history, 1, {"app/web": {"v1": "old"}})
    assert pointing(history.read_catalog("main").tags) == {("app/web", "v1", "new")}
    assert _staged_rows(history) == 0


def test_an_older_run_that_is_still_reading_is_told_at_its_next_batch(history: History) -> None:
    late = history.begin("inventory", "production", hour(1))
    late.add_uses([use("web")])
    take_inventory(history, 2, [use("web")])
    with pytest.raises(SnapshotSuperseded):
        late.add_uses(use(f"pod-{number}") for number in range(6_000))
    assert _staged_rows(history) == 0


def test_two_runs_at_once_do_not_mix(history: History) -> None:
    first, second = history.begin("catalog", "main", hour(1)), history.begin("catalog", "main", hour(2))
    first.add_repository(repository("app/web", {"v1": "a"}))
    second.add_repository(repository("app/web", {"v2": "b"}))
    first.finish(Coverage())
    assert pointing(history.read_catalog("main").tags) == {("app/web", "v1", "a")}
    second.finish(Coverage())
    assert pointing(history.read_catalog("main").tags) == {("app/web", "v2", "b")}
    assert pointing(history.read_catalog("main", at=hour(1)).tags) == {("app/web", "v1", "a")}


def test_the_same_time_stored_again_replaces_what_it_said(history: History) -> None:
    crawl(history, 1, {"app/web": {"v1": "a"}})
    crawl(history, 2, {"app/web": {"v1": "b"}})
    crawl(history, 2, {"app/web": {"v1": "c"}})
    crawl(history, 2, {"app/web": {"v1": "b"}})
    pointed = history.last_pointing("main", "app/web", "v1")
    assert pointed["digest"].tolist() == [digest("b"), digest("a")]


def test_leaving_without_finish_leaves_nothing(history: History) -> None:
    crawl(history, 1, {"app/web": {"v1": "a"}})
    with pytest.raises(RuntimeError, match="cut"), history.begin("catalog", "main", hour(2)) as writer:  # noqa: PT012
        writer.add_repository(repository("app/web", {"v1": "b"}))
        raise RuntimeError("cut")
    assert pointing(history.read_catalog("main").tags) == {("app/web", "v1", "a")}
    assert len(history.snapshots("catalog", "main")) == 1
    assert _staged_rows(history) == 0


def test_registries_and_clusters_are_apart(history: History) -> None:
    crawl(history, 1, {"app/web": {"v1": "a"}}, registry="main")
    crawl(history, 2, {}, listed=[], registry="other")
    assert len(history.read_catalog("main").tags) == 1
    take_inventory(history, 1, [use("web")])
    take_inventory(history, 2, [use("web", cluster="staging")], cluster="staging")
    assert set(history.read_inventories(["production", "staging"])["cluster"]) == {"production", "staging"}


def test_what_was_never_read_is_not_empty(history: History) -> None:
    take_inventory(history, 2, [use("web")])
    with pytest.raises(IncompleteSnapshot, match="could not read the catalog of main: none was stored"):
        history.read_catalog("main")
    with pytest.raises(IncompleteSnapshot, match="inventory of staging"):
        history.read_inventories(["production", "staging"])
    with pytest.raises(IncompleteSnapshot, match="none was stored by 2026-03-01 01:00:00 UTC"):
        history.read_inventory("production", at=hour(1))


def test_the_latest_complete_snapshot_is_found_behind_an_incomplete_one(history: History) -> None:
    assert history.latest("catalog", "main") is None
    whole = crawl(history, 1, {"app/web": {"v1": "a"}})
    part = crawl(history, 2, {"app/web": {"v1": "b"}}, gaps=["app/web"])
    assert history.latest("catalog", "main") == part
    assert history.latest_complete("catalog", "main") == whole
    assert part.coverage.gaps[0].place == "app/web"
    assert pointing(history.read_catalog("main", at=whole).tags) == {("app/web", "v1", "a")}


def _stored_rows(history: History) -> list[object]:
    with history._database.reading("count") as connection:
        tables = ("tag_sightings", "image_sightings", "manifests")
        queries = [sa.select(metadata.tables[name]) for name in tables]
        return [sorted(map(str, connection.execute(query))) for query in queries]


def _staged_rows(history: History) -> int:
    with history._database.reading("count") as connection:
        names = [name for name in sa.inspect(connection).get_table_names() if name.startswith("staged_")]
        assert len(names) == 6
        return sum(connection.execute(sa.text(f"SELECT count(*) FROM {name}")).scalar_one() for name in names)
