"""How often, how fast and how long: the clock is ours here."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resources.registry.transport.pace import Pace
from resources.registry.transport.retries import Breaker, RetryBudget, backoff_seconds, retry_after_seconds
from resources.registry.transport.slots import Slots


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@given(st.floats(0.5, 500), st.lists(st.floats(0, 0.5), min_size=5, max_size=200))
def test_the_pace_is_kept_however_requests_come(per_second: float, gaps: list[float]) -> None:
    clock = Clock()
    pace = Pace(per_second, clock)
    starts = []
    for gap in gaps:
        clock.now += gap
        starts.append(clock.now + pace.reserve())
    for early in range(0, len(starts), 7):
        for late in range(early + 1, len(starts)):
            span = starts[late] - starts[early]
            assert late - early <= (span + 0.1) * per_second + 1.001


def test_without_a_bound_nobody_waits() -> None:
    assert Pace(None, Clock()).reserve() == 0


@pytest.mark.parametrize("per_second", [None, 1000])
def test_a_hold_is_for_everybody_and_passes(per_second: float | None) -> None:
    clock = Clock()
    pace = Pace(per_second, clock)
    pace.hold(5)
    pace.hold(2)
    assert pace.reserve() == pytest.approx(5)
    assert pace.held_seconds == pytest.approx(5)
    clock.now += 6
    assert (pace.reserve(), pace.held_seconds) == (0, 0)


_NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7),
        (" 0 ", 0),
        ("Sun, 01 Mar 2026 12:00:30 GMT", 30),
        ("Sun, 01 Mar 2026 11:00:00 GMT", 0),
        ("Sunday, 01-Mar-26 12:00:30 GMT", 30),
        ("99999999999999999999", 366 * 86_400),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("", None),
        (None, None),
    ],
)
def test_retry_after_is_read_as_seconds_or_as_a_date(value: str | None, seconds: float | None) -> None:
    assert retry_after_seconds(value, now=_NOW) == seconds


def test_a_date_is_read_against_the_servers_own_clock() -> None:
    assert retry_after_seconds(
        "Sun, 01 Mar 2026 12:00:30 GMT", now=datetime(2020, 1, 1, tzinfo=UTC), date="Sun, 01 Mar 2026 12:00:20 GMT"
    ) == pytest.approx(10)


@given(st.text(max_size=40))
def test_no_retry_after_however_broken_makes_it_fail(value: str) -> None:
    seconds = retry_after_seconds(value, now=_NOW)
    assert seconds is None or 0 <= seconds <= 366 * 86_400


@given(st.integers(1, 10_000))
def test_backoff_grows_and_is_bounded(attempt: int) -> None:
    assert 0.25 <= backoff_seconds(attempt) <= 30


def test_the_retry_budget_is_used_up_and_earned_back() -> None:
    budget = RetryBudget(size=3)
    assert [budget.take() for _ in range(4)] == [True, True, True, False]
    for _ in range(11):
        budget.earn()
    assert [budget.take() for _ in range(2)] == [True, False]


def test_the_breaker_opens_after_several_and_lets_one_through_after_a_rest() -> None:
    clock = Clock()
    breaker = Breaker(limit=3, rest_seconds=30, clock=clock)
    for _ in range(2):
        breaker.gave_up("nobody there")
    assert breaker.refuses() is None
    breaker.gave_up("nobody there")
    assert breaker.refuses() == "nobody there"
    clock.now += 31
    assert breaker.refuses() is None  # this one may look
    assert breaker.refuses() == "nobody there"  # the others wait for it
    breaker.answered()
    assert breaker.refuses() is None


def test_slots_are_bounded_and_downloads_counted_apart() -> None:
    slots = Slots(2)
    assert [slots.take(streaming=False) for _ in range(3)] == [True, True, False]
    assert slots.take(streaming=True)
    slots.give_back(streaming=False)
    assert slots.take(streaming=False)
