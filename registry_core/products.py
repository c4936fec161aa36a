"""Products: what a team builds, under one name, however many registries hold it.

`ghcr.io/acme/health/web` and `harbor.example.com/health/web` are one product when the site's file says so. A rule
names a place (`ghcr.io/acme/`, a folder; or `quay.io/acme/old-web`, one repository) and what stands for it in the
name of the product. The longest place that fits decides.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from registry_core.globs import Matcher, compile_globs


@dataclass(frozen=True)
class Choice:
    """Which products are looked at: one of the prefixes, and one of the allowed globs, and none of the blocked."""

    prefixes: tuple[str, ...] = ()
    allow: tuple[str, ...] = ("**",)
    block: tuple[str, ...] = ()
    _allow: Matcher = field(init=False, repr=False, compare=False)
    _block: Matcher = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Raises ValueError for a text that is no glob."""
        object.__setattr__(self, "_allow", compile_globs(self.allow))
        object.__setattr__(self, "_block", compile_globs(self.block))

    def chooses(self, product: str) -> bool:
        return (
            (not self.prefixes or product.startswith(self.prefixes))
            and self._allow.matches(product)
            and not self._block.matches(product)
        )


@dataclass(frozen=True)
class ProductNames:
    """The product of each repository.

    `hosts` are the names of each configured registry, by its own. Without a rule a repository goes by its plain
    name where one registry is configured, else with the name of its registry before it; one of a registry that
    is not configured, with its host.
    """

    hosts: Mapping[str, tuple[str, ...]]
    rules: Mapping[str, str] = field(default_factory=dict)
    choice: Choice = Choice()

    def registry_of(self, host: str) -> str | None:
        """Name of the configured registry that workloads know as `host`."""
        return self._registry_of.get(host.lower())

    def product_of(self, host: str, repository: str) -> str:
        registry = self.registry_of(host)
        known = {host.lower(), *([registry, *(one.lower() for one in self.hosts[registry])] if registry else [])}
        for place, product in self._longest_first:
            where, _, path = place.partition("/")
            if where.lower() not in known and where not in known:
                continue
            if repository == path or ((path.endswith("/") or not path) and repository.startswith(path)):
                return product + repository[len(path) :] if path != repository else product
        if registry is None:
            return f"{host}/{repository}"
        return repository if len(self.hosts) == 1 else f"{registry}/{repository}"

    def products_of(self, hosts: pd.Series[str], repositories: pd.Series[str]) -> pd.Series[str]:
        """The product of each row; None for one that was not chosen. Each distinct pair is looked at once."""
        pairs = pd.MultiIndex.from_arrays([hosts, repositories])
        codes, distinct = pd.factorize(pairs)
        names = [self.product_of(host, repository) for host, repository in distinct]
        chosen = [name if self.choice.chooses(name) else None for name in names]
        values = np.empty(len(chosen), dtype=object)
        values[:] = chosen
        return pd.Series(values[codes], index=hosts.index, dtype=object)

    @property
    def _registry_of(self) -> Mapping[str, str]:
        by_host = {name.lower(): name for name in self.hosts}
        return by_host | {host.lower(): name for name, hosts in self.hosts.items() for host in hosts}

    @property
    def _longest_first(self) -> list[tuple[str, str]]:
        return sorted(self.rules.items(), key=lambda rule: -len(rule[0]))
