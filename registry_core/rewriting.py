"""Rewriting: the name that a repository of one registry has in another.

Shared by everything that moves images and by what points workloads at the place they moved to, so that both mean
the same name. A name that no rule touches stays as it is. The trap is two sources with one target: the later copy
would overwrite the earlier one's tags, so `collisions` is asked before anything is planned.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from registry_core.errors import Refused
from registry_core.reference_grammar import LONGEST_REPOSITORY, is_repository


@dataclass(frozen=True, slots=True)
class Collision:
    """Several repositories that would have one name."""

    target: str
    sources: tuple[str, ...]  #: sorted, two or more

    def __str__(self) -> str:
        return f"{', '.join(f'`{source}`' for source in self.sources)} would all be called `{self.target}`"


@dataclass(frozen=True)
class Rewriting:
    """Rules from the names of one registry to those of another.

    `names` are whole repositories and win over prefixes. `prefixes` are leading segments: of those that fit, the
    longest is replaced, once. The empty prefix fits every name: `{"": "mirror"}` makes `mirror/team/app` of
    `team/app`; an empty target takes segments away: `{"team": ""}` makes `app` of it. A prefix is whole segments,
    so `team` fits `team/app` and not `teamwork/app`, nor `team` itself.
    """

    prefixes: Mapping[str, str] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)

    def rewrite(self, repository: str) -> str:
        """The name at the destination. Raises Refused where it would be none that a registry takes."""
        target = self._target(repository)
        if not is_repository(target):
            why = "is longer than 255 characters" if len(target) > LONGEST_REPOSITORY else "is no repository name"
            raise Refused(
                f"cannot rewrite the repository `{repository}`: `{target}` {why}; correct the rewriting, or add the"
                " name to its `map`"
            )
        return target

    def collisions(self, repositories: Iterable[str]) -> tuple[Collision, ...]:
        """Sources that would share one name, by target; a repository given twice is one source."""
        sources: dict[str, set[str]] = {}
        for repository in repositories:
            sources.setdefault(self._target(repository), set()).add(repository)
        return tuple(
            Collision(target, tuple(sorted(given))) for target, given in sorted(sources.items()) if len(given) > 1
        )

    def faults(self) -> Iterator[tuple[tuple[str, str], str]]:
        """What is wrong with the rules whatever the repositories are: the key (`map` or `prefix`, its source), a
        sentence."""
        for kind, rules in (("prefix", self.prefixes), ("map", self.names)):
            for source, target in rules.items():
                for text in (source, target):
                    if not is_repository(text) and not (kind == "prefix" and text == ""):
                        yield (
                            (kind, source),
                            f"`{text}` is no name of a repository; write it in lower case, without host, tag and"
                            " slashes at its ends",
                        )
        for collision in Rewriting(names=self.names).collisions(self.names):
            yield ("map", collision.sources[-1]), f"{collision}; give each a name of its own"

    def to_json(self) -> dict[str, Any]:
        return {"prefix": dict(self.prefixes), "map": dict(self.names)}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Rewriting:
        return cls(prefixes=dict(value["prefix"]), names=dict(value["map"]))

    def _target(self, repository: str) -> str:
        if repository in self.names:
            return self.names[repository]
        for prefix in _leading(repository):
            if prefix in self.prefixes:
                rest = repository[len(prefix) + 1 :] if prefix else repository
                target = self.prefixes[prefix]
                return f"{target}/{rest}" if target else rest
        return repository


def _leading(repository: str) -> Iterator[str]:
    """All leading segments of a name but the whole, longest first, the empty one last."""
    prefix = repository
    while "/" in prefix:
        prefix = prefix.rpartition("/")[0]
        yield prefix
    yield ""
