"""Circles of copy rules: what would come back to where it came from, and what only looks like it."""

from __future__ import annotations

from typing import Any

from registry_core.copy_circles import circles
from registry_core.copy_rule import CopyRule, Selection
from registry_core.rewriting import Rewriting


def rule(name: str, route: str, *globs: str, exclude: tuple[str, ...] = (), **names: Any) -> CopyRule:
    source, _, destination = route.partition(">")
    return CopyRule(
        name=name,
        source=source,
        destination=destination,
        selection=Selection(repositories=globs or ("**",), exclude=exclude, all=True),
        rewriting=Rewriting(**names),
    )


def found(*rules: CopyRule) -> list[str]:
    return [str(circle) for circle in circles(rules)]


def test_two_rules_that_copy_everything_to_each_other_are_a_circle() -> None:
    assert found(rule("there", "a>b"), rule("back", "b>a")) == ["a → b → a (there, back)"]


def test_a_circle_may_go_over_many_registries_and_is_told_once() -> None:
    rules = [rule("one", "a>b"), rule("two", "b>c"), rule("three", "c>a"), rule("aside", "c>d")]
    assert found(*rules) == ["a → b → c → a (one, two, three)"]


def test_a_chain_is_no_circle() -> None:
    assert found(rule("one", "a>b"), rule("two", "b>c"), rule("beside", "a>c")) == []


def test_rules_over_different_repositories_are_no_circle() -> None:
    assert found(rule("there", "a>b", "team/**"), rule("back", "b>a", "other/**")) == []
    assert found(rule("there", "a>b", "team/app"), rule("back", "b>a", "team/web")) == []


def test_rules_that_share_one_repository_are_a_circle() -> None:
    assert found(rule("there", "a>b", "team/app"), rule("back", "b>a", "team/*")) == ["a → b → a (there, back)"]


def test_a_prefix_that_the_way_back_does_not_take_breaks_the_circle() -> None:
    there = rule("there", "a>b", prefixes={"": "mirror"})
    assert found(there, rule("back", "b>a", "apps/**")) == []
    assert found(there, rule("back", "b>a", exclude=("mirror/**",))) == []
    assert found(there, rule("back", "b>a")) == ["a → b → a (there, back)"]


def test_a_name_that_is_mapped_into_the_way_back_closes_the_circle() -> None:
    there = rule("there", "a>b", "team/**", names={"team/app": "apps/app"}, prefixes={"team": "mirror"})
    assert found(there, rule("back", "b>a", "apps/**")) == []  # `apps/app` is not what `there` takes
    back = rule("back", "b>a", "apps/**", prefixes={"apps": "team"})
    assert found(there, back) == ["a → b → a (there, back)"]
