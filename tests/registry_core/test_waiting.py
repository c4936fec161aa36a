"""What automation waits for, in words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from registry_core.waiting import Lack, Wait, waits_in_words, who_waits

NOW = datetime(2026, 11, 30, 14, 0, tzinfo=UTC)
WEEK_AGO = NOW - timedelta(days=7)
NEW = (Lack.of_never_read("inventory", "new"),)


def test_waits_for_the_same_are_one_sentence_that_says_since_when() -> None:
    waits = [
        Wait("image_usage", "main", NEW, WEEK_AGO),
        Wait("health_report", "main", NEW, NOW),
        Wait("image_usage", "backup", NEW, NOW),
        Wait("health_report", "backup", NEW, NOW),
        Wait("deployed_versions", None, NEW, None),
    ]
    assert waits_in_words(waits, NOW) == [
        "health_report and image_usage of backup, main; deployed_versions wait since 2026-11-23 14:00 UTC (7 days):"
        " the inventory of new was never read"
    ]


def test_the_longest_wait_comes_first_and_what_has_no_beginning_last() -> None:
    old = (Lack("evidence", "backup", "the catalog is 9 days old", never_read=False),)
    waits = [
        Wait("eviction_plan", "backup", old),
        Wait("image_usage", "main", NEW, WEEK_AGO),
    ]
    first, second = waits_in_words(waits, NOW)
    assert first.startswith("image_usage of main waits since 2026-11-23 14:00 UTC (7 days): the inventory of new")
    assert second == "eviction_plan of backup waits: the catalog is 9 days old"


def test_a_wait_that_begins_in_the_future_by_our_clock_lasts_no_time() -> None:
    wait = Wait("image_usage", "main", NEW, NOW + timedelta(minutes=1))
    assert who_waits([wait], NOW).endswith("(0 seconds)")
