"""The cut-over plan: which workloads are pointed at another registry, by exactly which change, as a value.

Failover is the same plan with the second registry or an archive as its destination. Nothing in a plan holds a
secret: of a pull secret it says the name, the namespace and the host.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, ClassVar, Literal

from registry_core.cutover_entries import Elsewhere, Entry, ImageChange, Left, PullSecret
from registry_core.fingerprint import canonical_json, fingerprint
from registry_core.limits import Limits
from registry_core.plan_documents import parse_time, print_time, read_plan_document
from registry_core.plan_words import PlanKind
from registry_core.plans import cluster_touched, registry_touched
from registry_core.policy_spans import parse_span, print_span
from registry_core.rewriting import Rewriting

FORMAT = "registry-pipelines cut-over plan 1"

Pin = Literal["tag", "digest"]


@dataclass(frozen=True, slots=True)
class ClusterSeen:
    """When a cluster was read, and the platforms of its nodes."""

    as_of: datetime
    platforms: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        return {"as_of": print_time(self.as_of), "platforms": list(self.platforms)}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> ClusterSeen:
        return cls(parse_time(value["as_of"]), tuple(value["platforms"]))


@dataclass(frozen=True, kw_only=True)
class Basis:
    """What a cut-over plan was made by: the entry of the configuration as it was, and what was read."""

    name: str  #: of the cut-over
    source: str  #: name of the old registry
    destination: str
    host: str  #: of the destination, as workloads will write it
    clusters: Mapping[str, ClusterSeen]
    origin: str = ""  #: address of the destination, as it was asked; empty in plans of older versions
    namespaces: tuple[str, ...] = ("*",)
    rewriting: Rewriting = field(default_factory=Rewriting)
    pin: Pin = "digest"
    pull_secret: str | None = None
    max_age: timedelta = timedelta(hours=24)
    second_person_above: int | None = None

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "source": self.source,
            "destination": self.destination,
            "host": self.host,
            "clusters": {name: seen.to_json() for name, seen in self.clusters.items()},
            "namespaces": list(self.namespaces),
            "rewriting": self.rewriting.to_json(),
            "pin": self.pin,
            "pull_secret": self.pull_secret,
            "max_age": print_span(self.max_age),
            "second_person_above": self.second_person_above,
            **({"origin": self.origin} if self.origin else {}),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Basis:
        if value["pin"] not in ("tag", "digest"):
            raise ValueError(f"`pin` is {value['pin']!r}")
        return cls(
            name=value["name"],
            source=value["source"],
            destination=value["destination"],
            host=value["host"],
            clusters={name: ClusterSeen.from_json(seen) for name, seen in value["clusters"].items()},
            namespaces=tuple(value["namespaces"]),
            rewriting=Rewriting.from_json(value["rewriting"]),
            pin=value["pin"],
            pull_secret=value["pull_secret"],
            max_age=parse_span(value["max_age"]),
            second_person_above=value["second_person_above"],
            origin=value.get("origin", ""),
        )


@dataclass(frozen=True)
class CutoverPlan:
    """Entries in the order in which they are changed, and what is not changed by us.

    Trap: `leftovers` still name the old registry afterwards; a rollback of a Deployment to an older revision would
    pull from there.
    """

    kind: ClassVar[PlanKind] = "cutover"

    basis: Basis
    entries: tuple[Entry, ...] = field(repr=False)
    pull_secrets: tuple[PullSecret, ...] = ()
    elsewhere: tuple[Elsewhere, ...] = field(default=(), repr=False)
    left: tuple[Left, ...] = field(default=(), repr=False)
    leftovers: int = 0  #: objects of older revisions, and finished ones, that keep naming the old registry

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the canonical JSON: what an approval names."""
        return fingerprint(self.to_json())

    @property
    def subject(self) -> str:
        """The name of the cut-over."""
        return self.basis.name

    @property
    def touches(self) -> tuple[str, ...]:
        """Its clusters, and the destination: nobody may delete there while workloads begin to pull from it."""
        clusters = dict.fromkeys(entry.workload.cluster for entry in self.entries)
        clusters.update(dict.fromkeys(secret.cluster for secret in self.pull_secrets))
        return (
            *(cluster_touched(name) for name in clusters),
            *registry_touched(self.basis.destination, self.basis.origin),
        )

    @property
    def as_of(self) -> datetime:
        """When the first of its clusters was read."""
        return min(seen.as_of for seen in self.basis.clusters.values())

    @property
    def max_age(self) -> timedelta:
        return self.basis.max_age

    @property
    def counted(self) -> int:
        """Workloads that are changed."""
        return len(self.entries)

    @property
    def entry_count(self) -> int:
        return len(self.entries)

    @property
    def figures(self) -> Mapping[str, int]:
        """Images that change, namespaces with workloads that change, pull secrets, workloads that stay."""
        return {
            "images": len({change.new for entry in self.entries for change in entry.images}),
            "namespaces": len({(entry.workload.cluster, entry.workload.namespace) for entry in self.entries}),
            "pull_secrets": len(self.pull_secrets),
            "elsewhere": len(self.elsewhere),
            "left": len(self.left),
        }

    def second_person_needed(self, today: Limits | None = None) -> str | None:
        most = self.basis.second_person_above
        if most is not None and self.counted > most:
            setting = f"cutovers.{self.basis.name}.second_person_above = {most:,}"
            return f"{self.counted:,} workloads are changed, more than {setting}"
        return None

    def rows(self) -> Iterator[Mapping[str, str]]:
        """An image a row: those that change, those to be changed elsewhere, those that stay; then the secrets."""
        for entry in self.entries:
            for change in entry.images:
                yield _row("patch", entry.workload, change, "; ".join(entry.notes))
        for other in self.elsewhere:
            for change in other.images:
                why = f"{other.manager.name} manages it ({other.manager.evidence}): change {other.manager.where}"
                yield _row("change elsewhere", other.workload, change, why)
        for left in self.left:
            yield _cells("left", str(left.workload), was=", ".join(left.images), why=left.why)
        for secret in self.pull_secrets:
            where = f"{secret.cluster} {secret.namespace}/{secret.name} (Secret)"
            yield _cells("create if absent", where, to=secret.host)

    def to_json(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "basis": self.basis.to_json(),
            "entries": [entry.to_json() for entry in self.entries],
            "pull_secrets": [secret.to_json() for secret in self.pull_secrets],
            "elsewhere": [one.to_json() for one in self.elsewhere],
            "left": [one.to_json() for one in self.left],
            "leftovers": self.leftovers,
        }

    def to_bytes(self) -> bytes:
        """The canonical JSON, of which the fingerprint is the SHA-256."""
        return canonical_json(self.to_json())

    @classmethod
    def from_json(cls, value: object, *, expected: str | None = None) -> CutoverPlan:
        """Read it back. Raises Refused for an unknown format, and where the fingerprint is not `expected`."""
        return read_plan_document(value, cls._build, known_format=FORMAT, expected=expected)

    @classmethod
    def _build(cls, read: Mapping[str, Any]) -> CutoverPlan:
        return cls(
            basis=Basis.from_json(read["basis"]),
            entries=tuple(Entry.from_json(entry) for entry in read["entries"]),
            pull_secrets=tuple(PullSecret.from_json(secret) for secret in read["pull_secrets"]),
            elsewhere=tuple(Elsewhere.from_json(one) for one in read["elsewhere"]),
            left=tuple(Left.from_json(one) for one in read["left"]),
            leftovers=read["leftovers"],
        )


def _row(what: str, workload: object, change: ImageChange, why: str) -> Mapping[str, str]:
    return _cells(what, str(workload), container=change.container, was=change.old, to=_short(change.new), why=why)


def _cells(
    what: str, workload: str, *, container: str = "", was: str = "", to: str = "", why: str = ""
) -> Mapping[str, str]:
    return {"what": what, "workload": workload, "container": container, "from": was, "to": to, "why": why}


def _short(reference: str) -> str:
    """For people: twelve digits of the digest. The plan has all of them."""
    name, at, digest = reference.partition("@")
    algorithm, colon, digits = digest.partition(":")
    return f"{name}{at}{algorithm}{colon}{digits[:12]}…" if at else reference
