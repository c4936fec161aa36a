"""The rules of a policy as values: which images of which repositories are worth keeping.

The first entry whose `repositories` matches decides; a repository that none matches is kept whole. What a
person writes is read and checked in `policy`; what the rules mean is decided in `retention`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

import numpy as np
import pandas as pd

from registry_core.globs import Matcher, compile_globs
from registry_core.policy_spans import print_span, print_window
from registry_core.versions import VersionPattern

Per = Literal["major", "minor", "patch"]
WhenUnused = Literal["same", "evict"]

#: How far back a use counts where an entry does not say it.
SEEN_WITHIN = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class KeepInUse:
    """Images that a cluster used within `seen_within` before `as_of`, and `rollbacks` steps before each.

    `seen_within` None: it is not written, so `Policy.seen_within` is SEEN_WITHIN.
    """

    seen_within: timedelta | None = None
    rollbacks: int = 0

    def to_json(self) -> dict[str, Any]:
        written: dict[str, Any] = {"rollbacks": self.rollbacks}
        if self.seen_within is not None:
            written["seen_within"] = print_window(self.seen_within)
        return written


@dataclass(frozen=True, slots=True)
class KeepVersions:
    """The newest version of each of the `last` newest majors, minors or patches of tags like `pattern`."""

    pattern: VersionPattern
    last: int
    per: Per = "patch"
    prereleases: bool = False

    def to_json(self) -> dict[str, Any]:
        return {"pattern": self.pattern.pattern, "last": self.last, "per": self.per, "prereleases": self.prereleases}


@dataclass(frozen=True, slots=True)
class Untagged:
    """What becomes of images without a tag of their own: kept for a while, kept for good, or not kept."""

    keep_within: timedelta | None = None
    keep: bool = False

    def to_json(self) -> dict[str, Any]:
        return {"keep": self.keep} if self.keep_within is None else {"keep_within": print_span(self.keep_within)}


@dataclass(frozen=True, slots=True)
class Broken:
    """What becomes of images that could not be put back: they stay, or the other rules decide."""

    evict: bool = False

    def to_json(self) -> dict[str, Any]:
        return {"evict": self.evict}


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """One entry. A rule that is not given is None (or empty) and keeps nothing."""

    repositories: tuple[str, ...]
    protect: bool = False
    keep_tags: tuple[str, ...] = ()
    keep_last: int | None = None
    keep_within: timedelta | None = None
    keep_in_use: KeepInUse | None = None
    keep_versions: KeepVersions | None = None
    untagged: Untagged | None = None  #: None: untagged images are kept
    broken: Broken | None = None  #: None: broken images are kept
    when_unused: WhenUnused = "same"

    @property
    def seen_within(self) -> timedelta:
        """How far back uses count in repositories of this entry; `policy_spans.NOW` and `FOREVER` among them."""
        used = self.keep_in_use
        return SEEN_WITHIN if used is None or used.seen_within is None else used.seen_within

    @property
    def evicts_broken(self) -> bool:
        return self.broken is not None and self.broken.evict

    def to_json(self) -> dict[str, Any]:
        """The entry as a person would write it: only what is given."""
        written: dict[str, Any] = {"repositories": list(self.repositories)}
        if self.protect:
            written["protect"] = True
        if self.keep_tags:
            written["keep_tags"] = list(self.keep_tags)
        if self.keep_last is not None:
            written["keep_last"] = self.keep_last
        if self.keep_within is not None:
            written["keep_within"] = print_span(self.keep_within)
        for name, rule in (
            ("keep_in_use", self.keep_in_use),
            ("keep_versions", self.keep_versions),
            ("untagged", self.untagged),
            ("broken", self.broken),
        ):
            if rule is not None:
                written[name] = rule.to_json()
        if self.when_unused != "same":
            written["when_unused"] = self.when_unused
        return written


@dataclass(frozen=True, slots=True)
class Policies:
    """All entries in their order. Its JSON is part of a plan's basis, and `read_policies` reads it back."""

    entries: tuple[Policy, ...]

    @property
    def longest_window(self) -> timedelta:
        """As far back as any entry looks for uses: how much of the past a decision must be given."""
        return max((entry.seen_within for entry in self.entries if not entry.protect), default=SEEN_WITHIN)

    def entry_of(self, repository: str) -> int | None:
        """Number of the entry that decides over `repository`; None where it is kept whole."""
        for number, matcher in enumerate(self._matchers()):
            if matcher.matches(repository):
                return number
        return None

    def entries_of(self, repositories: Sequence[str]) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
        """`entry_of` for many, -1 for none."""
        names = pd.Series(list(repositories), dtype=object)
        number = np.full(len(names), -1, dtype=np.int16)
        for place in reversed(range(len(self.entries))):
            number[self._matchers()[place].match_series(names).to_numpy()] = place
        return number

    def _matchers(self) -> list[Matcher]:
        return [compile_globs(entry.repositories) for entry in self.entries]

    def to_json(self) -> list[dict[str, Any]]:
        return [entry.to_json() for entry in self.entries]

    def __len__(self) -> int:
        return len(self.entries)
