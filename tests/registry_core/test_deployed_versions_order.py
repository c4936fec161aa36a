"""The ladder of versions against a naive model, and the laws of being behind."""

from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from registry_core.coverage import Gap
from registry_core.deployed_versions_order import Ladder, read_versions
from registry_core.versions import VersionPattern, parse_version
from tests.registry_core.deployment import pod, product, report, seen
from tests.registry_core.small_registry import SmallRegistry

PATTERNS = (VersionPattern("{semver}"), VersionPattern("v{semver}"))

steps = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5)), max_size=20)
tags = st.from_regex(r"v?[0-2]\.[0-2]\.[0-2](-rc\.[0-2])?", fullmatch=True) | st.sampled_from(["latest", "r1", "1.2"])


@given(steps, steps)
def test_newer_and_top_are_what_counting_gives(known: list[tuple[int, int]], asked: list[tuple[int, int]]) -> None:
    ladder = Ladder.of(
        *(np.array(column, dtype=np.int64) for column in (zip(*known, strict=True) if known else ([], [])))
    )
    for name, rank in asked:
        ranks = {step for product, step in known if product == name}
        newer = ladder.newer(np.array([name]), np.array([rank]))
        assert newer.tolist() == [sum(step > rank for step in ranks)]
        assert ladder.top(np.array([name])).tolist() == [max(ranks, default=-1)]


@given(st.lists(tags, max_size=12))
def test_tags_of_two_patterns_are_ordered_as_their_versions(written: list[str]) -> None:
    table = read_versions(pd.Series(written, dtype=object), PATTERNS)
    parsed = [parse_version(tag.removeprefix("v")) for tag in written]
    assert table["is_version"].tolist() == [version is not None for version in parsed]
    for first, one in zip(parsed, table["rank"], strict=True):
        for second, other in zip(parsed, table["rank"], strict=True):
            if first is not None and second is not None:
                assert (first < second) == (one < other)


def test_a_missing_tag_is_no_version() -> None:
    assert read_versions(pd.Series([None, "1.0.0"], dtype=object), PATTERNS)["is_version"].tolist() == [False, True]


@settings(deadline=None, max_examples=25)
@given(st.lists(tags, min_size=1, max_size=8, unique=True), tags)
def test_a_version_that_is_added_brings_nobody_nearer(there: list[str], added: str) -> None:
    def behind(offered: list[str]) -> int:
        registry = SmallRegistry()
        for tag in dict.fromkeys([*offered, "1.0.0"]):
            registry.image("web", tag, tag, pushed=1)
        [one] = product(report([pod("prod", "web:1.0.0")], seen(registry))).deployed
        assert one.behind is not None
        return one.behind

    assert behind([*there, added]) >= behind(there)


@settings(deadline=None, max_examples=25)
@given(st.lists(tags, min_size=1, max_size=8, unique=True), st.sampled_from(["1.0.0", "latest", "2.2.2"]))
def test_a_catalog_that_was_read_in_part_never_says_that_nothing_newer_is_there(there: list[str], runs: str) -> None:
    registry = SmallRegistry()
    for tag in there:
        registry.image("web", tag, tag, pushed=1)
    [one] = product(report([pod("prod", f"web:{runs}")], seen(registry, Gap("web", "unreachable", "cut off")))).deployed
    assert one.behind != 0
    assert one.at_least
