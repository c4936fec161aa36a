"""`keep_versions`: Semantic Versioning 2.0.0, with the three differences that the page names."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from tests.registry_core.oracle.world import Name

_LABEL = r"(?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)"
_BUILD = r"[0-9a-zA-Z-]+(?:\.[0-9a-zA-Z-]+)*"
_SEMVER = rf"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:-({_LABEL}(?:\.{_LABEL})*))?(?:\+{_BUILD})?(_{_BUILD})?"
_NUMBERS = {"major": 1, "minor": 2, "patch": 3}


class _Version(NamedTuple):
    precedence: tuple[Any, ...]
    numbers: tuple[int, ...]
    has_underscore: bool
    name: Name
    text: str


def newest_versions(
    rule: dict[str, Any], tags: list[tuple[Name, str]], dates: Mapping[Name, datetime | None]
) -> list[tuple[Name, str]]:
    """Of each of the last groups the newest version, with all tags that count as the same."""
    found = [version for name, text in tags if (version := _read(rule, name, text)) is not None]
    groups: dict[tuple[int, ...], list[_Version]] = defaultdict(list)
    for version in found:
        if not version.has_underscore:
            groups[version.numbers[: _NUMBERS[rule.get("per", "patch")]]].append(version)
    kept = []
    for group in sorted(groups, reverse=True)[: rule["last"]]:
        newest = max(groups[group])
        alike = [one for one in found if one.numbers == newest.numbers]
        kept += [one for one in alike if one.precedence == newest.precedence]
        kept += [one for one in alike if not one.has_underscore and _is_later(dates[one.name], dates[newest.name])]
    return [(one.name, one.text) for one in kept]


def _read(rule: dict[str, Any], name: Name, text: str) -> _Version | None:
    before, after = rule["pattern"].split("{semver}")
    match = re.fullmatch(re.escape(before) + _SEMVER + re.escape(after), text)
    if match is None or (match[4] and not rule.get("prereleases", False)):
        return None
    numbers = (int(match[1]), int(match[2]), int(match[3]))
    labels = [_label(one) for one in (match[4] or "").split(".") if one]
    return _Version((numbers, not labels, labels), numbers, match[5] is not None, name, text)


def _label(written: str) -> tuple[Any, ...]:
    """Numbers come before words, and digits within a word are a number."""
    if written.isdigit():
        return (0, int(written))
    parts = re.findall(r"\d+|\D+", written)
    return (1, *((0, int(one), "") if one.isdigit() else (1, 0, one) for one in parts))


def _is_later(one: datetime | None, other: datetime | None) -> bool:
    return one is not None and other is not None and one > other
