"""What people were told is kept by audience, on both databases."""

from __future__ import annotations

from registry_core.notices import Remembered
from resources.database.history import History
from tests.resources.database.readings import hour

A = Remembered("findings", "Findings in harbor", "error", "a is missing")
B = Remembered("plans", "A plan waits", "waiting", "5 images")


def test_an_audience_that_was_never_told_anything_remembers_nothing(history: History) -> None:
    assert history.told.of("slack") == {}


def test_what_was_told_is_kept_changed_and_forgotten_for_one_audience(history: History) -> None:
    told = history.told
    told.remember("slack", {"a": A, "b": B}, hour(1))
    told.remember("mail", {"a": A}, hour(1))
    changed = Remembered("findings", "Findings in harbor", "warning", "a is missing")
    told.remember("slack", {"a": changed, "b": None, "never": None}, hour(2))
    assert told.of("slack") == {"a": changed}
    assert told.of("mail") == {"a": A}


def test_many_topics_are_kept_at_once(history: History) -> None:
    many = {str(number): A for number in range(1500)}
    history.told.remember("slack", many, hour(1))
    history.told.remember("slack", dict.fromkeys(many), hour(2))
    assert history.told.of("slack") == {}
