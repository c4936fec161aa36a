"""A repository has one name at the destination, and no two share it unnoticed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry_core.errors import Refused
from registry_core.fingerprint import fingerprint
from registry_core.rewriting import Collision, Rewriting

SEGMENTS = st.sampled_from(["a", "b", "team", "x1"])
NAMES = st.lists(SEGMENTS, min_size=1, max_size=4).map("/".join)
PREFIXES = st.one_of(st.just(""), NAMES)
RULES = st.builds(
    Rewriting,
    prefixes=st.dictionaries(PREFIXES, PREFIXES, max_size=4),
    names=st.dictionaries(NAMES, NAMES, max_size=3),
)


@pytest.mark.parametrize(
    ("repository", "expected"),
    [
        ("team/app", "platform/app"),
        ("team/a/app", "special/app"),
        ("teamwork/app", "mirror/teamwork/app"),
        ("team", "mirror/team"),
        ("old/app", "app"),
        ("nginx", "mirror/nginx"),
        ("team/moved", "elsewhere/it"),
    ],
)
def test_the_whole_name_wins_then_the_longest_prefix(repository: str, expected: str) -> None:
    rules = Rewriting(
        prefixes={"": "mirror", "team": "platform", "team/a": "special", "old": ""},
        names={"team/moved": "elsewhere/it"},
    )
    assert rules.rewrite(repository) == expected


def test_without_rules_a_name_stays() -> None:
    assert Rewriting().rewrite("team/app") == "team/app"


def test_a_result_that_no_registry_takes_is_refused_by_name() -> None:
    with pytest.raises(Refused, match="longer than 255"):
        Rewriting(prefixes={"": "a" * 200}).rewrite("b" * 100)
    with pytest.raises(Refused, match="`Mirror/app` is no repository name"):
        Rewriting(prefixes={"": "Mirror"}).rewrite("app")


def test_two_sources_with_one_name_are_told() -> None:
    rules = Rewriting(prefixes={"team": "", "shop": ""})
    assert rules.collisions(["team/app", "shop/app", "shop/app", "shop/web"]) == (
        Collision("app", ("shop/app", "team/app")),
    )
    assert "`shop/app`, `team/app` would all be called `app`" in str(rules.collisions(["shop/app", "team/app"])[0])


def test_rules_that_can_never_work_are_told_without_any_repository() -> None:
    faults = list(Rewriting(prefixes={"team/": "x"}, names={"a": "c", "b": "c", "d": "d:1"}).faults())
    assert [key for key, _ in faults] == [("prefix", "team/"), ("map", "d"), ("map", "b")]
    assert not list(Rewriting(prefixes={"": "mirror", "old": ""}, names={"a": "b"}).faults())


@given(RULES, st.lists(NAMES, max_size=8))
def test_names_without_a_collision_stay_apart(rules: Rewriting, names: list[str]) -> None:
    colliding = {source for collision in rules.collisions(names) for source in collision.sources}
    alone = {name for name in names if name not in colliding}
    assert len({rules.rewrite(name) for name in alone}) == len(alone)
    for collision in rules.collisions(names):
        assert {rules.rewrite(source) for source in collision.sources} == {collision.target}
        assert len(collision.sources) > 1


@given(RULES, NAMES)
def test_the_order_in_which_rules_are_written_decides_nothing(rules: Rewriting, name: str) -> None:
    turned = Rewriting(prefixes=dict(reversed(rules.prefixes.items())), names=dict(reversed(rules.names.items())))
    assert turned.rewrite(name) == rules.rewrite(name)
    assert fingerprint(turned.to_json()) == fingerprint(rules.to_json())
    assert Rewriting.from_json(rules.to_json()) == rules


@given(RULES, NAMES)
def test_a_name_is_rewritten_once(rules: Rewriting, name: str) -> None:
    target = rules.rewrite(name)
    if name in rules.names:
        assert target == rules.names[name]
    else:
        assert target.rpartition("/")[2] == name.rpartition("/")[2]
