"""Single copies: which images in use exist in only one registry, or only in one that is not ours.

If a registry is lost, these are what cannot be started again. Law 1 decides the doubtful: an image that was found in
one registry is called single only where every other catalog is whole; else a copy may well be there, and it is
`unknown`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, get_args

import pandas as pd

from registry_core.copies_held import Held, find_held
from registry_core.deployed_versions import CatalogSeen
from registry_core.deployed_versions_report import Clusters
from registry_core.deployed_versions_resolve import resolve_uses
from registry_core.deployed_versions_shelf import Shelf
from registry_core.deployed_versions_uses import deployed_uses
from registry_core.plain_rows import plain_rows
from registry_core.products import ProductNames
from registry_core.registry_directory import RegistryDirectory

Verdict = Literal["nowhere", "outside", "single", "unknown", "copied"]
"""What is known of the copies of an image in use, the gravest first.

nowhere   no registry has it (or has it whole), and every one was read: what runs, runs from the nodes' own caches
outside   only registries have it that are not ours
single    one registry of ours has it, and no other
unknown   it could not be found out; `why` says what was not read
copied    two registries or more have it, one of them ours
"""

VERDICTS: tuple[Verdict, ...] = get_args(Verdict)


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict in words. `registries` hold the image whole; `outside` is the host that it is pulled from and that
    no registry of the site is."""

    verdict: Verdict
    why: str
    registries: tuple[str, ...] = ()
    outside: str | None = None
    parts: tuple[str, ...] = ()  #: registries that hold a part of it, with the platforms


@dataclass(frozen=True, slots=True)
class UsedImage:
    """One image as it is used: a written name and the digest behind it, with everyone who uses it.

    `digest` is None where nobody can tell it. `workloads` are written `cluster: namespace/name`.
    """

    image: str
    digest: str | None
    judgement: Judgement
    clusters: tuple[str, ...]
    environments: tuple[str, ...]
    workloads: tuple[str, ...]
    pods: int
    severe: bool  #: used where findings are errors

    @property
    def verdict(self) -> Verdict:
        return self.judgement.verdict

    @property
    def is_single_point(self) -> bool:
        """Whether the loss of one registry, or one that already happened, would keep it from starting."""
        return self.verdict in ("nowhere", "outside", "single")


@dataclass(frozen=True)
class CopiesReport:
    """All images in use, the worst first. `unread` are gaps of the evidence as a whole."""

    as_of: datetime | None  #: of the oldest evidence
    images: tuple[UsedImage, ...] = field(repr=False)
    unread: tuple[str, ...] = ()

    def count(self, *verdicts: Verdict) -> int:
        return sum(image.verdict in verdicts for image in self.images)

    @property
    def at_risk(self) -> tuple[UsedImage, ...]:
        """All that is not known to have a copy, the worst first."""
        return tuple(image for image in self.images if image.verdict != "copied")

    @property
    def clusters(self) -> tuple[str, ...]:
        return tuple(sorted({cluster for image in self.images for cluster in image.clusters}))

    def of_clusters(self, wanted: Collection[str]) -> CopiesReport:
        """What these clusters use; of nothing named, all."""
        if not wanted:
            return self
        kept = tuple(image for image in self.images if set(wanted) & set(image.clusters))
        return CopiesReport(self.as_of, kept, self.unread)


def find_single_copies(
    clusters: Clusters,
    catalogs: Sequence[CatalogSeen],
    *,
    ours: Collection[str],
    directory: RegistryDirectory | None = None,
    is_severe: Callable[[str], bool] = lambda environment: environment == "production",
) -> CopiesReport:
    """Every image that a pod runs or waits for, or a template would start, with where its copies are.

    `ours` are names of configured registries; a host that is not configured is not ours. `directory` has the names of
    the registries, by default the hosts of the catalogs. `is_severe` judges an environment. What ReplicaSets keep for
    a rollback is not looked at.
    """
    shelves = {seen.registry: shelf for seen in catalogs if (shelf := Shelf.of(seen)) is not None}
    products = ProductNames(directory or RegistryDirectory({seen.registry: seen.hosts for seen in catalogs}))
    uses = deployed_uses(clusters.inventory, products, clusters.environment_of, clusters.environments, shown=None)
    uses = _with_digest_of_pods(resolve_uses(uses, shelves))
    held = find_held(uses["digest"].dropna(), catalogs)
    judge = _Judge(held, frozenset(ours), _unread_of(catalogs), shelves)
    images = [_used(judge, image, rows, is_severe) for image, rows in _by_image(uses).items()]
    times = [seen.as_of for seen in catalogs if seen.as_of is not None]
    return CopiesReport(
        as_of=min([*times, *([clusters.as_of] if clusters.as_of else [])], default=None),
        images=tuple(sorted(images, key=_worst_first)),
        unread=(*clusters.unread, *(f"{name} {why}" for name, why in _unread_of(catalogs).items())),
    )


@dataclass(frozen=True, slots=True)
class _Image:
    host: str
    registry: str  #: configured name, else the host
    repository: str
    tag: str | None
    digest: str | None
    in_registry: bool | None

    @property
    def name(self) -> str:
        return f"{self.host}/{self.repository}" + (f":{self.tag}" if self.tag else f"@{self.digest}")


