"""One run of a replication rule: read the source anew, compare, copy what is missing, write down what came of it.

A rule that is not approved as it is copies nothing, and one that is rejected meanwhile copies no further image. One bad
image stops no other. Whatever ends a run early, the next one compares again and copies what is missing; blobs that
arrived are not sent again, and tags that were put are known as our own, because they were written down before.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Literal

from assets.taking.blob_holders import blob_holders
from assets.taking.catalog import take_catalog
from assets.taking.copy_choice import take_choice
from assets.taking.migration import look_at_both
from assets.taking.plan import limits_of
from assets.taking.progress import Progress, Silent
from assets.taking.replication import file_rule
from assets.taking.whole_site import catalog_of
from registry_core.approval import ApprovalRules
from registry_core.copy_rule import CopyRule
from registry_core.copying import ImageCopy
from registry_core.errors import PartialFailure, RegistryError, RegistryPipelinesError
from registry_core.migration_entries import MigrationEntry, MigrationOutcome, MigrationWord, image_as_planned
from registry_core.migration_words import Chosen
from registry_core.replication import ReplicationRule
from registry_core.replication_following import Following
from registry_core.replication_judgement import behind_of
from registry_core.replication_status import ReplicatedImage, ReplicationJournal, SourceSeen
from registry_pipelines.migrating.last_look import Looked, PlacedEntry, look_again
from registry_pipelines.migrating.one_registry import OneRegistryCheck
from resources.connections import Connections
from resources.database.ledger_records import Claim, HolderIsAlive
from resources.registry.client import RegistryClient
from resources.registry.connection import RegistryConnection
from resources.registry.copying import Copier

Trigger = Literal["manual", "schedule", "event"]

#: So many images in a row that a registry did not answer for mean that it is down, and asking on is only waiting.
_MOST_UNANSWERED = 20
_NOTED_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class ReplicationRun:
    """Who runs, what set it going, and by which rules of approval."""

    run_id: str
    trigger: Trigger
    rules: ApprovalRules
    holder_is_alive: HolderIsAlive
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Replicated:
    """What one run came to: images by word, and bytes."""

    counts: Mapping[MigrationWord, int]
    unreadable: int
    sent_bytes: int
    first_failure: str = ""

    @property
    def why_not_in_step(self) -> str:
        """What the run had to leave, and the first of it; empty where it left nothing."""
        left = {
            "could not be copied": self.counts.get("failed", 0),
            "could not be read at the source": self.unreadable,
            "in conflict at the destination": self.counts.get("conflict", 0),
        }
        words = [f"{count:,} {'image' if count == 1 else 'images'} {what}" for what, count in left.items() if count]
        return f"{', '.join(words)}; first {self.first_failure}" if words else ""

    def __str__(self) -> str:
        told = [f"{count:,} {word}" for word, count in self.counts.items() if count]
        told += [f"{self.unreadable:,} unreadable at the source"] if self.unreadable else []
        return ", ".join(told) or "nothing to copy"


def replicate(
    connections: Connections, name: str, run: ReplicationRun, *, progress: Progress | None = None
) -> Replicated:
    """Compare and copy by one rule.

    Raises ApprovalMissing where the rule is not approved as it is, Refused while another run works on the same
    registry, IncompleteSnapshot and PlanStale where the evidence is not fit, RegistryError where a registry does not
    answer, PartialFailure where some images failed; then the rest was copied. What could not be read at the source, or
    is in conflict, is in what it returns: it is a state of the registries, which the status shows, and no failure of
    the run.
    """
    rule, journal = file_rule(connections, name, run_id=run.run_id), connections.history.replications
    with connections.ledger.held(
        rule, run.run_id, rules=run.rules, holder_is_alive=run.holder_is_alive, now=run.clock()
    ) as claim:
        began_at = run.clock()
        journal.begin(name, trigger=run.trigger, at=began_at)
        try:
            with closing(connections.registry_to_push(rule.rule.destination)) as destination:
                done = _Work(connections, claim, run, destination, progress or Silent()).do()
        except BaseException as error:
            with suppress(RegistryPipelinesError):  # what went wrong first is what a person must read
                why = (str(error).splitlines() or [type(error).__name__])[0][:1000]
                journal.end(name, at=run.clock(), why=why or type(error).__name__)
            raise
        _take_up_events(connections, rule.rule, began_at, now=run.clock())
        why = done.why_not_in_step if done.counts.get("failed", 0) else ""
        journal.end(name, at=run.clock(), why=why, copied=done.counts.get("copied", 0), sent_bytes=done.sent_bytes)
    if why:
        raise PartialFailure(f"the replication {name} is not in step: {why}. The next run tries again")
    return done


def _take_up_events(connections: Connections, rule: CopyRule, began_at: datetime, *, now: datetime) -> None:
    """Put away the events that came before the source was read: what they were about was compared by this run. One that
    another rule follows as well is left to the sensor."""
    followed = [one.rule(name) for name, one in connections.site.replications.items() if one.trigger == "event"]
    others = [one.selection.scope() for one in followed if one.source == rule.source and one.name != rule.name]
    scope, events = rule.selection.scope(), connections.history.push_events
    ours = [
        event.id
        for event in events.waiting()
        if event.registry == rule.source
        and event.received_at <= began_at
        and event.repository in scope
        and not any(event.repository in other for other in others)
    ]
    if ours:
        events.take(ours, f"replication {rule.name}", now)


@dataclass
class _Work:
    connections: Connections
    claim: Claim[ReplicationRule]
    run: ReplicationRun
    destination: RegistryConnection
    progress: Progress
    _by_image: dict[ImageCopy, list[Looked]] = field(default_factory=dict)
    _counts: Counter[MigrationWord] = field(default_factory=Counter)
    _noted: list[ReplicatedImage] = field(default_factory=list)
    _sent_bytes: int = 0
    _unanswered: int = 0
    _first_failure: str = ""
    _first_conflict: str = ""

    @property
    def rule(self) -> ReplicationRule:
        return self.claim.plan

    def do(self) -> Replicated:
        copies, name = self.rule.rule, self.rule.subject
        source = self.connections.registry(copies.source)
        for registry in (source, self.destination):
            RegistryClient(registry).ping()
        # Also by hand and by schedule: what was pushed since the last catalog would count as in step.
        take_catalog(self.connections, copies.source, progress=self.progress, run_id=self.run.run_id)
        chosen = take_choice(self.connections, copies, limits_of(self.connections.site), now=self.run.clock()).chosen
        journal = self.connections.history.replications.journal(name)
        self._following = Following.of(copies, journal)
        if self.run.trigger == "event":
            chosen = self._not_in_step(chosen, journal)
        entries = [
            self._following.allowed(entry)
            for entry in look_at_both(self.connections, self._following.look_by, chosen, self.progress)
        ]
        try:
            for entry in entries:
                self._note_what_needs_no_copy(entry)
            self._copy([PlacedEntry(position, entry) for position, entry in enumerate(entries) if entry.copies], source)
        finally:
            self._flush()
        if self.connections.history.latest("catalog", copies.destination) is None:
            # Without one, nobody could tell what decays there.
            take_catalog(self.connections, copies.destination, progress=self.progress, run_id=self.run.run_id)
        unreadable = [entry for entry in entries if entry.word == "unreadable"]
        if unreadable and not self._first_failure:
            self._first_failure = f"{unreadable[0]}: {unreadable[0].fault}: {unreadable[0].why}"
        first = self._first_failure or self._first_conflict
        return Replicated(dict(self._counts), len(unreadable), self._sent_bytes, first)

    def _not_in_step(self, chosen: list[Chosen], journal: ReplicationJournal) -> list[Chosen]:
        """After an event only what is not known to be in step is asked about, so that a push into a large registry is
        followed soon; all the rest is asked about on schedule."""
        found = behind_of(
            self.rule.rule,
            SourceSeen(chosen=chosen, seen=catalog_of(self.connections, self.rule.rule.source)),
            catalog_of(self.connections, self.rule.rule.destination),
            journal,
        )
        late = {(one.repository, one.digest, one.tags) for one in found}
        return [one for one in chosen if (one.repository, one.digest, one.tags) in late]

    def _copy(self, wanted: list[PlacedEntry], source: RegistryConnection) -> None:
        if not wanted:
            return
        destination = self.rule.rule.destination
        self.progress.begin(f"images copied to {destination}", total=len(wanted))
        holders = blob_holders(self.connections, destination)
        self._begin_tags([one.entry for one in wanted])
        copier = Copier(source, self.destination, self._following.look_by.choice, holders=holders)
        rule = self.rule.rule
        one_registry = OneRegistryCheck(rule, source, self.connections.history.remembered(rule.source))
        for outcome in copier.copy(self._images(wanted, source)):
            looked = self._by_image[outcome.image].pop()
            told = MigrationOutcome.of(outcome)
            if outcome.word == "failed" and outcome.fault is not None:
                told = replace(told, why=f"{outcome.fault}: {told.why}")
            if looked.left_out:
                told = replace(told, why="; ".join(part for part in (looked.left_out, told.why) if part))
            self._note(replace(looked.placed.entry, signature_tags=outcome.signature_tags), looked.tags, told)
            self._flush()  # as it comes: it also tells whether the rule is still ours to copy by
            one_registry.look(outcome)
            self._unanswered = self._unanswered + 1 if outcome.fault in ("unreachable", "throttled") else 0
            if self._unanswered >= _MOST_UNANSWERED:
                raise RegistryError(
                    f"could not go on copying: the last {self._unanswered} images got no answer ({outcome.detail}); the"
                    " next run copies the rest",
                    fault=outcome.fault or "unreachable",
                )

    def _images(self, wanted: list[PlacedEntry], source: RegistryConnection) -> Iterator[ImageCopy]:
        """What the copier is asked for, taken as it has room; what may not be copied any more ends here."""
        for looked in look_again(wanted, source):
            entry = looked.placed.entry
            if looked.outcome is not None:
                self._note(entry, entry.tags, looked.outcome)
                continue
            image = image_as_planned(entry, looked.tags)
            self._by_image.setdefault(image, []).append(looked)
            yield image

    def _begin_tags(self, entries: Iterable[MigrationEntry]) -> None:
        begun = MigrationOutcome(word="failed", why="begun")
        images = [
            self._following.noted(entry, entry.tags, begun, at=self.run.clock(), run_id=self.run.run_id)
            for entry in entries
        ]
        self.connections.history.replications.begin_tags(self.claim, images)

    def _note_what_needs_no_copy(self, entry: MigrationEntry) -> None:
        if entry.word == "already there":
            self._counts["already there"] += 1
            if not self._following.knows(entry):
                self._write(entry, entry.tags, MigrationOutcome(word="already there"))
        elif entry.word == "conflict":
            self._note(entry, entry.tags, MigrationOutcome(word="conflict", why=entry.why))
        elif entry.word == "unreadable" and entry.digest is not None:
            self._write(entry, entry.tags, MigrationOutcome(word="failed", why=f"{entry.fault}: {entry.why}"))

    def _note(self, entry: MigrationEntry, tags: tuple[str, ...], outcome: MigrationOutcome) -> None:
        self._counts[outcome.word] += 1
        self._sent_bytes += outcome.sent_bytes
        if outcome.word in ("failed", "conflict"):
            self.progress.note(f"{entry}: {outcome}")
        if outcome.word == "failed":
            self._first_failure = self._first_failure or f"{entry}: {outcome.why}"
        elif outcome.word == "conflict":
            self._first_conflict = self._first_conflict or f"{entry}: {outcome.why}"
        self.progress.advance()
        self._write(entry, tags, outcome)

    def _write(self, entry: MigrationEntry, tags: tuple[str, ...], outcome: MigrationOutcome) -> None:
        if entry.digest is None:
            return
        self._noted.append(self._following.noted(entry, tags, outcome, at=self.run.clock(), run_id=self.run.run_id))
        if len(self._noted) >= _NOTED_AT_ONCE:
            self._flush()

    def _flush(self) -> None:
        """Each image at most once: the last word on it counts."""
        latest = {(one.repository, one.digest): one for one in self._noted}
        self._noted = []
        if latest:
            self.connections.history.replications.note(self.claim, list(latest.values()))
