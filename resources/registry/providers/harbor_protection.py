"""What Harbor's own rules hold in place: immutable tags, and what its retention would keep.

Sources: goharbor/harbor src/pkg/immutable, src/pkg/retention (selectors are doublestar globs over the repository's
name below its project and over the tag). Rules are read once a project.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar
from urllib.parse import quote

from registry_core.errors import RegistryError
from registry_core.globs import Matcher, compile_globs
from resources.registry.providers.api_client import ApiClient
from resources.registry.providers.api_pages import entries_of

_API = "/api/v2.0"
_REMEMBERED_SECONDS = 300.0


@dataclass(frozen=True)
class Selector:
    """One glob of a rule; `excludes` says that it chooses all that it does not match."""

    pattern: str
    excludes: bool

    def __str__(self) -> str:
        return f"all but {self.pattern}" if self.excludes else self.pattern

    @cached_property
    def _globs(self) -> Matcher | None:
        try:
            return compile_globs(_alternatives(self.pattern))
        except ValueError:
            return None

    def chooses(self, text: str) -> bool:
        """Whether the rule speaks of `text`; a pattern that is beyond us protects, rather than not."""
        return self._globs is None or self._globs.matches(text) != self.excludes


@dataclass(frozen=True)
class Rule:
    """One rule in force: of which repositories and tags it speaks."""

    told: str
    repositories: tuple[Selector, ...]
    tags: tuple[Selector, ...]

    def holds(self, name: str, tag: str) -> bool:
        return all(one.chooses(name) for one in self.repositories) and all(one.chooses(tag) for one in self.tags)


@dataclass(frozen=True)
class ProjectRules:
    """The rules of one project."""

    rules: tuple[Rule, ...] = ()

    def protection_of(self, repository: str, tags: tuple[str, ...]) -> tuple[str, ...]:
        """One clause for each rule that speaks of a tag of the image."""
        name = repository.partition("/")[2]
        held: dict[str, list[str]] = {}
        for rule in self.rules:
            for tag in tags:
                if rule.holds(name, tag):
                    held.setdefault(rule.told, []).append(tag)
        return tuple(f"{told}: {', '.join(sorted(set(found)))}" for told, found in held.items())


class HarborRules:
    """Rules of all projects of one Harbor, each read when first asked for."""

    nothing: ClassVar[ProjectRules] = ProjectRules()

    def __init__(self, client: ApiClient) -> None:
        self._client = client
        self._known: dict[str, tuple[float, ProjectRules | RegistryError]] = {}
        self._lock = threading.Lock()

    def of(self, project: str) -> ProjectRules:
        """Raises RegistryError where they cannot be read; a robot of one project often may not.

        A failure is remembered as the rules are: else every repository of the project would try again.
        """
        with self._lock:
            read_at, found = self._known.get(project, (0.0, None))
            if found is None or time.monotonic() - read_at > _REMEMBERED_SECONDS:
                found = self._read(project)
                self._known[project] = (time.monotonic(), found)
        if isinstance(found, RegistryError):
            raise found
        return found

    def _read(self, project: str) -> ProjectRules | RegistryError:
        try:
            return ProjectRules((*self._immutable(project), *self._retained(project)))
        except RegistryError as error:
            return error

    def _immutable(self, project: str) -> Iterator[Rule]:
        wanted = f"read the immutable-tag rules of project {project}"
        headers = {"X-Is-Resource-Name": "true"}
        path = f"{_API}/projects/{quote(project, safe='')}/immutabletagrules"
        answer = self._client.get(path, wanted, headers=headers, params={"page_size": 100})
        for rule in entries_of(self._client, answer, wanted):
            yield from _rule("immutable tag rule", rule)

    def _retained(self, project: str) -> Iterator[Rule]:
        wanted = f"read the retention of project {project}"
        headers = {"X-Is-Resource-Name": "true"}
        answer = self._client.get(f"{_API}/projects/{quote(project, safe='')}", wanted, headers=headers)
        metadata = answer.content.get("metadata") if isinstance(answer.content, dict) else None
        number = metadata.get("retention_id") if isinstance(metadata, dict) else None
        if not isinstance(number, str) or not number.isdecimal():
            return
        policy = self._client.get(f"{_API}/retentions/{number}", wanted, expects=(404,)).content
        for rule in policy.get("rules") or () if isinstance(policy, dict) else ():
            # Only "always" keeps all that it chooses; the others keep the latest of it, which Harbor decides later.
            if isinstance(rule, dict) and rule.get("action") == "retain" and rule.get("template") == "always":
                yield from _rule("retention rule (always)", rule)


def _rule(told: str, rule: dict[str, Any]) -> Iterator[Rule]:
    if rule.get("disabled") is True:
        return
    scope = rule.get("scope_selectors")
    repositories = scope.get("repository") if isinstance(scope, dict) else None
    tags = tuple(_selectors(rule.get("tag_selectors")))
    yield Rule(f"{told} {' and '.join(map(str, tags)) or '**'}", tuple(_selectors(repositories)), tags)


def _selectors(written: object) -> Iterator[Selector]:
    for one in written if isinstance(written, list) else ():
        if isinstance(one, dict) and isinstance(one.get("pattern"), str):
            yield Selector(one["pattern"], str(one.get("decoration", "")) in ("excludes", "repoExcludes"))


def _alternatives(pattern: str) -> Iterator[str]:
    """`{a,b}*` as `a*`, `b*`: doublestar knows braces, our globs do not."""
    start, end = pattern.find("{"), pattern.find("}")
    if not 0 <= start < end:
        yield pattern
        return
    for one in pattern[start + 1 : end].split(","):
        yield from _alternatives(pattern[:start] + one.strip() + pattern[end + 1 :])
