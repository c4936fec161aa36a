"""Products: what a team builds, under one name, however many registries hold it.

`ghcr.io/acme/health/web` and `harbor.example.com/health/web` are one product when the site's file says so. A rule
names a place (`ghcr.io/acme/`, a folder; or `quay.io/acme/old-web`, one repository) and what stands for it in the
name of the product. The longest place that fits decides.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd

from registry_core.globs import Matcher, compile_globs
from registry_core.registry_directory import RegistryDirectory
from registry_core.registry_identity import same_host


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

    `directory` has the configured registries. Without a rule a repository goes by its plain name where one registry is
    configured, else with the name of its registry before it; one of a registry that is not configured, with its host.
    """

    directory: RegistryDirectory
    rules: Mapping[str, str] = field(default_factory=dict)
    choice: Choice = Choice()

    def product_of(self, host: str, repository: str) -> str:
        registry = self.directory.registry_of(host)
        for place, product in self._longest_first:
            where, _, path = place.partition("/")
            if not self._is_at(where, host, registry):
                continue
            if repository == path or ((path.endswith("/") or not path) and repository.startswith(path)):
                return product + repository[len(path) :] if path != repository else product
        if registry is None:
            return f"{host}/{repository}"
        return repository if len(self.directory.hosts) == 1 else f"{registry}/{repository}"

    def products_of(self, hosts: pd.Series[str], repositories: pd.Series[str]) -> pd.Series[str]:
        """The product of each row; None for one that was not chosen. Each distinct pair is looked at once."""
        pairs = pd.MultiIndex.from_arrays([hosts, repositories])
        codes, distinct = pd.factorize(pairs)
        names = [self.product_of(host, repository) for host, repository in distinct]
        chosen = [name if self.choice.chooses(name) else None for name in names]
        values = np.empty(len(chosen), dtype=object)
        values[:] = chosen
        return pd.Series(values[codes], index=hosts.index, dtype=object)

    def _is_at(self, where: str, host: str, registry: str | None) -> bool:
        """Whether a rule that names the place `where`, a host or a registry by its name, is about a host."""
        if registry is None:
            return same_host(where, host)
        return where.lower() == registry.lower() or self.directory.registry_of(where) == registry

    @cached_property
    def _longest_first(self) -> list[tuple[str, str]]:
        return sorted(self.rules.items(), key=lambda rule: -len(rule[0]))
