"""Ranges of versions as people write them: `>=1.4 <2`, `^1.4`, `~1.4.2`, `1.4`, `<1 || >=3`.

Comparators beside one another must all hold, `||` is either. A version may be cut short: `1.4` alone is all of 1.4,
`>=1.4` begins at 1.4.0, `>1.4` behind all of it. Pre-releases are outside of a range that names none itself: who
asks for `>=2` does not mean `3.0.0-rc.1`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from registry_core.versions import Version, parse_version

_COMPARATOR = re.compile(r"(>=|<=|>|<|=|\^|~)?\s*([0-9][^\s,|]*)")
_CUT_SHORT = re.compile(r"(0|[1-9][0-9]{0,127})(?:\.(0|[1-9][0-9]{0,127}))?")


@dataclass(frozen=True, slots=True)
class _Span:
    """From `least` on, and before `end`; either may be open."""

    least: Version | None = None
    end: Version | None = None

    def holds(self, version: Version) -> bool:
        return (self.least is None or version >= self.least) and (self.end is None or version < self.end)


@dataclass(frozen=True, slots=True)
class VersionRange:
    """One range, as it was written. Raises ValueError, with what to write instead, for what is none."""

    written: str
    _either: tuple[tuple[tuple[_Span, ...], bool], ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        either = tuple(_read_alternative(part.strip(), self.written) for part in self.written.split("||"))
        object.__setattr__(self, "_either", either)

    def __contains__(self, version: Version) -> bool:
        return any(
            (takes_prereleases or not version.prerelease) and all(span.holds(version) for span in spans)
            for spans, takes_prereleases in self._either
        )

    def __str__(self) -> str:
        return self.written


def _read_alternative(text: str, written: str) -> tuple[tuple[_Span, ...], bool]:
    spans: list[_Span] = []
    takes_prereleases = False
    position = 0
    while position < len(text):
        match = _COMPARATOR.match(text, position)
        if match is None:
            raise _unreadable(written)
        sign, number = match[1] or "", match[2]
        first, last = _bounds(number, written)
        takes_prereleases |= bool(first.prerelease)
        spans.append(_span(sign, first, last))
        position = match.end()
        while position < len(text) and text[position] in " ,":
            position += 1
    if not spans:
        raise _unreadable(written)
    if _is_empty(spans):
        raise ValueError(f"no version is in {written!r}: its lower bound is above its upper one")
    return tuple(spans), takes_prereleases


def _bounds(number: str, written: str) -> tuple[Version, Version]:
    """The first version that a number means, and the first one behind it: of `1.4` these are 1.4.0 and 1.5.0."""
    if (version := parse_version(number)) is not None:
        return version, _behind(version)
    match = _CUT_SHORT.fullmatch(number)
    if match is None:
        raise _unreadable(written)
    major = int(match[1])
    if match[2] is None:
        return Version(major, 0, 0), Version(major + 1, 0, 0, "0")
    return Version(major, int(match[2]), 0), Version(major, int(match[2]) + 1, 0, "0")


def _behind(version: Version) -> Version:
    """The smallest version that is larger (SemVer §11: a longer pre-release is larger, a release the largest)."""
    if version.prerelease:
        return Version(version.major, version.minor, version.patch, version.prerelease + ".0")
    return Version(version.major, version.minor, version.patch + 1, "0")


def _span(sign: str, first: Version, behind: Version) -> _Span:
    if sign == ">=":
        return _Span(least=first)
    if sign == ">":
        return _Span(least=behind)
    if sign == "<":
        return _Span(end=first)
    if sign == "<=":
        return _Span(end=behind)
    if sign == "^":
        return _Span(first, max(_next_of_leading(first), behind))
    if sign == "~":
        return _Span(first, max(Version(first.major, first.minor + 1, 0, "0"), behind))
    return _Span(first, behind)


def _next_of_leading(version: Version) -> Version:
    """Where `^` ends: the leftmost number that is not 0 may not change."""
    if version.major:
        return Version(version.major + 1, 0, 0, "0")
    if version.minor:
        return Version(0, version.minor + 1, 0, "0")
    return Version(0, 0, version.patch + 1, "0")


def _is_empty(spans: list[_Span]) -> bool:
    least = max((span.least for span in spans if span.least is not None), default=None)
    end = min((span.end for span in spans if span.end is not None), default=None)
    return least is not None and end is not None and least >= end


def _unreadable(written: str) -> ValueError:
    return ValueError(
        f"{written!r} is no range of versions: write `>=1.4 <2`, `^1.4`, `~1.4.2`, `1.4`, or several with `||` between"
    )
