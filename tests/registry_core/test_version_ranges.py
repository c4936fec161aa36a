"""Ranges of versions, as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry_core.version_ranges import VersionRange
from registry_core.versions import Version, parse_version

#: Range, versions that are in it, versions that are not.
EXAMPLES = [
    (">=1.4 <2", "1.4.0 1.99.0", "2.0.0 1.3.9"),
    (">=1.4, <2", "1.4.0", "2.0.0"),
    (">= 1.4 < 2", "1.4.0", "2.0.0"),
    ("^1.4", "1.4.0 1.9.9", "2.0.0 1.3.0"),
    ("^0.2.3", "0.2.3 0.2.9", "0.3.0"),
    ("^0", "0.0.1 0.9.0", "1.0.0"),
    ("~1.4.2", "1.4.2 1.4.9", "1.5.0 1.4.1"),
    ("~1", "1.0.0 1.1.0", "2.0.0"),
    ("1.4", "1.4.0 1.4.7", "1.5.0 1.3.9"),
    ("=1.2.3", "1.2.3 1.2.3+build.7", "1.2.4"),
    ("<1 || >=3", "0.9.0 3.0.0", "1.0.0 2.0.0"),
    (">1.4", "1.5.0", "1.4.9 1.4.0"),
    ("<=1.4", "1.4.9", "1.5.0"),
    ("<=1.2.3", "1.2.3", "1.2.4"),
    (">=1.0.0-rc.1", "1.0.0-rc.1 1.0.0-rc.2 1.0.0", "1.0.0-rc.0"),
]


@pytest.mark.parametrize(("written", "inside", "outside"), EXAMPLES)
def test_a_range_holds_what_people_mean_by_it(written: str, inside: str, outside: str) -> None:
    within = VersionRange(written)
    for text in inside.split():
        assert parse_version(text) in within, text
    for text in outside.split():
        assert parse_version(text) not in within, text


def test_pre_releases_are_outside_of_a_range_that_names_none() -> None:
    for written in (">=1.4 <2", ">=2", "^1.4", "1.4"):
        assert Version(1, 4, 2, "rc.1") not in VersionRange(written)
        assert Version(3, 0, 0, "rc.1") not in VersionRange(written)


@pytest.mark.parametrize("written", ["", " ", "abc", ">=", "1.2.3.4", "1.x", "||", ">=1 ||", "v1.2", "01.2"])
def test_what_is_no_range_is_refused_with_what_to_write(written: str) -> None:
    with pytest.raises(ValueError, match="is no range of versions: write"):
        VersionRange(written)


def test_a_range_that_no_version_can_be_in_is_refused() -> None:
    with pytest.raises(ValueError, match="no version is in '>=2 <1'"):
        VersionRange(">=2 <1")


_VERSIONS = st.builds(Version, st.integers(0, 5), st.integers(0, 5), st.integers(0, 5))


@given(_VERSIONS, _VERSIONS)
def test_between_two_bounds_is_what_the_order_of_versions_says(low: Version, version: Version) -> None:
    within = VersionRange(f">={low} <{low.major + 1}")
    assert (version in within) == (version >= low and version.major == low.major)
    assert version in VersionRange(f"<{low} || >={low}")
