"""Carry out an approved migration plan: claim it, look once more, copy, journal each outcome as it comes.

One bad image never stops the rest. Whatever ends a run early (an error, a kill), the next run of the same plan copies
what is missing: what the journal calls final is left alone, and blobs that arrived are not sent again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from assets.taking.blob_holders import blob_holders
from assets.taking.copy_choice import located
from assets.taking.progress import Progress, Silent
from registry_core.approval import ApprovalRules
from registry_core.copying import CopyOutcome, CopyProgress, ImageCopy
from registry_core.errors import PartialFailure, Refused, RegistryError, RegistryPipelinesError
from registry_core.migration import MigrationPlan
from registry_core.migration_duration import expected_duration
from registry_core.migration_entries import (
    MIGRATION_WORDS,
    MigrationEntry,
    MigrationOutcome,
    MigrationWord,
    image_as_planned,
)
from registry_core.policy_spans import print_age
from registry_pipelines.migrating.last_look import Looked, PlacedEntry, look_again
from registry_pipelines.migrating.one_registry import OneRegistryCheck
from resources.connections import Connections
from resources.database.copy_journal import CopyEnded
from resources.database.ledger_records import Claim, HolderIsAlive, PlanRecord
from resources.registry.client import RegistryClient
from resources.registry.connection import RegistryConnection
from resources.registry.copying import Copier

#: So many images in a row that a registry did not answer for mean that it is down, and asking on is only waiting.
_MOST_UNANSWERED = 20


@dataclass(frozen=True, slots=True)
class MigrationRun:
    """Who carries out, and by which rules of approval."""

    run_id: str
    rules: ApprovalRules
    holder_is_alive: HolderIsAlive
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class MigrationExecution:
    """How it ended: images by outcome, what was sent over all runs of the plan, and what the plan could not read."""

    record: PlanRecord
    counts: Mapping[MigrationWord, int]
    sent_bytes: int
    unreadable: tuple[MigrationEntry, ...] = ()

    @property
    def left_unread(self) -> PartialFailure | None:
        """The error of a plan that is done, and yet did not bring all: what it could not read it could not copy."""
        if not self.unreadable:
            return None
        count, first = len(self.unreadable), self.unreadable[0]
        used = f", in use by {first.used_by}" if first.used_by else ""
        what, were = ("image", "it was") if count == 1 else ("images", "they were")
        return PartialFailure(
            f"{count:,} {what} could not be read when the plan {self.record.short} was made, so {were} not copied;"
            f" first {first} ({first.fault}: {first.why}{used}). Repair the source, then make a new plan"
        )


def execute_migration(
    connections: Connections, fingerprint: str, run: MigrationRun, *, progress: Progress | None = None
) -> MigrationExecution:
    """Copy what the plan says, or what is left of it.

    Raises ApprovalMissing, PlanStale and Refused where the lock does not open. Ends the plan for good when every entry
    is copied, there, or in conflict. Everything else leaves it to be started again: PartialFailure where some images
    failed, RegistryError where a registry stopped answering, DatabaseError.
    """
    ledger = connections.ledger
    claim = ledger.claim(
        fingerprint, run.run_id, MigrationPlan, rules=run.rules, holder_is_alive=run.holder_is_alive, now=run.clock()
    )
    try:
        _refuse_other_places(connections, claim)
        with closing(connections.registry_to_push(claim.plan.rule.destination)) as destination:
            _Work(connections, claim, destination, progress or Silent()).do()
    except BaseException as error:
        # Best effort: where this fails too, the next run finds out that we are dead.
        with suppress(RegistryPipelinesError):
            ledger.release(claim, (str(error).splitlines() or [type(error).__name__])[0][:1000])
        raise
    return _conclude(connections, claim)


def _refuse_other_places(connections: Connections, claim: Claim[MigrationPlan]) -> None:
    """What was approved names addresses; a name that stands for another one by now is another registry."""
    planned = claim.plan.rule
    now = located(connections, planned)
    if now != planned:
        raise Refused(
            f"the plan {claim.fingerprint[:12]} copies from {planned.source_url} to {planned.destination_url}, and the"
            f" configuration now says {now.source_url} and {now.destination_url}; make a new plan"
        )


@dataclass
class _Work:
    connections: Connections
    claim: Claim[MigrationPlan]
    destination: RegistryConnection
    progress: Progress
    _by_image: dict[ImageCopy, list[Looked]] = field(default_factory=lambda: defaultdict(list))
    _unanswered: int = 0

    def do(self) -> None:
        plan, ledger = self.claim.plan, self.connections.ledger
        done = ledger.copy_outcomes(self.claim.fingerprint)
        left = [
            PlacedEntry(position, entry)
            for position, entry in enumerate(plan.entries)
            if entry.copies and not (position in done and done[position].is_final)
        ]
        if not left:
            return
        source = self.connections.registry(plan.rule.source)
        for registry in (source, self.destination):
            RegistryClient(registry).ping()
        self._say_what_is_to_come(left)
        copier = Copier(
            source,
            self.destination,
            plan.rule.choice,
            holders=blob_holders(self.connections, plan.rule.destination),
        )
        one_registry = OneRegistryCheck(plan.rule, source, self.connections.history.remembered(plan.rule.source))
        for outcome in copier.copy(self._images(left, source), self._told()):
            self._ended(outcome)
            one_registry.look(outcome)

    def _say_what_is_to_come(self, left: list[PlacedEntry]) -> None:
        rate = self.connections.ledger.copy_rate(self.claim.subject)
        rest = replace(self.claim.plan, entries=tuple(one.entry for one in left))
        expected = expected_duration(rest, rate)
        about = f"; about {print_age(expected)} at {rate}" if expected is not None else ""
        self.progress.note(
            f"{rest.images:,} images to copy, {rest.travel_bytes / 1e6:,.1f} MB of them new by the plan{about}"
        )
        self.progress.begin(f"images of the plan {self.claim.fingerprint[:12]}", total=len(left))

    def _images(self, left: list[PlacedEntry], source: RegistryConnection) -> Iterator[ImageCopy]:
        """What the copier is asked for, taken as it has room; what may not be copied any more ends here."""
        for looked in look_again(left, source):
            entry = looked.placed.entry
            if looked.outcome is not None:
                self._write(looked, looked.outcome)
                continue
            image = image_as_planned(entry, looked.tags)
            self._by_image[image].append(looked)
            yield image

    def _ended(self, outcome: CopyOutcome) -> None:
        looked = self._by_image[outcome.image].pop()
        told = MigrationOutcome.of(outcome)
        if outcome.word == "conflict":
            told = replace(told, why=f"{told.why}; that was not so when the plan was made: make a new one")
        if outcome.word == "failed" and outcome.fault is not None:
            told = replace(told, why=f"{outcome.fault}: {told.why}")
        if looked.left_out:
            told = replace(told, why="; ".join(part for part in (looked.left_out, told.why) if part))
        self._write(looked, told)
        self._unanswered = self._unanswered + 1 if outcome.fault in ("unreachable", "throttled") else 0
        if self._unanswered >= _MOST_UNANSWERED:
            raise RegistryError(
                f"could not go on copying: the last {self._unanswered} images got no answer ({outcome.detail}); start"
                " this plan again when both registries answer",
                fault=outcome.fault or "unreachable",
            )

    def _write(self, looked: Looked, outcome: MigrationOutcome) -> None:
        placed = looked.placed
        self.connections.ledger.journal_copies(
            self.claim, [CopyEnded(placed.position, placed.entry, looked.tags, outcome)]
        )
        self.progress.advance()
        if outcome.word in ("failed", "conflict"):
            self.progress.note(f"{placed.entry}: {outcome}")

    def _told(self) -> Callable[[CopyProgress], None]:
        """Bytes for whoever reads the log: a line for each twentieth of what is expected, and none below 256 MiB."""
        said = 0

        def tell(so_far: CopyProgress) -> None:
            nonlocal said
            step = max(so_far.expected_bytes // 20, 256 * 1024 * 1024)
            if so_far.sent_bytes >= said + step:
                said = so_far.sent_bytes
                self.progress.note(f"{said / 1e6:,.0f} MB sent, {so_far.images:,} images done")

        return tell


def _conclude(connections: Connections, claim: Claim[MigrationPlan]) -> MigrationExecution:
    ledger = connections.ledger
    outcomes = ledger.copy_outcomes(claim.fingerprint)
    counts = {word: sum(one.word == word for one in outcomes.values()) for word in MIGRATION_WORDS}
    undone = claim.plan.images - sum(one.is_settled for one in outcomes.values())
    if undone:
        told = ", ".join(f"{count:,} {word}" for word, count in counts.items() if count)
        first = next(((at, one) for at, one in outcomes.items() if not one.is_settled), None)
        example = f"; first {claim.plan.entries[first[0]]}: {first[1].why}" if first else ""
        why = f"{undone:,} of {claim.plan.images:,} images are not copied ({told}){example}"
        ledger.release(claim, why)
        raise PartialFailure(
            f"the plan {claim.fingerprint[:12]} is not done: {why}; the journal says why of each. Repair the cause and"
            " run this plan again: it copies only what is missing. Or make a new plan"
        )
    record = ledger.finish(claim, "done")
    sent_bytes = sum(one.sent_bytes for one in outcomes.values())
    return MigrationExecution(record, counts, sent_bytes, claim.plan.of("unreadable"))
