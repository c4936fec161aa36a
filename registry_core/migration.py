"""The migration plan: exactly what would be copied, from what evidence, as a value with a fingerprint.

Nothing in it can be changed, and carrying it out may only leave entries out. What cannot be read, and what conflicts,
stands in it too: a plan that told only of what goes well would be approved for the wrong reason.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, ClassVar

from registry_core.copy_rule import CopyRule
from registry_core.fingerprint import canonical_json, fingerprint
from registry_core.limits import Limits
from registry_core.migration_entries import MigrationEntry
from registry_core.plan_documents import parse_snapshot, parse_time, print_snapshot, print_time, read_plan_document
from registry_core.plan_words import PlanKind
from registry_core.plans import registry_touched
from registry_core.policy_spans import parse_span, print_span
from registry_core.retention_evidence import Snapshot

FORMAT = "registry-pipelines migration plan 1"


@dataclass(frozen=True)
class MigrationBasis:
    """What a plan was made from. `destination`: the catalog by which blobs are found for mounting; None without one."""

    rule: CopyRule
    as_of: datetime
    source: Snapshot
    destination: Snapshot | None
    inventories: Mapping[str, Snapshot]
    max_plan_age: timedelta

    def to_json(self) -> dict[str, Any]:
        return {
            "rule": self.rule.to_json(),
            "as_of": print_time(self.as_of),
            "source": print_snapshot(self.source),
            "destination": None if self.destination is None else print_snapshot(self.destination),
            "inventories": {name: print_snapshot(one) for name, one in self.inventories.items()},
            "max_plan_age": print_span(self.max_plan_age),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> MigrationBasis:
        destination = value["destination"]
        return cls(
            rule=CopyRule.from_json(value["rule"]),
            as_of=parse_time(value["as_of"]),
            source=parse_snapshot(value["source"]),
            destination=None if destination is None else parse_snapshot(destination),
            inventories={name: parse_snapshot(one) for name, one in value["inventories"].items()},
            max_plan_age=parse_span(value["max_plan_age"]),
        )


@dataclass(frozen=True)
class MigrationPlan:
    """Entries by repository and tag, and what was known when they were written down."""

    kind: ClassVar[PlanKind] = "migration"

    basis: MigrationBasis
    entries: tuple[MigrationEntry, ...] = field(repr=False)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the canonical JSON: what an approval names."""
        return fingerprint(self.to_json())

    @property
    def rule(self) -> CopyRule:
        return self.basis.rule

    @property
    def subject(self) -> str:
        """The name of the migration."""
        return self.rule.name

    @property
    def as_of(self) -> datetime:
        return self.basis.as_of

    @property
    def touches(self) -> tuple[str, ...]:
        """The registry that it writes to."""
        return registry_touched(self.rule.destination, self.rule.destination_url)

    @property
    def max_age(self) -> timedelta:
        return self.basis.max_plan_age

    @property
    def counted(self) -> int:
        return self.images

    @property
    def entry_count(self) -> int:
        """Lines that there is something to decide over."""
        return self.images

    @property
    def figures(self) -> Mapping[str, int]:
        """Tags that are written, bytes that must travel, and what stands in the plan and is not copied."""
        return {
            "tags": self.tags,
            "travel_bytes": self.travel_bytes,
            "conflicts": len(self.of("conflict")),
            "unreadable_images": len(self.of("unreadable")),
        }

    def second_person_needed(self, today: Limits | None = None) -> str | None:
        """No image is taken away, so one approver is enough. Tags that are moved stand in the plan, each with what it
        points to now."""
        return None

    def rows(self) -> Iterator[Mapping[str, str]]:
        for entry in self.entries:
            yield {
                "what": entry.word,
                "from": entry.repository,
                "to": entry.to_repository,
                "digest": entry.digest or "",
                "tags": ", ".join(entry.tags),
                "why": "; ".join(part for part in (entry.why, *entry.reasons) if part),
            }

    @property
    def images(self) -> int:
        """Images that would be copied: the number that an approver types again."""
        return sum(entry.copies for entry in self.entries)

    @property
    def tags(self) -> int:
        return sum(len(entry.tags) for entry in self.entries if entry.copies)

    @property
    def travel_bytes(self) -> int:
        """Bytes that must really travel: each blob once, what is there or can be mounted not at all."""
        return sum(entry.travel_bytes for entry in self.entries if entry.copies)

    def of(self, word: str) -> tuple[MigrationEntry, ...]:
        """The entries of one word."""
        return tuple(entry for entry in self.entries if entry.word == word)

    def to_json(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "basis": self.basis.to_json(),
            "entries": [entry.to_json() for entry in self.entries],
        }

    def to_bytes(self) -> bytes:
        """The canonical JSON, of which the fingerprint is the SHA-256."""
        return canonical_json(self.to_json())

    @classmethod
    def from_json(cls, value: object, *, expected: str | None = None) -> MigrationPlan:
        """Read a plan from its JSON (bytes, text, or what came of parsing it). Raises as `read_plan_document`."""
        return read_plan_document(value, cls._of, known_format=FORMAT, expected=expected)

    @classmethod
    def _of(cls, read: Mapping[str, Any]) -> MigrationPlan:
        return cls(
            basis=MigrationBasis.from_json(read["basis"]),
            entries=tuple(MigrationEntry.from_json(entry) for entry in read["entries"]),
        )
