"""Semantic versions: the grammar and the precedence of SemVer 2.0.0."""

import itertools

import pandas as pd
import pytest

from registry_core.versions import VersionPattern, parse_version, version_table

#: SemVer 2.0.0 §11, with numbers of any length.
ASCENDING = [
    "0.0.1", "0.1.0", "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2",
    "1.0.0-beta.11", "1.0.0-rc.1", "1.0.0", "1.0.1", "1.9.0", "1.10.0", "2.0.0", "12345678901234567890123.0.0",
]  # fmt: skip
NO_VERSIONS = [
    "", "1", "1.2", "1.2.3.4", "01.2.3", "1.02.3", "1.2.3-01", "1.2.3-", "1.2.3+", "v1.2.3", "20240915",
    "2024-09-15", "2024.09.15", "latest", "1.2.3-a..b", "1.2.3 ",
]  # fmt: skip


def test_the_order_of_the_specification_holds_for_every_pair():
    versions = [parse_version(text) for text in ASCENDING]
    for older, newer in itertools.combinations(versions, 2):
        assert older is not None
        assert newer is not None
        assert older < newer
        assert not newer < older


@pytest.mark.parametrize("text", NO_VERSIONS)
def test_what_the_grammar_does_not_allow_is_no_version(text):
    assert parse_version(text) is None


@pytest.mark.parametrize("text", [*ASCENDING, "1.0.0-0A.is.legal+build.01", "1.2.3----RC-SNAPSHOT.12.9.1--.12"])
def test_a_version_is_printed_as_it_was_written(text):
    assert str(parse_version(text)) == text


def test_build_metadata_makes_no_difference():
    assert parse_version("1.0.0+a") == parse_version("1.0.0+b")


def test_the_table_ranks_as_the_versions_compare():
    tags = pd.Series(["v" + text for text in reversed(ASCENDING)] + ["latest", "v1.2"], index=range(100, 117))
    table = version_table(tags, VersionPattern("v{semver}"))
    assert list(table.index) == list(tags.index)
    assert list(table["is_version"]) == [True] * len(ASCENDING) + [False, False]
    assert list(table["rank"])[: len(ASCENDING)] == list(reversed(range(len(ASCENDING))))
    assert list(table["prerelease"])[: len(ASCENDING)] == ["-" in text for text in reversed(ASCENDING)]


def test_a_pattern_may_stand_before_and_behind():
    assert VersionPattern("web-{semver}-alpine").parse("web-1.2.3-alpine") == parse_version("1.2.3")
    assert VersionPattern("web-{semver}-alpine").parse("web-1.2.3") is None


@pytest.mark.parametrize("pattern", ["v", "{semver}{semver}", "v*{semver}", "-{semver}", "a/{semver}", "{semver}+x"])
def test_a_pattern_that_no_tag_can_match_is_refused(pattern):
    with pytest.raises(ValueError, match="semver"):
        VersionPattern(pattern)


def test_a_table_of_no_tags_is_empty():
    assert version_table(pd.Series([], dtype=object), VersionPattern("v{semver}")).empty
