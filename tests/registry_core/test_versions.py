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
#: As teams and vendors count, though by the letter of the specification some of these are the other way round.
ASCENDING_AS_TEAMS_WRITE = [
    ["1.4.0-rc8", "1.4.0-rc9", "1.4.0-rc10", "1.4.0-rc11", "1.4.0-rc100", "1.4.0"],
    ["7.4.0-debian-11-r30", "7.4.0-debian-12-r0", "7.4.0-debian-12-r9", "7.4.0-debian-12-r10", "7.4.0-debian-12-r100"],
    ["1.0.20200827-ls30", "1.0.20200827-ls31", "1.0.20200827-ls100", "1.0.20200828-ls1"],
    ["1.0.0-alpha9", "1.0.0-alpha10", "1.0.0-beta", "1.0.0-beta2.9", "1.0.0-beta2.10", "1.0.0-beta10"],
    ["1.0.0-rc", "1.0.0-rc1", "1.0.0-rc1.1", "1.0.0-rc2"],
    ["1.0.0-x9y9", "1.0.0-x9y10", "1.0.0-x10y1"],
    ["1.0.0-b99999999999999999999", "1.0.0-b100000000000000000000"],
]
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


@pytest.mark.parametrize("texts", ASCENDING_AS_TEAMS_WRITE)
def test_digits_in_a_word_count_as_a_number(texts):
    table = version_table(pd.Series(texts[::-1]), VersionPattern("{semver}"))
    assert list(table["rank"]) == list(range(len(texts)))[::-1]
    for older, newer in itertools.combinations(map(parse_version, texts), 2):
        assert older is not None
        assert newer is not None
        assert older < newer


def test_words_that_differ_only_in_leading_zeros_are_two_versions_in_a_fixed_order():
    one, other = parse_version("1.0.0-rc01"), parse_version("1.0.0-rc1")
    assert one is not None
    assert other is not None
    assert one != other
    assert (one < other) is not (other < one)


def test_in_a_tag_an_underscore_stands_for_the_plus_that_no_tag_can_hold():
    version = VersionPattern("v{semver}").parse("v1.2.3-rc.1_build.7")
    assert version == parse_version("1.2.3-rc.1+build.7")
    assert version is not None
    assert version.build == "build.7"
    assert VersionPattern("{semver}_amd64").parse("1.2.3_amd64") == parse_version("1.2.3")
    assert parse_version("1.2.3_build.7") is None, "that is a tag, and no version"


def test_a_number_of_thousands_of_digits_is_no_version_and_no_error():
    assert parse_version(f"1.2.{'9' * 5000}") is None
    assert parse_version(f"1.2.3-rc{'9' * 5000}") is not None


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
