"""Versions: which tags are semantic versions, and which of two is the newer.

Source: Semantic Versioning 2.0.0, §2 to §11. The grammar alone decides: `1.2` and `20240915` are no versions,
nor are dates with a zero in front (`2024.09.15`); but `2024.11.15` is one, by the letter.

Two differences, because teams write so: digits within a word of a pre-release count as a number (`rc9` < `rc10`,
`debian-12-r9` < `debian-12-r10`; by the letter of §11.4.2 it is the other way round), and in a tag `_` may stand for
`+`, which no tag can hold (Helm, "Use OCI-based registries").
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import total_ordering

import numpy as np
import numpy.typing as npt
import pandas as pd

#: No number is longer than a tag may be, so that each can be read as an integer.
_NUMBER = r"(?:0|[1-9][0-9]{0,127})"
_LABEL = rf"(?:{_NUMBER}|[0-9]*[a-zA-Z-][0-9a-zA-Z-]*)"
_CORE = (
    rf"(?P<major>{_NUMBER})\.(?P<minor>{_NUMBER})\.(?P<patch>{_NUMBER})"
    rf"(?:-(?P<prerelease>{_LABEL}(?:\.{_LABEL})*))?"
)
_BUILD = r"(?P<build>[0-9a-zA-Z-]+(?:\.[0-9a-zA-Z-]+)*)"
_WHOLE = re.compile(rf"{_CORE}(?:\+{_BUILD})?")
_IN_TAG = rf"{_CORE}(?:[+_]{_BUILD})?"
_DIGITS = re.compile(r"([0-9]+)")
_PLACE = "{semver}"

Numbers = npt.NDArray[np.int64]

WordKey = tuple[int, tuple[str | tuple[int, str], ...], str]
PrereleaseKey = tuple[int, tuple[WordKey, ...]]


def word_key(word: str) -> WordKey:
    """Order of words: numbers by value and before words, the digits within a word as numbers (`r9` < `r10`)."""
    parts = _DIGITS.split(word)  # text and digits in turn, beginning with text
    read = tuple(_number_key(part) if place % 2 else part for place, part in enumerate(parts))
    return (0 if word.isdigit() else 1, read, word)


def _number_key(digits: str) -> tuple[int, str]:
    """Order of numbers of any length, without reading them."""
    digits = digits.lstrip("0")
    return (len(digits), digits)


def prerelease_key(prerelease: str | None) -> PrereleaseKey:
    """Order of pre-releases (§11.3, §11.4): a release last, label by label, longer after."""
    if not prerelease:
        return (1, ())
    return (0, tuple(word_key(label) for label in prerelease.split(".")))


@total_ordering
@dataclass(frozen=True, slots=True, eq=False)
class Version:
    """One semantic version. Ordered and equal by precedence (§11), so that build metadata makes no difference."""

    major: int
    minor: int
    patch: int
    prerelease: str = ""
    build: str = ""

    @property
    def precedence(self) -> tuple[int, int, int, PrereleaseKey]:
        return (self.major, self.minor, self.patch, prerelease_key(self.prerelease))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Version) and self.precedence == other.precedence

    def __lt__(self, other: Version) -> bool:
        return self.precedence < other.precedence

    def __hash__(self) -> int:
        return hash(self.precedence)

    def __str__(self) -> str:
        text = f"{self.major}.{self.minor}.{self.patch}"
        return text + (f"-{self.prerelease}" if self.prerelease else "") + (f"+{self.build}" if self.build else "")


def parse_version(text: str) -> Version | None:
    """The version that `text` is, whole and without any `v`; None where it is none."""
    match = _WHOLE.fullmatch(text)
    return _version(match) if match else None


def _version(match: re.Match[str]) -> Version:
    return Version(
        int(match["major"]), int(match["minor"]), int(match["patch"]), match["prerelease"] or "", match["build"] or ""
    )


@dataclass(frozen=True, slots=True)
class VersionPattern:
    """How a team writes its versions as tags: literal text around `{semver}`, as in `v{semver}`.

    A tag has `_` where a version has `+`: `1.2.3_build.1` is 1.2.3+build.1.

    Raises ValueError, with what to write instead, for a pattern that no tag can match.
    """

    pattern: str

    def __post_init__(self) -> None:
        if self.pattern.count(_PLACE) != 1:
            raise ValueError(f"write `{{semver}}` once where the version stands (`v{{semver}}`), not {self.pattern!r}")
        before, _, after = self.pattern.partition(_PLACE)
        if not re.fullmatch(r"(?:[A-Za-z0-9_][A-Za-z0-9._-]*)?", before) or not re.fullmatch(r"[A-Za-z0-9._-]*", after):
            raise ValueError(
                f"{self.pattern!r} holds what no tag can: beside `{{semver}}` write letters, digits, `.`, `_`, `-`"
            )

    @property
    def regex(self) -> re.Pattern[str]:
        before, _, after = self.pattern.partition(_PLACE)
        return re.compile(f"{re.escape(before)}{_IN_TAG}{re.escape(after)}")

    def parse(self, tag: str) -> Version | None:
        match = self.regex.fullmatch(tag)
        return _version(match) if match else None


#: `version_table`: a row a tag, index as given. `is_version` says whether the rest means anything; the numbers
#: are ranks among the given tags (dense, from 0), so that versions of any length compare as small integers.
VERSION_COLUMNS = ("is_version", "major", "minor", "patch", "prerelease", "build", "rank")


def version_table(tags: pd.Series[str], pattern: VersionPattern) -> pd.DataFrame:
    """VERSION_COLUMNS for each tag; `prerelease` is True for one, `build` for one with build metadata, `rank` is the
    precedence over all tags given.

    Equal ranks mean equal precedence: build metadata makes no difference. A second takes about a million tags.
    """
    places, numbers, names, builds = _read(tags.to_numpy(dtype=object).tolist(), pattern.regex)
    order_of = {name: place for place, name in enumerate(sorted(set(names), key=prerelease_key))}
    parts = {name: ranks_of_numbers(given) for name, given in zip(("major", "minor", "patch"), numbers, strict=True)}
    prerelease = np.array([order_of[name] for name in names], dtype=np.int64)
    parts["rank"] = ranks_of_rows([*parts.values(), prerelease])

    columns = {name: np.zeros(len(tags), dtype=bool) for name in ("is_version", "prerelease", "build")}
    columns["is_version"][places] = True
    columns["prerelease"][places] = np.array([bool(name) for name in names], dtype=bool)
    columns["build"][places] = np.array(builds, dtype=bool)
    for name, ranks in parts.items():
        columns[name] = np.full(len(tags), -1, dtype=np.int32)
        columns[name][places] = ranks
    return pd.DataFrame({name: columns[name] for name in VERSION_COLUMNS}, index=tags.index)


def _read(
    tags: list[str], regex: re.Pattern[str]
) -> tuple[list[int], tuple[list[int], list[int], list[int]], list[str], list[bool]]:
    """Places of the tags that are versions, their three numbers, their pre-releases (empty for a release), and whether
    they have build metadata."""
    places: list[int] = []
    numbers: tuple[list[int], list[int], list[int]] = ([], [], [])
    names: list[str] = []
    builds: list[bool] = []
    for place, tag in enumerate(tags):
        match = regex.fullmatch(tag)
        if match is not None:
            major, minor, patch, prerelease, build = match.group("major", "minor", "patch", "prerelease", "build")
            places.append(place)
            numbers[0].append(int(major))
            numbers[1].append(int(minor))
            numbers[2].append(int(patch))
            names.append(prerelease or "")
            builds.append(build is not None)
    return places, numbers, names, builds


def ranks_of_rows(columns: list[Numbers]) -> Numbers:
    """Dense ranks of rows by their columns, the first column first."""
    order = np.lexsort(columns[::-1])
    changes = np.zeros(len(order), dtype=bool)
    for column in columns:
        changes[1:] |= column[order][1:] != column[order][:-1]
    ranks = np.empty(len(order), dtype=np.int64)
    ranks[order] = np.cumsum(changes)
    return ranks


def ranks_of_numbers(given: list[int]) -> Numbers:
    """Dense ranks: Python's own integers, because a build number of 25 digits is a legal part of a version."""
    try:
        return np.unique(np.array(given, dtype=np.int64), return_inverse=True)[1].astype(np.int64)
    except OverflowError:
        pass
    rank_of = {number: rank for rank, number in enumerate(sorted(set(given)))}
    return np.array([rank_of[number] for number in given], dtype=np.int64)
