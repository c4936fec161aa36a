"""The eviction plan: exactly what would be deleted, from what evidence, as a value with a fingerprint.

A plan can only be made where the evidence is complete and fresh and the limits hold; nothing in it can be
changed, and carrying it out may only leave entries out (`eviction_shrink`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from registry_core.catalog_gaps import unread_repositories
from registry_core.eviction_brakes import refuse_bad_evidence, refuse_beyond_limits
from registry_core.eviction_entries import Entry, deletions, single_tags
from registry_core.fingerprint import canonical_json, fingerprint
from registry_core.limits import Limits
from registry_core.plan_documents import parse_snapshot, parse_time, print_snapshot, print_time, read_plan_document
from registry_core.plan_words import PlanKind
from registry_core.plans import registry_touched
from registry_core.policy import Policies, read_policies
from registry_core.retention_decisions import Decisions
from registry_core.retention_evidence import Evidence, Snapshot
from registry_core.retention_reasons import HEADINGS, Reason

FORMAT = "registry-pipelines eviction plan 1"


@dataclass(frozen=True)
class Basis:
    """What a plan was made from. `can_remove_single_tags`: what the registry was known to be able to do.

    `origin` is the address of the registry, empty in plans of older versions. `unnamed`: no workload named it, and none
    was expected to. `own_policies`: the policies were made for this plan (what a source deleted), not written in the
    configuration.
    """

    registry: str
    as_of: datetime
    catalog: Snapshot
    inventories: Mapping[str, Snapshot]
    policies: Policies
    limits: Limits
    can_remove_single_tags: bool = False
    origin: str = ""
    unnamed: bool = False
    own_policies: bool = False

    def to_json(self) -> dict[str, Any]:
        return {
            "registry": self.registry,
            "as_of": print_time(self.as_of),
            "catalog": print_snapshot(self.catalog),
            "inventories": {name: print_snapshot(snapshot) for name, snapshot in self.inventories.items()},
            "policies": self.policies.to_json(),
            "limits": self.limits.to_json(),
            "can_remove_single_tags": self.can_remove_single_tags,
            **({"origin": self.origin} if self.origin else {}),
            **({"unnamed": True} if self.unnamed else {}),
            **({"own_policies": True} if self.own_policies else {}),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Basis:
        return cls(
            registry=value["registry"],
            as_of=parse_time(value["as_of"]),
            catalog=parse_snapshot(value["catalog"]),
            inventories={name: parse_snapshot(snapshot) for name, snapshot in value["inventories"].items()},
            policies=read_policies(value["policies"], place="policies of the plan"),
            limits=Limits.from_json(value["limits"]),
            can_remove_single_tags=value["can_remove_single_tags"],
            origin=value.get("origin", ""),
            unnamed=value.get("unnamed", False),
            own_policies=value.get("own_policies", False),
        )


@dataclass(frozen=True)
class Plan:
    """Entries in the order in which they are to be deleted, and what was known when they were written down.

    An image is a manifest: `images` counts what belongs to an index as well. It is the number that an approver
    types again.
    """

    kind: ClassVar[PlanKind] = "eviction"

    basis: Basis
    entries: tuple[Entry, ...] = field(repr=False)
    stored_images: int  #: images that the registry held, kept and evicted
    kept: Mapping[str, int] = field(default_factory=dict)  #: images by the reason that keeps them, in words
    emptied: tuple[str, ...] = ()  #: repositories that would hold nothing afterwards
    unread: Mapping[str, str] = field(default_factory=dict)  #: why, by repository that was not read whole: all stays
    waiting_tags: int = 0  #: tags that no rule keeps, on images that stay, where the registry cannot remove a tag

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the canonical JSON: what an approval names."""
        return fingerprint(self.to_json())

    @property
    def subject(self) -> str:
        """The registry."""
        return self.basis.registry

    @property
    def touches(self) -> tuple[str, ...]:
        return registry_touched(self.basis.registry, self.basis.origin)

    @property
    def as_of(self) -> datetime:
        return self.basis.as_of

    @property
    def max_age(self) -> timedelta:
        return self.basis.limits.max_plan_age

    @property
    def counted(self) -> int:
        return self.images

    @property
    def entry_count(self) -> int:
        return len(self.entries)

    @property
    def figures(self) -> Mapping[str, int]:
        """Tags and bytes that go, images that the registry held, repositories of which something goes, and images
        that could not be put back: those that stay, and those that go."""
        return {
            "tags": self.tags,
            "image_bytes": self.image_bytes,
            "stored_images": self.stored_images,
            "repositories": len({entry.repository for entry in self.entries}),
            "broken_kept": self.broken_kept,
            "broken_evicted": self.broken_evicted,
        }

    def second_person_needed(self, today: Limits | None = None) -> str | None:
        limits = self.basis.limits.stricter(today) if today is not None else self.basis.limits
        return limits.needs_second_person(images=self.images, share=self.share)

    def rows(self) -> Iterator[Mapping[str, str]]:
        for entry in self.entries:
            yield {
                "what": "remove tags" if entry.kind == "untag" else "delete",
                "repository": entry.repository,
                "digest": entry.digest,
                "tags": ", ".join(entry.tags),
                "why": "; ".join(reversed(entry.reasons)),
            }

    @property
    def images(self) -> int:
        return sum(entry.kind == "delete" for entry in self.entries)

    @property
    def broken_kept(self) -> int:
        """Images that stay because they could not be put back, among other reasons."""
        return self.kept.get(HEADINGS[Reason.BROKEN], 0)

    @property
    def broken_evicted(self) -> int:
        """Images that go although they could not be put back, as their entry of the policy says."""
        return sum(bool(entry.broken) for entry in self.entries)

    @property
    def tags(self) -> int:
        return sum(len(entry.tags) for entry in self.entries)

    @property
    def image_bytes(self) -> int:
        """Bytes that the evicted images describe; layers that several share are counted each time."""
        return sum(entry.image_bytes for entry in self.entries)

    @property
    def share(self) -> float:
        """Part of the stored images that would go."""
        return self.images / self.stored_images if self.stored_images else 0.0

    def to_json(self) -> dict[str, Any]:
        unread = {"unread": dict(self.unread)} if self.unread else {}
        return {
            "format": FORMAT,
            "basis": self.basis.to_json(),
            "stored_images": self.stored_images,
            "kept": dict(self.kept),
            "emptied": list(self.emptied),
            "waiting_tags": self.waiting_tags,
            **unread,
            "entries": [entry.to_json() for entry in self.entries],
        }

    def to_bytes(self) -> bytes:
        """The canonical JSON, of which the fingerprint is the SHA-256."""
        return canonical_json(self.to_json())

    @classmethod
    def from_json(cls, value: object, *, expected: str | None = None) -> Plan:
        """Read a plan from its JSON (bytes, text, or what came of parsing it). Raises as `read_plan_document`."""
        return read_plan_document(value, cls._of, known_format=FORMAT, expected=expected)

    @classmethod
    def _of(cls, read: Mapping[str, Any]) -> Plan:
        return cls(
            basis=Basis.from_json(read["basis"]),
            entries=tuple(Entry.from_json(entry) for entry in read["entries"]),
            stored_images=read["stored_images"],
            kept=read["kept"],
            emptied=tuple(read["emptied"]),
            waiting_tags=read["waiting_tags"],
            unread=read.get("unread", {}),
        )


