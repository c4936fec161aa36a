"""The directory of registries: which configured registry, and which repository there, a written reference means.

Admission webhooks and proxy caches write other names for an image (`localhost:7439/registry.example.com/app` for
`registry.example.com/app`). Such a reference has several homes: the one that is written, and each original that
`also_known_as` leads to. All of them count for keeping. A report that lists a use once takes the `original`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from registry_core.references import DOCKER_HUB
from registry_core.registry_identity import host_identity

_OFFICIAL = "library/"


@dataclass(frozen=True, slots=True)
class RewrittenPrefix:
    """Names that begin with `prefix` (a host, and whole path segments) mean the rest of the name at the host `of`."""

    prefix: str
    of: str


class Home(NamedTuple):
    """Where an image is: `registry` is the configured name of `host`, None where none is configured."""

    registry: str | None
    host: str  #: its identity
    repository: str


@dataclass(frozen=True)
class RegistryDirectory:
    """The registries of a site. `hosts` are the names by which references mean each, by its configured name.

    A host that two registries claim is the first one's. `rewritten` are the names that others write for them.
    """

    hosts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    rewritten: tuple[RewrittenPrefix, ...] = ()
    _registry_of: Mapping[str, str] = field(init=False, repr=False, compare=False)
    _original_of: Mapping[str, str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        by_host: dict[str, str] = {}
        for registry, hosts in self.hosts.items():
            for host in hosts:
                by_host.setdefault(host_identity(host), registry)
        originals: dict[str, str] = {}
        for one in self.rewritten:
            host, _, path = one.prefix.partition("/")
            originals.setdefault(_joined(host_identity(host), path), one.of)
        object.__setattr__(self, "_registry_of", by_host)
        object.__setattr__(self, "_original_of", originals)

    def registry_of(self, host: str) -> str | None:
        """Name of the configured registry that references mean by `host`."""
        return self._registry_of.get(host_identity(host))

    def homes(self, host: str, repository: str) -> tuple[Home, ...]:
        """Every home of a written name: as it is written first, the last original last.

        Of several prefixes that fit, the longest decides. An original may be rewritten itself; a circle ends where it
        closes.
        """
        found = [self._home(*_as_runtimes_read(host, repository))]
        while (onward := self._next(found[-1])) is not None and onward not in found:
            found.append(onward)
        return tuple(found)

    def original(self, host: str, repository: str) -> Home:
        """The one home that a report shows: the last that is at a configured registry, else the last."""
        found = self.homes(host, repository)
        return next((home for home in reversed(found) if home.registry is not None), found[-1])

    def names_of(self, registry: str) -> RegistryNames:
        """The names of one configured registry."""
        return RegistryNames(self, registry)

    def names_at(self, host: str) -> RegistryNames:
        """The names of the registry at a host, also where none is configured."""
        known = self.registry_of(host)
        if known is not None:
            return self.names_of(known)
        return RegistryNames(RegistryDirectory({**self.hosts, host: (host,)}, self.rewritten), host)

    def _home(self, identity: str, repository: str) -> Home:
        return Home(self._registry_of.get(identity), identity, repository)

    def _next(self, home: Home) -> Home | None:
        segments = home.repository.split("/")
        for length in range(len(segments) - 1, -1, -1):
            of = self._original_of.get(_joined(home.host, "/".join(segments[:length])))
            if of is not None:
                return self._home(*_as_runtimes_read(of, "/".join(segments[length:])))
        return None


@dataclass(frozen=True)
class RegistryNames:
    """The names of one registry, in the directory of its site."""

    directory: RegistryDirectory
    registry: str

    @classmethod
    def of_hosts(cls, registry: str, *hosts: str) -> RegistryNames:
        """Of a registry that is alone in the world, under these hosts."""
        return cls(RegistryDirectory({registry: hosts}), registry)

    def repositories(self, host: str, repository: str) -> tuple[str, ...]:
        """The repositories of this registry that a written name means; most names mean one, or none."""
        homes = self.directory.homes(host, repository)
        return tuple(dict.fromkeys(home.repository for home in homes if home.registry == self.registry))

    def owns_host(self, host: str) -> bool:
        """Whether references mean this registry by `host`, whatever follows it."""
        return self.directory.registry_of(host) == self.registry


def _joined(host: str, path: str) -> str:
    return f"{host}/{path}" if path else host


def _as_runtimes_read(host: str, repository: str) -> tuple[str, str]:
    """Identity of the host, and the repository with what Docker Hub leaves out (`redis` is `library/redis`).

    A host with an underscore is none in the grammar of references, so the reference has it in its repository.
    """
    if not host:
        host, _, repository = repository.partition("/")
    identity = host_identity(host)
    if identity == DOCKER_HUB and repository and "/" not in repository:
        repository = _OFFICIAL + repository
    return identity, repository
