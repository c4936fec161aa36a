"""How long a plan takes, about."""

from __future__ import annotations

from datetime import timedelta

from registry_core.eviction_duration import expected_duration
from tests.plans import entry, plan_of


def test_a_small_plan_takes_seconds_and_a_large_repository_minutes() -> None:
    few = plan_of([entry(number) for number in range(10)])
    assert expected_duration(few, {"team/app": 40}) < timedelta(seconds=10)
    many = plan_of([entry(number) for number in range(2_000)])
    assert timedelta(seconds=60) < expected_duration(many, {"team/app": 2_000}) < timedelta(minutes=3)


def test_several_repositories_take_less_than_one_of_the_same_size() -> None:
    one = plan_of([entry(number) for number in range(1_000)])
    two = plan_of([entry(number, f"team/{number % 2}") for number in range(1_000)])
    tags = {"team/app": 1_000, "team/0": 500, "team/1": 500}
    assert expected_duration(two, tags) < expected_duration(one, tags)


def test_more_tags_take_longer() -> None:
    plan = plan_of([entry(number) for number in range(100)])
    assert expected_duration(plan, {"team/app": 100}) < expected_duration(plan, {"team/app": 10_000})
