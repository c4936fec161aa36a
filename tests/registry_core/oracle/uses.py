"""Who uses what, by docs/policy.md, in plain loops and without the product's code."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import timedelta
from typing import Any, NamedTuple

from tests.registry_core.oracle.world import Name, PastUse, World

DEFAULT_WINDOW = "30d"
_SPAN = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


def span(written: str) -> timedelta:
    return timedelta(seconds=int(written[:-1]) * _SPAN[written[-1]])


class Written(NamedTuple):
    """A reference as every runtime reads it."""

    host: str
    repository: str
    tag: str | None
    digest: str | None


def read_reference(text: str) -> Written:
    rest, _, digest = text.partition("@")
    first, slash, path = rest.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost" or first != first.lower()):
        host = first
    else:
        host, path = "docker.io", rest
    name, colon, tag = path.rpartition(":")
    repository = name if colon else path
    if identity(host) == "docker.io" and "/" not in repository:
        repository = f"library/{repository}"
    return Written(host, repository, (tag if colon else None) or (None if digest else "latest"), digest or None)


def identity(host: str) -> str:
    """One registry, one identity: capitals and the default port of https make no difference."""
    plain = host.lower().removesuffix(":443")
    return "docker.io" if plain in ("index.docker.io", "registry-1.docker.io") else plain


def repositories_here(world: World, written: Written) -> set[str]:
    """The repositories of this registry that a written name means, as it is and as each original that it hides."""
    ours = {identity(host) for host in world.hosts}
    found: set[str] = set()
    host, repository = identity(written.host), written.repository
    seen: set[tuple[str, str]] = set()
    while (host, repository) not in seen:
        seen.add((host, repository))
        if host in ours:
            found.add(repository)
        whole = f"{host}/{repository}"
        fitting = [(prefix, of) for prefix, of in world.also_known_as if whole.startswith(f"{_with_identity(prefix)}/")]
        if fitting:
            prefix, of = max(fitting, key=lambda one: len(_with_identity(one[0])))
            host, repository = identity(of), whole[len(_with_identity(prefix)) + 1 :]
            if host == "docker.io" and "/" not in repository:
                repository = f"library/{repository}"
    return found


def _with_identity(prefix: str) -> str:
    host, slash, path = prefix.partition("/")
    return f"{identity(host)}{slash}{path}"


class Usage(NamedTuple):
    """`images`: what counts as used by a workload itself. `repositories`: used, or asked for in vain.

    `names`: for each image in use, what its users wrote, as (repository, tag); None for one that names no tag."""

    images: set[Name]
    repositories: set[str]
    names: dict[Name, set[tuple[str, str] | None]]


def usage(world: World, entries: dict[str, dict[str, Any] | None]) -> Usage:
    """`entries`: the entry that decides on each repository."""
    found = Usage(set(), set(), {})
    stored = {image.name: image for image in world.images if image.fault != "missing"}
    tags = {(tag.repository, tag.text): tag.digest for tag in world.tags}

    def use(name: Name, written: Written, homes: set[str]) -> None:
        found.images.add(name)
        found.repositories.add(name[0])
        here = homes if name[0] not in homes else {name[0]}
        named = {(home, written.tag) for home in here or {written.repository}} if written.tag is not None else {None}
        found.names.setdefault(name, set()).update(named)

    for one in world.uses:
        written = read_reference(one.written)
        homes = repositories_here(world, written)
        found.repositories.update(homes)
        wanted = {one.running, written.digest}
        if written.digest is None:
            wanted |= {tags.get((home, written.tag or "")) for home in homes}
        for name, image in stored.items():
            if image.digest in wanted - {None} or (one.running is not None and image.config == one.running):
                use(name, written, homes)

    for past in world.past:
        written = read_reference(past.written)
        for name in stored:
            if name[1] == past.digest and counts(past, world, entries[name[0]]):
                use(name, written, {past.repository})
    return found


def counts(past: PastUse, world: World, entry: dict[str, Any] | None) -> bool:
    """Whether a recorded use is one, by the entry of the repository in which the image lies, alone."""
    if past.seen is None or (past.cluster in world.inventories and past.seen >= world.inventories[past.cluster]):
        return True
    window = ((entry or {}).get("keep_in_use") or {}).get("seen_within", DEFAULT_WINDOW)
    if window in ("now", "forever"):
        return bool(window == "forever")
    return past.seen >= world.as_of - span(window)


def matches(pattern: str, text: str) -> bool:
    """Globs of a policy: `*` within a segment, `?` one character, `**` across; `**/` may be no segment at all."""
    return _glob(pattern).fullmatch(text) is not None


def _glob(pattern: str) -> re.Pattern[str]:
    source, place = "", 0
    while place < len(pattern):
        at_start = place == 0 or pattern[place - 1] == "/"
        if at_start and pattern.startswith("**/", place):
            source, place = source + "(.*/)?", place + 3
        elif pattern.startswith("**", place):
            source, place = source + ".*", place + 2
        else:
            source += {"*": "[^/]*", "?": "[^/]"}.get(pattern[place]) or re.escape(pattern[place])
            place += 1
    return re.compile(source)


def first_match(policies: Iterable[dict[str, Any]], repository: str) -> dict[str, Any] | None:
    """The entry that decides, alone."""
    for entry in policies:
        if any(matches(pattern, repository) for pattern in entry["repositories"]):
            return entry
    return None
