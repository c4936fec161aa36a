"""Circles of copy rules: an image that rules would copy from registry to registry until it came back.

Each turn would give it a longer name, or write over what it came from. Judged by the patterns alone, so in doubt it
is a circle: two patterns are held apart only by what stands in them before the first star, and by `exclude`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from registry_core.copy_rule import CopyRule
from registry_core.errors import Refused
from registry_core.globs import compile_globs

_MOST_STEPS = 8


@dataclass(frozen=True, slots=True)
class Circle:
    """Rules by which an image comes back to the registry that it started from, in their order."""

    rules: tuple[CopyRule, ...]

    def __str__(self) -> str:
        names = " → ".join(rule.source for rule in self.rules)
        return f"{names} → {self.rules[0].source} ({', '.join(rule.name for rule in self.rules)})"


@dataclass(frozen=True, slots=True)
class _Names:
    """A set of repository names: those that begin with `start`, or, where it is `whole`, that one alone."""

    start: str
    whole: bool


def circles(rules: Sequence[CopyRule]) -> Iterator[Circle]:
    """Each circle once, beginning with the rule of it that comes first."""
    for first, rule in enumerate(rules):
        for names in _scope(rule):
            if (found := _back_to(rule, rules, first, [rule], _moved(rule, names))) is not None:
                yield found
                break


def _back_to(
    start: CopyRule, rules: Sequence[CopyRule], first: int, path: list[CopyRule], arriving: Sequence[_Names]
) -> Circle | None:
    here = path[-1].destination
    if here == start.source:
        return Circle(tuple(path)) if any(_reaches(names, start) for names in arriving) else None
    if len(path) >= _MOST_STEPS:
        return None
    for rule in rules[first + 1 :]:
        if rule.source != here or rule in path:
            continue
        onward = [moved for names in arriving for part in _common(names, rule) for moved in _moved(rule, part)]
        if onward and (found := _back_to(start, rules, first, [*path, rule], onward)) is not None:
            return found
    return None


def _reaches(names: _Names, rule: CopyRule) -> bool:
    return bool(_common(names, rule))


def _scope(rule: CopyRule) -> list[_Names]:
    return [_of_glob(glob) for glob in rule.selection.repositories]


def _of_glob(glob: str) -> _Names:
    at = min((place for star in "*?" if (place := glob.find(star)) >= 0), default=-1)
    return _Names(glob, True) if at < 0 else _Names(glob[:at], False)


def _common(names: _Names, rule: CopyRule) -> list[_Names]:
    """What of `names` a rule takes."""
    found = []
    for other in _scope(rule):
        both = _both(names, other)
        if both is not None and not _excluded(both, rule):
            found.append(both)
    return found


def _both(one: _Names, other: _Names) -> _Names | None:
    longer, shorter = (one, other) if len(one.start) >= len(other.start) else (other, one)
    if shorter.whole:
        return shorter if longer == shorter or (longer.start == shorter.start) else None
    return longer if longer.start.startswith(shorter.start) else None


def _excluded(names: _Names, rule: CopyRule) -> bool:
    """Whether `exclude` takes away all of `names`."""
    for glob in rule.selection.exclude:
        if names.whole:
            if compile_globs([glob]).matches(names.start):
                return True
        elif glob == "**" or (glob.endswith("/**") and _is_plain(glob[:-2]) and names.start.startswith(glob[:-2])):
            return True
    return False


def _is_plain(text: str) -> bool:
    return "*" not in text and "?" not in text


def _moved(rule: CopyRule, names: _Names) -> list[_Names]:
    """What `names` are called at the destination; where several rules of the rewriting may fit, all that they make."""
    if names.whole:
        try:
            return [_Names(rule.rewriting.rewrite(names.start), True)]
        except Refused:  # it cannot be copied at all
            return []
    moved = [_Names(target, True) for source, target in rule.rewriting.names.items() if source.startswith(names.start)]
    certain = False
    for source, target in sorted(rule.rewriting.prefixes.items(), key=lambda pair: -len(pair[0])):
        before, after = (f"{source}/" if source else ""), (f"{target}/" if target else "")
        if names.start.startswith(before):
            moved.append(_Names(after + names.start[len(before) :], False))
            certain = True  # every one of them has this prefix, or a longer one that was looked at
            break
        if before.startswith(names.start):
            moved.append(_Names(after, False))
    return moved if certain else [*moved, names]
