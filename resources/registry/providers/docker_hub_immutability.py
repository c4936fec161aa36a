"""Immutable tags of Docker Hub: rules of one repository that say which tags are neither moved nor deleted.

Source: docs.docker.com/docker-hub/repos/manage/hub-images/immutable-tags; the Hub API tells them as
`immutable_tags_settings: {enabled, rules}` of a repository. Trap: rules are RE2, which Python's `re` can only follow as
far as they are simple; what is beyond us protects, rather than not.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any

_LONGEST = 200
_MOST_REPEATS = 3  # more of them may take a tag of 128 characters for ever
_REPEATED_GROUP = re.compile(r"\)[*+{]")
_REPEAT = re.compile(r"(?<!\\)[*+]")


@dataclass(frozen=True)
class ImmutableTags:
    """The rules of one repository; without any, nothing is immutable."""

    rules: tuple[str, ...] = ()

    @classmethod
    def read(cls, repository: Any) -> ImmutableTags:
        """From what the Hub API tells of a repository."""
        told = repository.get("immutable_tags_settings") if isinstance(repository, dict) else None
        if not isinstance(told, dict) or told.get("enabled") is not True:
            return cls()
        rules = told.get("rules")
        written = tuple(one for one in rules if isinstance(one, str)) if isinstance(rules, list) else ()
        return cls(written or (".*",))

    def of(self, tag: str) -> tuple[str, ...]:
        """One clause for each rule that holds the tag."""
        return tuple(
            f"immutable tag by the rule {rule}: {tag}"
            for rule, pattern in zip(self.rules, self._patterns, strict=True)
            if pattern is None or pattern.search(tag)
        )

    @cached_property
    def _patterns(self) -> tuple[re.Pattern[str] | None, ...]:
        return tuple(map(_compiled, self.rules))


def _compiled(rule: str) -> re.Pattern[str] | None:
    """None where we cannot say what the rule holds."""
    if len(rule) > _LONGEST or _REPEATED_GROUP.search(rule) or len(_REPEAT.findall(rule)) > _MOST_REPEATS:
        return None
    try:
        return re.compile(rule)
    except (re.error, RecursionError):
        return None