@dataclass(frozen=True, slots=True)
class _Use:
    cluster: str
    environment: str
    workloads: tuple[str, ...]
    pods: int


_IMAGE = ("host", "registry", "repository", "tag", "digest", "in_registry")
_USE = ("cluster", "environment", "workloads", "pods")


def _with_digest_of_pods(uses: pd.DataFrame) -> pd.DataFrame:
    """A template whose tag we cannot look up means what pods run under that name: those of its own cluster, else of
    any."""
    known = uses[uses["digest"].notna()].sort_values("pods", ascending=False)
    for key in (["cluster", "host", "repository", "tag"], ["host", "repository", "tag"]):
        running = known.drop_duplicates(key)[[*key, "digest"]]
        found = uses[key].merge(running, on=key, how="left")["digest"].to_numpy()
        uses["digest"] = uses["digest"].where(uses["digest"].notna(), found)
    uses["digest"] = uses["digest"].astype(object).where(uses["digest"].notna(), None)
    uses["in_registry"] = uses["in_registry"].where(uses["digest"].isna(), None)  # says more than that only there
    return uses


def _by_image(uses: pd.DataFrame) -> Mapping[_Image, list[_Use]]:
    found: dict[_Image, list[_Use]] = defaultdict(list)
    for row in plain_rows(uses, (*_IMAGE, *_USE)):
        found[_Image(*row[: len(_IMAGE)])].append(_Use(*row[len(_IMAGE) :]))
    return found


def _used(judge: _Judge, image: _Image, uses: Sequence[_Use], is_severe: Callable[[str], bool]) -> UsedImage:
    environments = tuple(sorted({use.environment for use in uses}))
    return UsedImage(
        image=image.name,
        digest=image.digest,
        judgement=judge.judge(image),
        clusters=tuple(sorted({use.cluster for use in uses})),
        environments=environments,
        workloads=tuple(sorted({f"{use.cluster}: {name}" for use in uses for name in use.workloads})),
        pods=sum(use.pods for use in uses),
        severe=any(is_severe(environment) for environment in environments),
    )


def _worst_first(image: UsedImage) -> tuple[bool, bool, int, int, str]:
    """What production cannot do without goes before what is graver elsewhere."""
    return (
        image.verdict == "copied",
        not image.severe,
        VERDICTS.index(image.verdict),
        -image.pods,
        f"{image.image} {image.digest}",
    )


def _unread_of(catalogs: Sequence[CatalogSeen]) -> dict[str, str]:
    """Why a copy in a registry may have been overlooked, by its name."""
    found = {}
    for seen in catalogs:
        if seen.frames is None:
            found[seen.registry] = "was never crawled"
        elif seen.unread:
            more = f" (and {len(seen.unread) - 1:,} more)" if len(seen.unread) > 1 else ""
            found[seen.registry] = f"could not be read whole: {next(iter(seen.unread.values()))}{more}"
    return found


@dataclass(frozen=True)
class _Judge:
    held: Mapping[str, tuple[Held, ...]]
    ours: frozenset[str]
    unread: Mapping[str, str]
    shelves: Mapping[str, Shelf]

    def judge(self, image: _Image) -> Judgement:
        held = self.held.get(image.digest or "", ())
        whole = tuple(one.registry for one in held if one.holding == "whole")
        configured = image.registry in self.shelves or image.registry in self.unread
        outside = None if configured else image.host
        verdict, why = self._verdict(image, held, whole, outside)
        parts = tuple(
            f"{one.registry} ({', '.join(one.platforms) or 'not all of it'})" for one in held if one.holding == "part"
        )
        return Judgement(verdict, why, whole, outside, parts)

    def _verdict(
        self, image: _Image, held: Sequence[Held], whole: tuple[str, ...], outside: str | None
    ) -> tuple[Verdict, str]:
        own = [name for name in whole if name in self.ours]
        places = [*whole, *([f"{outside} (not looked at)"] if outside else [])]
        doubts = self._doubts(image, held, whole)
        if own and len(places) > 1:
            return "copied", f"in {', '.join(places)}"
        if doubts:
            least = f"at least in {', '.join(places)}; " if places and image.digest else ""
            return "unknown", least + "; ".join(doubts)
        if own:
            return "single", f"only in {own[0]}"
        if places:
            return "outside", f"only outside ({', '.join(place.partition(' ')[0] for place in places)})"
        return "nowhere", "in no registry whole" if held else "in no registry that we know"

    def _doubts(self, image: _Image, held: Sequence[Held], whole: tuple[str, ...]) -> list[str]:
        if image.digest is None and image.in_registry is None and image.registry not in self.unread:
            shelf = self.shelves.get(image.registry)
            reason = (shelf and shelf.why_unread(image.repository)) or f"{image.host} is not read, and no pod runs it"
            return [f"which image this is, is not known: {reason}"]
        doubts = [f"{name} {why}" for name, why in self.unread.items() if name not in whole]
        doubts += [
            f"{one.registry} lists it, and it could not be read whole"
            for one in held
            if one.holding == "unread" and one.registry not in self.unread
        ]
        home = self.shelves.get(image.registry)
        if home is not None and image.registry not in (*whole, *self.unread):
            left_out = home.why_unread(image.repository)
            doubts += [left_out] if left_out else []
        return doubts
