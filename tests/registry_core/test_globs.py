"""Globs mean what a person who writes a policy expects, and nothing besides."""

from __future__ import annotations

import re
import time

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry_core.globs import compile_globs


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("base/**", "base/python", True),
        ("base/**", "base/images/python", True),
        ("base/**", "base", False),
        ("base/**", "database/python", False),
        ("base/*", "base/images/python", False),
        ("*", "app", True),
        ("*", "team/app", False),
        ("**", "team/a/b/app", True),
        ("**/app", "app", True),
        ("**/app", "team/a/app", True),
        ("**/app", "team/myapp", False),
        ("team/**/app", "team/app", True),
        ("team/**/app", "team/x/y/app", True),
        ("team/**/app", "teamapp", False),
        ("v*", "v1.2.3", True),
        ("v*", "dev1", False),
        ("v?.0", "v1.0", True),
        ("v?.0", "v10.0", False),
        ("1.0", "100", False),
        ("a?b", "a/b", False),
        ("stable", "stable-2", False),
        ("V*", "v1", False),
        ("main-*-*", "main-1-2", True),
        ("*x*", "x", True),
        ("**x*y", "x/xy", True),
    ],
)
def test_a_pattern_matches_the_whole_name_by_segments(pattern: str, text: str, expected: bool) -> None:
    assert compile_globs([pattern]).matches(text) is expected


@pytest.mark.parametrize("pattern", ["v[0-9]*", "{a,b}", "!keep", "registry.example.com:5000/app", "a b", "^v"])
def test_a_pattern_that_no_name_can_match_is_refused_by_name(pattern: str) -> None:
    with pytest.raises(ValueError, match=re.escape(repr(pattern))):
        compile_globs(["**", pattern])


def test_empty_and_triple_star_patterns_are_refused() -> None:
    for pattern in ("", "a/***"):
        with pytest.raises(ValueError, match="write"):
            compile_globs([pattern])


def test_no_pattern_matches_nothing() -> None:
    assert not compile_globs([]).matches("app")
    assert not compile_globs([]).matches("")


def test_the_first_matching_pattern_is_told_as_written() -> None:
    matcher = compile_globs(["v*", "stable", "*"])
    assert matcher.first("stable") == "stable"
    assert matcher.first("v1") == "v*"
    assert compile_globs(["v*"]).first("latest") is None


def test_a_column_is_matched_with_its_index_and_missing_values_match_nothing() -> None:
    column = pd.Series(["base/a", None, "app", "base/a"], index=[7, 3, 3, 1])
    answer = compile_globs(["base/**", "**"]).match_series(column)
    assert answer.tolist() == [True, False, True, True]
    assert answer.index.tolist() == [7, 3, 3, 1]
    assert answer.dtype == bool
    assert compile_globs(["**"]).match_series(pd.Series([], dtype=object)).tolist() == []


def test_many_stars_do_not_hang() -> None:
    begin = time.process_time()
    assert not compile_globs(["*a" * 40 + "/b"]).matches("a" * 255)
    assert not compile_globs(["**/" + "*a*" * 20 + "/b"]).matches("a" * 255)
    assert time.process_time() - begin < 1.0


def naive(tokens: list[str], text: str) -> bool:
    """The meaning, written for clarity: one token at a time, every way tried."""
    if not tokens:
        return not text
    token, rest = tokens[0], tokens[1:]
    if token == "**/":
        return naive(rest, text) or any(text[cut] == "/" and naive(rest, text[cut + 1 :]) for cut in range(len(text)))
    if token == "**":
        return any(naive(rest, text[cut:]) for cut in range(len(text) + 1))
    if token == "*":
        segment = len(text.partition("/")[0])
        return any(naive(rest, text[cut:]) for cut in range(segment + 1))
    if token == "?":
        return bool(text) and text[0] != "/" and naive(rest, text[1:])
    return text.startswith(token) and naive(rest, text[len(token) :])


def tokens_of(pattern: str) -> list[str]:
    return re.findall(r"(?:^|(?<=/))\*\*/|\*\*|.", pattern)


PATTERNS = st.text("ab/*?", min_size=1, max_size=9).filter(lambda pattern: "***" not in pattern)


@given(PATTERNS, st.text("ab/", max_size=9))
def test_matching_agrees_with_the_plain_meaning(pattern: str, text: str) -> None:
    assert compile_globs([pattern]).matches(text) == naive(tokens_of(pattern), text)


@given(st.lists(PATTERNS, max_size=3), st.lists(st.text("ab/", max_size=5), max_size=6))
def test_a_column_is_matched_as_its_texts_are(patterns: list[str], texts: list[str]) -> None:
    matcher = compile_globs(patterns)
    expected = [matcher.matches(text) for text in texts]
    assert matcher.match_series(pd.Series(texts, dtype=object)).tolist() == expected
    assert expected == [matcher.first(text) is not None for text in texts]
