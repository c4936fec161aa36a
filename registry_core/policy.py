"""Read policies as a person wrote them, and tell everything that is wrong with them at once.

What would silently keep nothing is a mistake here: an entry without a keep rule, a rule that can never match,
a key that nobody knows.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import cast

from registry_core.errors import ConfigError, Problem
from registry_core.globs import compile_globs
from registry_core.policy_keys import Keys, kind_of
from registry_core.policy_rules import Broken, KeepInUse, KeepVersions, Per, Policies, Policy, Untagged, WhenUnused
from registry_core.versions import VersionPattern

__all__ = ["KEEP_RULES", "Policies", "Policy", "read_policies"]

KEEP_RULES = ("keep_tags", "keep_last", "keep_within", "keep_in_use", "keep_versions")
_KEYS = ("repositories", "protect", *KEEP_RULES, "untagged", "broken", "when_unused")


def read_policies(value: object, *, place: str = "policies") -> Policies:
    """Read the list under `policies`.

    `place` is how the list is named in problems (`site.yaml policies`). Raises ConfigError with all problems,
    each at its entry and key (`policies[2].keep_last`).
    """
    if not isinstance(value, (list, tuple)):
        raise ConfigError(Problem(place, f"write a list of entries, not {kind_of(value)}"), subject=place)
    if not value:
        empty = "there is no entry, so nothing says what to keep: write at least one, with `repositories` and a rule"
        raise ConfigError(Problem(place, empty), subject=place)
    problems: list[Problem] = []
    entries = [_read_entry(entry, f"{place}[{number}]", problems) for number, entry in enumerate(value)]
    _refuse_shadowed(entries, place, problems)
    if problems:
        raise ConfigError(problems, subject=place)
    return Policies(tuple(entry for entry in entries if entry is not None))


def _read_entry(written: object, place: str, problems: list[Problem]) -> Policy | None:
    if not isinstance(written, Mapping):
        problems.append(Problem(place, f"write a mapping with `repositories` and rules, not {kind_of(written)}"))
        return None
    keys = Keys(written, known=_KEYS, place=place, problems=problems)
    entry = Policy(
        repositories=_repositories(keys),
        protect=bool(keys.flag("protect")),
        keep_tags=_keep_tags(keys),
        keep_last=keys.count("keep_last", least=1, why="keeps nothing"),
        keep_within=keys.span("keep_within"),
        keep_in_use=_keep_in_use(keys),
        keep_versions=_keep_versions(keys),
        untagged=_untagged(keys),
        broken=_broken(keys),
        when_unused=cast(WhenUnused, keys.choice("when_unused", ("same", "evict")) or "same"),
    )
    given = [key for key in _KEYS[2:] if key in keys]
    if entry.protect and given:
        keys.refuse("protect", f"a protected repository is kept whole, so {_listed(given)} can never matter: leave out")
    if not entry.protect and not any(rule in keys for rule in KEEP_RULES):
        keys.refuse(
            "", f"no keep rule, so every tagged image would go: add one of {', '.join(KEEP_RULES)}, or `protect: true`"
        )
    return entry


def _repositories(keys: Keys) -> tuple[str, ...]:
    if not keys.require("repositories", '["**"]'):
        return ()
    patterns = keys.texts("repositories", '["team/**"]')
    good = []
    for number, pattern in enumerate(patterns):
        wrong = _why_no_glob(pattern)
        if wrong is None and pattern != pattern.lower():
            wrong = f"{pattern!r} can never match: names of repositories have no capital letters"
        if wrong is None and (pattern.startswith("/") or pattern.endswith("/") or "//" in pattern):
            wrong = f"{pattern!r} can never match: a name neither begins nor ends with `/`, and has no `//`"
        if wrong:
            keys.refuse(f"repositories[{number}]", wrong)
        else:
            good.append(pattern)
    return tuple(good)


def _keep_tags(keys: Keys) -> tuple[str, ...]:
    patterns = keys.texts("keep_tags", '["v*"]')
    for number, pattern in enumerate(patterns):
        wrong = _why_no_glob(pattern)
        if wrong is None and "/" in pattern:
            wrong = f"{pattern!r} can never match: a tag has no `/`"
        if wrong is None and pattern[0] in ".-":
            wrong = f"{pattern!r} can never match: a tag does not begin with `.` or `-`"
        if wrong is None and len(pattern.replace("*", "")) > 128:
            wrong = "can never match: a tag has at most 128 characters"
        if wrong:
            keys.refuse(f"keep_tags[{number}]", wrong)
    return patterns


def _why_no_glob(pattern: str) -> str | None:
    try:
        compile_globs([pattern])
    except ValueError as error:
        return str(error)
    return None


def _keep_in_use(keys: Keys) -> KeepInUse | None:
    inner = keys.mapping("keep_in_use", known=("seen_within", "rollbacks"), example="{seen_within: 31d, rollbacks: 2}")
    if inner is None:
        return None
    rollbacks = inner.count("rollbacks", least=0, why="is no number of images")
    return KeepInUse(seen_within=inner.window("seen_within"), rollbacks=rollbacks or 0)


def _keep_versions(keys: Keys) -> KeepVersions | None:
    inner = keys.mapping(
        "keep_versions", known=("pattern", "last", "per", "prereleases"), example='{pattern: "v{semver}", last: 3}'
    )
    if inner is None:
        return None
    pattern = inner.text("pattern", "v{semver}") if inner.require("pattern", '"v{semver}"') else None
    last = inner.count("last", least=1, why="keeps nothing") if inner.require("last", "3") else None
    per = cast(Per, inner.choice("per", ("major", "minor", "patch")) or "patch")
    prereleases = bool(inner.flag("prereleases"))
    if pattern is None or last is None:
        return None
    try:
        return KeepVersions(VersionPattern(pattern), last=last, per=per, prereleases=prereleases)
    except ValueError as error:
        inner.refuse("pattern", str(error))
        return None


def _untagged(keys: Keys) -> Untagged | None:
    inner = keys.mapping("untagged", known=("keep_within", "keep"), example="{keep_within: 7d}")
    if inner is None:
        return None
    within, keep = inner.span("keep_within"), inner.flag("keep")
    if ("keep_within" in inner) == ("keep" in inner):
        inner.refuse("", "write one of `keep_within: 7d`, `keep: true` (all stay) and `keep: false` (none has to)")
    return Untagged(keep_within=within, keep=bool(keep))


def _broken(keys: Keys) -> Broken | None:
    inner = keys.mapping("broken", known=("evict",), example="{evict: true}")
    if inner is None:
        return None
    evict = inner.flag("evict") if inner.require("evict", "true") else None
    return Broken(evict=bool(evict))


def _refuse_shadowed(entries: list[Policy | None], place: str, problems: list[Problem]) -> None:
    """Tell patterns that an entry before them has taken whole: the rules behind them can never match."""
    for number, entry in enumerate(entries):
        if entry is None:
            continue
        for item, pattern in enumerate(entry.repositories):
            for earlier, before in enumerate(entries[:number]):
                by = next((wide for wide in before.repositories if _covers(wide, pattern)), None) if before else None
                if by is not None:
                    where = f"{place}[{number}].repositories[{item}]"
                    told = f"{pattern!r} can never match: {place}[{earlier}] takes it first with {by!r}; move it before"
                    problems.append(Problem(where, told))
                    break


def _covers(wide: str, narrow: str) -> bool:
    """Whether every name that `narrow` matches is one that `wide` matches. False where we cannot tell."""
    if wide == narrow or wide == "**":
        return True
    if wide.endswith("/**") and not re.search(r"[*?]", wide[:-3]):
        return narrow.startswith(wide[:-2]) and narrow != wide[:-2]
    literal = not re.search(r"[*?]", narrow)
    return literal and compile_globs([wide]).matches(narrow)


def _listed(keys: list[str]) -> str:
    return ", ".join(f"`{key}`" for key in keys)
