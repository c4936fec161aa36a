"""`keep_versions` by Semantic Versioning 2.0.0, with digits in a word as numbers, and `_` for `+` in tags."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from tests.registry_core.oracle.world import Name

_LABEL = r"(?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)"
_BUILD = r"[+_][0-9a-zA-Z-]+(?:\.[0-9a-zA-Z-]+)*"
_SEMVER = rf"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:-({_LABEL}(?:\.{_LABEL})*))?(?:{_BUILD})?"
_NUMBERS = {"major": 1, "minor": 2, "patch": 3}


def newest_versions(
    rule: dict[str, Any], tags: list[tuple[Name, str]], dates: Mapping[Name, datetime | None]
) -> list[tuple[Name, str]]:
    """Of each of the last groups the newest version, with all tags of equal precedence; and what was pushed later under
    the same numbers."""
    before, after = rule["pattern"].split("{semver}")
    groups: dict[tuple[int, ...], list[tuple[Any, Name, str]]] = defaultdict(list)
    for name, text in tags:
        match = re.fullmatch(re.escape(before) + _SEMVER + re.escape(after), text)
        if match is None or (match[4] and not rule.get("prereleases", False)):
            continue
        numbers = (int(match[1]), int(match[2]), int(match[3]))
        labels = [_label(one) for one in (match[4] or "").split(".") if one]
        precedence = (numbers, not labels, labels)
        groups[numbers[: _NUMBERS[rule.get("per", "patch")]]].append((precedence, name, text))
    kept = []
    for group in sorted(groups, reverse=True)[: rule["last"]]:
        newest = max(precedence for precedence, _, _ in groups[group])
        heads = [(name, text) for precedence, name, text in groups[group] if precedence == newest]
        pushed = [date for name, _ in heads if (date := dates.get(name)) is not None]
        for precedence, name, text in groups[group]:
            date = dates.get(name)
            later = date is not None and any(date > one for one in pushed)
            if (name, text) in heads or (precedence[0] == newest[0] and later):
                kept.append((name, text))
    return kept


def _label(label: str) -> tuple[Any, ...]:
    """A number before a word; in a word, runs of digits by their value and before other characters."""
    if label.isdigit():
        return (0, int(label))
    runs = re.findall(r"\d+|\D+", label)
    return (1, [(0, int(one), "") if one.isdigit() else (1, 0, one) for one in runs])
