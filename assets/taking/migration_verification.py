"""Read back what a migration copied: all that its newest plan says is at the destination."""

from __future__ import annotations

from dataclasses import dataclass

from assets.taking.migration import migration_rule
from assets.taking.progress import Progress, Silent
from registry_core.copy_verification import ExpectedImage, Verification
from registry_core.errors import Refused
from registry_core.migration import MigrationPlan
from registry_core.migration_entries import MigrationEntry
from resources.connections import Connections
from resources.database.ledger_records import PlanRecord, PlanState
from resources.registry.client import RegistryClient
from resources.registry.copying.verifying import Verifier

_CARRIED_OUT: tuple[PlanState, ...] = ("executing", "done", "stopped")


@dataclass(frozen=True, slots=True)
class NotCopied:
    """An image of the plan that is not at the destination: it could not be read, failed, or was not begun."""

    entry: MigrationEntry
    why: str

    def __str__(self) -> str:
        return f"{self.entry}: {self.why}"


@dataclass(frozen=True, slots=True)
class MigrationVerification:
    """What was found, and of which plan. `not_copied` are images that the plan takes and that did not arrive.
    `is_deep`: every blob was read, not only asked for its size."""

    record: PlanRecord
    found: Verification
    is_deep: bool
    not_copied: tuple[NotCopied, ...] = ()

    @property
    def is_whole(self) -> bool:
        """Every image that the plan was to bring is there, and was read back now. What it could not read, and what a
        conflict left out, was approved to be left out."""
        return self.found.is_whole and not any(one.entry.copies for one in self.not_copied)

    @property
    def planned(self) -> int:
        """Images that were to be at the destination."""
        return len(self.found.images) + len(self.not_copied)


def verify_migration(
    connections: Connections, name: str, *, deep: bool | None = None, progress: Progress | None = None
) -> MigrationVerification:
    """Verify what the newest plan that was carried out has copied, and what it found there already.

    `deep` None: as the configuration says. Raises Refused where nothing was carried out yet, ConfigError for an unknown
    migration, RegistryError where the destination does not answer at all.
    """
    tell = progress or Silent()
    rule = migration_rule(connections, name)
    record = carried_out(connections, name)
    if record is None:
        raise Refused(f"nothing of the migration {name} was carried out yet, so there is nothing to verify; plan it")
    plan = connections.ledger.plan(record.fingerprint, MigrationPlan).plan
    expected = expected_images(connections, plan, record)
    settings = connections.site.migrations[name]
    is_deep = settings.verify == "deep" if deep is None else deep
    registry = connections.registry(rule.destination)
    RegistryClient(registry).ping()
    tell.begin(f"images of {name} read back", total=len(expected))
    found = []
    for verified in Verifier(registry, plan.rule.choice, deep=is_deep).verify(expected):
        found.append(verified)
        tell.advance()
    return MigrationVerification(record, Verification.of(found), is_deep, not_copied(connections, plan, record))


def carried_out(connections: Connections, name: str) -> PlanRecord | None:
    """The newest plan of a migration that was carried out, or is being."""
    records = connections.ledger.plans(name, set(_CARRIED_OUT), kind="migration", limit=1)
    return records[0] if records else None


def not_copied(connections: Connections, plan: MigrationPlan, record: PlanRecord) -> tuple[NotCopied, ...]:
    """What the plan takes and did not bring, in its order; not what a conflict left out."""
    outcomes = connections.ledger.copy_outcomes(record.fingerprint)
    found = []
    for position, entry in enumerate(plan.entries):
        outcome = outcomes.get(position)
        if entry.word == "unreadable":
            found.append(NotCopied(entry, f"it could not be read when the plan was made ({entry.fault}: {entry.why})"))
        elif entry.copies and outcome is None:
            found.append(NotCopied(entry, "it was not begun"))
        elif entry.copies and outcome is not None and outcome.word == "failed":
            found.append(NotCopied(entry, outcome.why))
    return tuple(found)


def expected_images(connections: Connections, plan: MigrationPlan, record: PlanRecord) -> list[ExpectedImage]:
    """What must be at the destination: copied by the plan, or found there when it was made."""
    journal = connections.ledger.copy_journal(record.fingerprint)
    there = journal[journal["outcome"].isin(["copied", "already there"])]
    tags = {
        int(position): tuple(tag for tag in written.split(", ") if tag)
        for position, written in zip(there["position"], there["tags"], strict=True)
    }
    return [
        ExpectedImage(entry.to_repository, entry.digest, tags.get(position, entry.tags), entry.attached)
        for position, entry in enumerate(plan.entries)
        if entry.digest is not None and (position in tags or entry.word == "already there")
    ]