def make_plan(decisions: Decisions, limits: Limits, *, now: datetime, can_remove_single_tags: bool = False) -> Plan:
    """Write down what may go, or refuse.

    `now` is only held against the age of the evidence; it is no part of the plan, so that the same evidence makes
    the same plan. Raises IncompleteSnapshot, PlanStale and LimitExceeded, each naming what to do.
    """
    evidence = decisions.facts.evidence
    refuse_bad_evidence(evidence, limits, now=now)
    refuse_beyond_limits(
        limits,
        images_in_use=decisions.facts.use.images_in_use,
        evicted=int(decisions.evicted.sum()),
        stored=decisions.stored_images,
    )
    loose = single_tags(decisions)
    return Plan(
        basis=_basis(evidence, decisions.facts.policies, limits, can_remove_single_tags),
        entries=(*deletions(decisions), *(loose if can_remove_single_tags else ())),
        stored_images=decisions.stored_images,
        kept=decisions.counts(),
        emptied=_emptied(decisions),
        waiting_tags=0 if can_remove_single_tags else sum(len(entry.tags) for entry in loose),
        unread={
            name: f"{gap.fault}: {gap.detail}" for name, gap in unread_repositories(evidence.catalog.coverage).items()
        },
    )


def _basis(evidence: Evidence, policies: Policies, limits: Limits, can_remove_single_tags: bool) -> Basis:
    return Basis(
        registry=evidence.registry,
        as_of=evidence.as_of,
        catalog=evidence.catalog,
        inventories=evidence.inventories,
        policies=policies,
        limits=limits,
        can_remove_single_tags=can_remove_single_tags,
        origin=evidence.origin,
        unnamed=evidence.unnamed,
    )


def _emptied(decisions: Decisions) -> tuple[str, ...]:
    nodes = decisions.facts.nodes
    stored = nodes.images_per_repository(decisions.facts.shape.stored)
    going = nodes.images_per_repository(decisions.evicted)
    return tuple(sorted(nodes.names[np.flatnonzero((going > 0) & (going == stored))].tolist()))
