"""Deployed against available versions: one row a product, over all clusters and registries.

What could not be read is said in `unread` and makes counts into "at least": a catalog that is not whole never says
that there is no newer version.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, get_args

from registry_core.catalog import CatalogFrames
from registry_core.coverage import Gap
from registry_core.globs import Matcher
from registry_core.versions import VersionPattern

BehindKind = Literal["major", "minor", "patch", "revision", "pre-release", "image"]
"""What separates a deployed version from the newest; `image` where there are no versions, only dates."""

LookKind = Literal[
    "gone", "moved", "uncatalogued", "differs", "retagged", "patch", "unversioned", "untagged", "unread",
    "copies differ", "unused",
]  # fmt: skip
"""Why a product deserves a look, the gravest first.

gone           a version is deployed that the registry no longer has
moved          the same tag is a different image in two clusters
uncatalogued   deployed, and not in the catalog
differs        the environments that should run the same do not
retagged       the registry's tag names another image than the one that runs under it
patch          a newer patch of the same minor version is there
unversioned    a tag that is not a version
untagged       an image is deployed by a digest that no tag names
unread         something could not be read, so not all is known
copies differ  two registries of the product have different images under one tag
unused         in the catalog, and deployed nowhere
"""

LOOK_KINDS: tuple[LookKind, ...] = get_args(LookKind)


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person wants to know. `patterns` are tried in their order; `compare` are environments."""

    patterns: tuple[VersionPattern, ...] = (VersionPattern("{semver}"), VersionPattern("v{semver}"))
    newest: int = 5
    prereleases: bool = False
    compare: tuple[str, ...] = ("staging", "production")


@dataclass(frozen=True)
class CatalogSeen:
    """What is known of one configured registry; `frames` is None where it was never crawled."""

    registry: str
    hosts: tuple[str, ...]
    as_of: datetime | None
    frames: CatalogFrames | None = field(default=None, repr=False)
    unread: Mapping[str, Gap] = field(default_factory=dict, repr=False)  #: by repository; `*`: the list of them
    include: Matcher | None = None
    exclude: Matcher | None = None
    #: Repositories that the newest crawl asked about and read whole. Of no other does absence say anything: it was left
    #: out, or nobody asked.
    answered: frozenset[str] = field(default=frozenset(), repr=False)


@dataclass(frozen=True, slots=True)
class Available:
    """One of the newest versions that a registry offers."""

    tag: str
    digest: str | None
    at: datetime | None  #: pushed, first seen or created, whichever is known first


@dataclass(frozen=True, slots=True)
class Deployed:
    """One version that one place runs or wants to run.

    `place` is a cluster, with the environment where that is not the cluster's own. `version` is what to call it:
    the tag, else the best tag of its digest, else the start of the digest. `known_as` is the version that a tag
    without one stands for (`latest` is 1.4.2). `behind` is None where nobody can tell.
    """

    place: str
    cluster: str
    environment: str
    registry: str  #: configured name, else the host
    repository: str
    tag: str | None
    version: str
    known_as: str | None
    digest: str | None
    digest_from: Literal["running", "written", "catalog", "nowhere"]
    pods: int
    workloads: tuple[str, ...]
    since: datetime | None
    behind: int | None
    at_least: bool
    kind: BehindKind | None


@dataclass(frozen=True, slots=True)
class Look:
    """One thing that deserves a look, in words."""

    kind: LookKind
    text: str


@dataclass(frozen=True, slots=True)
class Product:
    """Everything about one product. `by` says how newest was decided."""

    name: str
    registries: tuple[str, ...]
    by: Literal["version", "time"]
    newest: tuple[Available, ...]
    deployed: tuple[Deployed, ...]
    unread: tuple[str, ...]
    looks: tuple[Look, ...] = ()

    @property
    def behind(self) -> int | None:
        """Versions behind of the place that is furthest behind; None where nobody can tell, or nothing runs."""
        return max((one.behind for one in self.deployed if one.behind is not None), default=None)

    @property
    def drifts(self) -> bool:
        """Whether anything deployed differs, is behind, or is not what it is called."""
        return bool(self.behind) or any(
            look.kind in ("gone", "moved", "differs", "retagged", "patch") for look in self.looks
        )

    def at(self, place: str) -> tuple[Deployed, ...]:
        return tuple(one for one in self.deployed if one.place == place)

    def has(self, kind: LookKind) -> bool:
        return any(look.kind == kind for look in self.looks)


@dataclass(frozen=True)
class VersionsReport:
    """All products, those that deserve a look first. `unread` are gaps of the evidence as a whole."""

    as_of: datetime | None  #: of the oldest evidence
    places: tuple[str, ...]
    products: tuple[Product, ...] = field(repr=False)
    unread: tuple[str, ...] = ()

    def count(self, kind: LookKind) -> int:
        """Products with such a look."""
        return sum(product.has(kind) for product in self.products)

    @property
    def behind(self) -> int:
        """Products of which some place is behind."""
        return sum(bool(product.behind) for product in self.products)
