"""Carry out an approved plan: claim it, look once more, keep, delete, read back, journal. It can only shrink.

Whatever ends a run early (an error, a kill), the next run of the same plan goes on where the journal ends, and does
nothing twice: what is final there is left alone, and what is not is asked from the registry.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from assets.taking.plan import limits_of
from assets.taking.progress import Progress, Silent
from registry_core.approval import ApprovalRules
from registry_core.errors import PartialFailure, RegistryPipelinesError
from registry_core.eviction import Plan
from registry_core.eviction_duration import expected_duration
from registry_core.eviction_outcome import DELETED, OUTCOME_WORDS, EntryOutcome
from registry_core.eviction_shrink import Shrunk, shrink
from registry_core.eviction_use import Image
from registry_core.policy_spans import print_age
from registry_pipelines.eviction.deleting import Conditions, DeletionSwitch, delete_wave
from registry_pipelines.eviction.fresh_evidence import Clock, EvidenceOfRun
from registry_pipelines.eviction.health_guard import HealthGuard, NewFinding
from registry_pipelines.eviction.keeping import documents_of, kept_images
from registry_pipelines.eviction.last_look import LastLook, Seen
from registry_pipelines.eviction.run_journal import RunJournal, is_final
from registry_pipelines.eviction.waves import Placed, waves
from resources.connections import Connections
from resources.database.ledger_records import Claim, EntryEnded, HolderIsAlive, KeptImage, PlanRecord
from resources.registry.client import RegistryClient
from resources.registry.connection import RegistryConnection
from resources.registry.providers.choice import removes_single_tags
from resources.registry.quarantine import Quarantine

#: A registry that changes faster than it can be looked at is left alone after so many looks in which nothing was done.
_IDLE_ROUNDS = 3


@dataclass(frozen=True)
class Execution:
    """What became of a plan, all runs of it together. The journal has each entry."""

    record: PlanRecord
    counts: Mapping[str, int]  #: entries by OUTCOME_WORDS
    image_bytes: int  #: of what was deleted; shared layers counted each time, and freed only by collection
    notes: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True)
class Run:
    """Who carries out, by which rules, and how it is told whether another run is alive."""

    run_id: str
    rules: ApprovalRules
    holder_is_alive: HolderIsAlive
    clock: Clock = lambda: datetime.now(UTC)


def execute_plan(
    connections: Connections, fingerprint: str, run: Run, *, progress: Progress | None = None
) -> Execution:
    """Carry out the approved plan of this fingerprint; only what may go of it now.

    Raises ApprovalMissing, PlanStale and Refused where the lock does not open. Ends the plan for good when every
    entry is deleted, gone or spared, and when something in use is found lost (NewFinding). Everything else that
    goes wrong leaves it to be started again: PartialFailure where some entries failed or were refused,
    RegistryError (DeletionDisabled), ClusterError, DatabaseError, IncompleteSnapshot.
    """
    ledger = connections.ledger
    rules = replace(run.rules, limits=limits_of(connections.site))
    claim = ledger.claim(
        fingerprint, run.run_id, Plan, rules=rules, holder_is_alive=run.holder_is_alive, now=run.clock()
    )
    try:
        with ExitStack() as opened:
            connection = opened.enter_context(closing(connections.registry_to_change(claim.subject)))
            quarantine = _quarantine(connections, claim.subject, opened)
            work = _Work(connections, claim, run, connection, quarantine, progress or Silent())
            work.do()
    except NewFinding as stopped:
        ledger.finish(claim, "stopped", str(stopped))
        raise
    except BaseException as error:
        # Best effort: where this fails too, the next run finds out that we are dead.
        with suppress(RegistryPipelinesError):
            ledger.release(claim, _first_line(error))
        raise
    return _conclude(connections, claim, tuple(work.notes))


@dataclass
class _Work:
    connections: Connections
    claim: Claim[Plan]
    run: Run
    connection: RegistryConnection
    quarantine: Quarantine | None
    progress: Progress
    notes: list[str] = field(default_factory=list)

    def do(self) -> None:
        journal = RunJournal(self.connections.ledger, self.claim, self.progress)
        left = journal.left()
        if not left:
            return
        evidence = EvidenceOfRun(self.connections, self.claim.plan, self.run.run_id, self.run.clock, self.progress)
        tags = evidence.fresh().catalog.tags["repository"].value_counts()
        counts = {str(name): count for name, count in tags.items()}
        expected = print_age(expected_duration(self.claim.plan, counts))
        self.progress.note(f"{len(left):,} entries to look at and delete; about {expected}")
        settings = self.connections.site.eviction
        guard = HealthGuard(self.connections, self.claim.subject, {one.entry.repository for one in left})
        if settings.check_health_between_waves:
            guard.begin()
        look = LastLook(self.connections, self.claim.plan, journal.done)
        switch = DeletionSwitch(self.connection.label, self.connections.ledger.has_deleted(self.claim.subject))
        self.progress.begin(f"entries of the plan {self.claim.fingerprint[:12]}", total=len(left))
        if self.quarantine is not None:
            self.quarantine.expire(self.run.clock())
        idle = 0
        while left and idle < _IDLE_ROUNDS:
            again: list[Placed] = []
            # A few locked images do not keep the registry from the others.
            for wave in waves(left, size=settings.wave_size, last=journal.refused_before()):
                again += self._wave(wave, look, evidence, switch, journal)
                if settings.check_health_between_waves:
                    guard.check()
            idle = idle + 1 if len(again) == len(left) else 0
            left = sorted(again, key=lambda one: one.position)
        switch.check()

    def _wave(
        self,
        wave: Sequence[Placed],
        look: LastLook,
        evidence: EvidenceOfRun,
        switch: DeletionSwitch,
        journal: RunJournal,
    ) -> list[Placed]:
        """Returns what needs another look."""
        claim, ledger = self.claim, self.connections.ledger
        wave = journal.without_waiting(self._within_what_is_known(wave, journal))
        if not wave:
            return []
        seen = look.at([one.entry for one in wave], evidence.fresh(), as_of=self.run.clock())
        documents = documents_of(self.connections, claim.subject, seen.shrunk.entries)
        unreadable = {entry.image for entry in seen.shrunk.entries if entry.digest not in documents}
        if unreadable:
            seen = _without(seen, unreadable)
        journal.write(journal.decided(wave, seen, unreadable))
        kept = kept_images(wave, seen, documents)
        if self.quarantine is not None:
            self._hold(kept)
        if not kept:
            return []
        ledger.journal_before(claim, kept)
        positions = {image.position for image in kept}
        evidence.begin_wave()
        conditions = Conditions(seen.named, switch, evidence.time_is_up, evidence.too_old)
        going = [one for one in wave if one.position in positions]
        return delete_wave(self.connection, going, journal.write, conditions)

    def _within_what_is_known(self, wave: Sequence[Placed], journal: RunJournal) -> Sequence[Placed]:
        """Single tags are removed only where the configuration still says that this is known to work."""
        if removes_single_tags(self.connections.registry_settings(self.claim.subject)):
            return wave
        why = EntryOutcome("spared", "the registry is not known to remove single tags (`removes_single_tags`)")
        journal.write([EntryEnded(one.position, one.entry, why) for one in wave if one.entry.kind == "untag"])
        return [one for one in wave if one.entry.kind == "delete"]

    def _hold(self, kept: Sequence[KeptImage]) -> None:
        assert self.quarantine is not None
        client = RegistryClient(self.connections.registry(self.claim.subject))
        for image in kept:
            if image.entry.kind == "delete":
                why = self.quarantine.hold(
                    client, image.entry.repository, image.entry.digest, image.document, image.media_type,
                    at=self.run.clock(),
                )  # fmt: skip
                if why:
                    self.notes.append(f"not held whole in the quarantine: {why}")
                    self.progress.note(self.notes[-1])


def _without(seen: Seen, images: set[Image]) -> Seen:
    """The same look with these images staying, and all that belongs to them."""
    again = shrink([entry for entry in seen.shrunk.entries if entry.image not in images], seen.fresh)
    return replace(
        seen,
        shrunk=Shrunk(again.entries, (*seen.shrunk.spared, *again.spared), (*seen.shrunk.gone, *again.gone)),
    )


def _conclude(connections: Connections, claim: Claim[Plan], notes: tuple[str, ...]) -> Execution:
    ledger = connections.ledger
    lines = ledger.lines(claim.fingerprint)
    counts: dict[str, int] = {word: sum(line.outcome is not None and line.outcome.word == word for line in lines)
              for word in OUTCOME_WORDS}  # fmt: skip
    undone = len(claim.plan.entries) - sum(is_final(line) for line in lines)
    if undone:
        figures = ", ".join(f"{count} {word}" for word, count in counts.items() if count)
        why = f"{undone} of {len(claim.plan.entries)} entries are not done ({figures})"
        ledger.release(claim, why)
        raise PartialFailure(
            f"the plan {claim.fingerprint[:12]} is not done: {why}; the journal gives the reason of each. Fix the cause"
            " and run this plan again, or make a new one"
        )
    record = ledger.finish(claim, "done")
    deleted = {line.position for line in lines if line.outcome == DELETED}
    freed = sum(entry.image_bytes for position, entry in enumerate(claim.plan.entries) if position in deleted)
    return Execution(record, counts, freed, notes)


def _quarantine(connections: Connections, registry: str, opened: ExitStack) -> Quarantine | None:
    settings = connections.registry_settings(registry).quarantine
    if settings is None:
        return None
    return opened.enter_context(Quarantine(settings.folder, keep=settings.keep))


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:1000] or type(error).__name__
