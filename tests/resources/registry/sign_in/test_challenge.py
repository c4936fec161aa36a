"""What `WWW-Authenticate` says, in all the ways it is written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resources.registry.sign_in.challenge import Challenge, choose, parse_challenges

_ORACLE = Path(__file__).parents[5] / "shared" / "fixtures" / "www_authenticate_vectors.json"


def _vectors() -> list[dict[str, Any]]:
    return json.loads(_ORACLE.read_text())["vectors"] if _ORACLE.exists() else []


@pytest.mark.parametrize("vector", _vectors() or [None], ids=lambda vector: vector and vector["headers"][0][:60])
def test_every_vector_of_the_oracle_is_read_as_it_says(vector: dict[str, Any] | None) -> None:
    if vector is None:
        pytest.skip("the shared fixtures are not beside this checkout")
    wanted = [(one["scheme"], one["params"]) for one in vector["challenges"]]
    assert [(one.scheme, dict(one.parameters)) for one in parse_challenges(vector["headers"])] == wanted


@pytest.mark.parametrize("vector", _vectors() or [None], ids=lambda vector: vector and vector["headers"][0][:60])
def test_header_lines_that_a_proxy_joined_say_the_same(vector: dict[str, Any] | None) -> None:
    if vector is None:
        pytest.skip("the shared fixtures are not beside this checkout")
    assert parse_challenges([", ".join(vector["headers"])]) == parse_challenges(vector["headers"])


@pytest.mark.parametrize(
    ("line", "challenges"),
    [
        ('bEaReR REALM="https://a/t" , SeRvIcE = "s"', [("bearer", {"realm": "https://a/t", "service": "s"})]),
        ("Negotiate YWJj==, Basic realm=x", [("negotiate", {}), ("basic", {"realm": "x"})]),
        ('Basic realm="a, b=c, Bearer"', [("basic", {"realm": "a, b=c, Bearer"})]),
        ('Bearer realm="cut off', [("bearer", {"realm": "cut off"})]),
        (',, Basic realm="x",,', [("basic", {"realm": "x"})]),
        ('Bearer realm="first",realm="second"', [("bearer", {"realm": "first"})]),
        ("", []),
    ],
)
def test_odd_but_readable_challenges_are_read(line: str, challenges: list[tuple[str, dict[str, str]]]) -> None:
    assert [(one.scheme, dict(one.parameters)) for one in parse_challenges([line])] == challenges


def test_bearer_is_answered_before_basic_whatever_comes_first() -> None:
    basic, bearer = Challenge("basic", {}), Challenge("bearer", {"realm": "r"})
    assert choose([basic, bearer]) is bearer
    assert choose([Challenge("negotiate", {}), basic]) is basic
    assert choose([Challenge("negotiate", {})]) is None


@given(st.text(max_size=200))
def test_no_header_however_broken_makes_it_fail(line: str) -> None:
    for challenge in parse_challenges([line]):
        assert challenge.scheme == challenge.scheme.lower()


_NAME = st.from_regex(r"[a-z]{1,8}", fullmatch=True)
_VALUE = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=30)


@given(st.lists(st.tuples(_NAME, st.dictionaries(_NAME, _VALUE, min_size=1, max_size=4)), min_size=1, max_size=3))
def test_what_is_written_by_the_book_is_read_back(challenges: list[tuple[str, dict[str, str]]]) -> None:
    def quoted(value: str) -> str:
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'

    line = ", ".join(
        f"{scheme} " + ", ".join(f"{name}={quoted(value)}" for name, value in parameters.items())
        for scheme, parameters in challenges
    )
    assert [(one.scheme, dict(one.parameters)) for one in parse_challenges([line])] == challenges
