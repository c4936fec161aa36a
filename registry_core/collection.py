"""The collection plan: which registry frees bytes, in which exact way, and which evictions it makes final.

Nothing that has a name is touched by a collection. What it takes is the way back: images that evictions deleted
cannot be put back afterwards, unless a quarantine has their layers. So a person approves it like the rest.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, ClassVar, Literal

from registry_core.fingerprint import canonical_json, fingerprint
from registry_core.limits import Limits
from registry_core.plan_documents import parse_snapshot, parse_time, print_snapshot, print_time, read_plan_document
from registry_core.plan_words import PlanKind
from registry_core.plans import registry_touched
from registry_core.policy_spans import parse_span, print_span
from registry_core.retention_evidence import Snapshot

FORMAT = "registry-pipelines collection plan 1"

CollectionThrough = Literal["pod", "harbor"]


@dataclass(frozen=True, slots=True)
class CollectionWay:
    """How the registry is told to collect. `place` and `command` are of a pod; Harbor's API needs neither."""

    through: CollectionThrough
    place: str = ""  #: `pods app=registry in registry of the cluster production`
    command: tuple[str, ...] = ()
    storage: str = ""  #: folder that is measured before and after
    allow_pushes: bool = False

    def __str__(self) -> str:
        return "Harbor's API" if self.through == "harbor" else f"`{' '.join(self.command)}` in {self.place}"

    def to_json(self) -> dict[str, Any]:
        return {
            "through": self.through,
            "place": self.place,
            "command": list(self.command),
            "storage": self.storage,
            "allow_pushes": self.allow_pushes,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> CollectionWay:
        return cls(
            value["through"], value["place"], tuple(value["command"]), value["storage"], bool(value["allow_pushes"])
        )


@dataclass(frozen=True, slots=True)
class Uncollected:
    """One eviction whose bytes are still held: `images` of it are deleted, and were not put back."""

    eviction: str  #: fingerprint of its plan
    last_deleted_at: datetime
    images: int

    @property
    def short(self) -> str:
        return self.eviction[:12]

    def to_json(self) -> dict[str, Any]:
        return {"eviction": self.eviction, "last_deleted_at": print_time(self.last_deleted_at), "images": self.images}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Uncollected:
        return cls(value["eviction"], parse_time(value["last_deleted_at"]), value["images"])


@dataclass(frozen=True)
class CollectionPlan:
    """What is collected, how, and by what catalog it is told what that frees.

    `expected_bytes`: of blobs that only deleted images needed; the registry frees these, and what else nobody needs.
    `kept_for`: how long a quarantine has the layers of evicted images; None without one.
    """

    kind: ClassVar[PlanKind] = "collection"

    registry: str
    way: CollectionWay
    as_of: datetime  #: when the journals of the evictions were read
    catalog: Snapshot
    expected_bytes: int
    max_plan_age: timedelta
    entries: tuple[Uncollected, ...] = field(repr=False)
    kept_for: timedelta | None = None
    second_person: str | None = None  #: why one approver is not enough, by the limits when it was made

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the canonical JSON: what an approval names."""
        return fingerprint(self.to_json())

    @property
    def subject(self) -> str:
        return self.registry

    @property
    def touches(self) -> tuple[str, ...]:
        return registry_touched(self.registry)

    @property
    def max_age(self) -> timedelta:
        return self.max_plan_age

    @property
    def counted(self) -> int:
        return self.images

    @property
    def images(self) -> int:
        """Images that cannot be put back afterwards: the number that an approver types again."""
        return sum(entry.images for entry in self.entries)

    @property
    def entry_count(self) -> int:
        return len(self.entries)

    @property
    def figures(self) -> Mapping[str, int]:
        return {"evictions": len(self.entries), "expected_bytes": self.expected_bytes}

    def beyond(self, uncollected: Iterable[Uncollected]) -> tuple[Uncollected, ...]:
        """What a collection would take now that this plan does not say: evictions that it does not name, or of which
        more was deleted since."""
        planned = {entry.eviction: entry for entry in self.entries}
        return tuple(
            found
            for found in uncollected
            if (known := planned.get(found.eviction)) is None
            or found.images > known.images
            or found.last_deleted_at > known.last_deleted_at
        )

    def second_person_needed(self, today: Limits | None = None) -> str | None:
        return self.second_person or (today.needs_second_person(images=self.counted, share=0) if today else None)

    def rows(self) -> Iterator[Mapping[str, str]]:
        for entry in self.entries:
            yield {
                "eviction": entry.short,
                "last deleted": f"{entry.last_deleted_at:%Y-%m-%d %H:%M} UTC",
                "images": f"{entry.images:,}",
            }

    def is_the_same_as(self, other: CollectionPlan) -> bool:
        """Whether both would do the same, whenever they were made."""
        return (
            (self.registry, self.way, self.entries, self.kept_for, self.second_person, self.max_plan_age)
            == (other.registry, other.way, other.entries, other.kept_for, other.second_person, other.max_plan_age)
        )  # fmt: skip

    def to_json(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "registry": self.registry,
            "way": self.way.to_json(),
            "as_of": print_time(self.as_of),
            "catalog": print_snapshot(self.catalog),
            "expected_bytes": self.expected_bytes,
            "max_plan_age": print_span(self.max_plan_age),
            "kept_for": None if self.kept_for is None else print_span(self.kept_for),
            "second_person": self.second_person,
            "entries": [entry.to_json() for entry in self.entries],
        }

    def to_bytes(self) -> bytes:
        """The canonical JSON, of which the fingerprint is the SHA-256."""
        return canonical_json(self.to_json())

    @classmethod
    def from_json(cls, value: object, *, expected: str | None = None) -> CollectionPlan:
        """Read a plan from its JSON (bytes, text, or what came of parsing it). Raises as `read_plan_document`."""
        return read_plan_document(value, cls._of, known_format=FORMAT, expected=expected)

    @classmethod
    def _of(cls, read: Mapping[str, Any]) -> CollectionPlan:
        return cls(
            registry=read["registry"],
            way=CollectionWay.from_json(read["way"]),
            as_of=parse_time(read["as_of"]),
            catalog=parse_snapshot(read["catalog"]),
            expected_bytes=read["expected_bytes"],
            max_plan_age=parse_span(read["max_plan_age"]),
            entries=tuple(Uncollected.from_json(entry) for entry in read["entries"]),
            kept_for=None if read["kept_for"] is None else parse_span(read["kept_for"]),
            second_person=read["second_person"],
        )
