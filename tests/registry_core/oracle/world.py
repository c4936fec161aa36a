"""A registry, the clusters that use it and its policies, as plain values: what the oracle is asked about."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

Name = tuple[str, str]
"""An image of a repository: (repository, digest)."""


@dataclass(frozen=True)
class Image:
    """One manifest of one repository. `fault` None: read. `manifest_read` False: what it lists is not known."""

    repository: str
    digest: str
    pushed: datetime | None = None
    first_seen: datetime | None = None
    created: datetime | None = None
    children: tuple[str, ...] = ()  #: digests that it lists
    subject: str | None = None  #: digest that it refers to
    config: str | None = None  #: digest of its config
    fault: str | None = None
    manifest_read: bool = True
    protection: str | None = None  #: why the vendor holds it
    protection_unknown: bool = False  #: the vendor did not answer what it holds

    @property
    def name(self) -> Name:
        return self.repository, self.digest


@dataclass(frozen=True)
class Tag:
    """`digest` None with a fault other than `missing`: what it points to is not known."""

    repository: str
    text: str
    digest: str | None
    fault: str | None = None


@dataclass(frozen=True)
class Use:
    """A workload of the newest inventory of its cluster: what it wrote, and the digest that its runtime reports."""

    cluster: str
    written: str
    running: str | None = None


@dataclass(frozen=True)
class PastUse:
    """A recorded use that was last seen at `seen`; None where that is not known."""

    cluster: str
    repository: str
    digest: str
    written: str
    seen: datetime | None


@dataclass(frozen=True)
class World:
    """`policies` are as in YAML. `gaps` are repositories that the catalog could not read whole."""

    images: tuple[Image, ...]
    tags: tuple[Tag, ...]
    uses: tuple[Use, ...]
    past: tuple[PastUse, ...]
    policies: tuple[dict[str, Any], ...]
    hosts: tuple[str, ...]
    catalog_at: datetime
    inventories: dict[str, datetime] = field(default_factory=dict)
    history_began: datetime | None = None
    gaps: tuple[str, ...] = ()
    also_known_as: tuple[tuple[str, str], ...] = ()  #: (prefix, host that it stands for)

    @property
    def as_of(self) -> datetime:
        """The time of the evidence is that of its oldest snapshot."""
        return min([self.catalog_at, *self.inventories.values()])
