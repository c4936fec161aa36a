"""The journal of a plan as one run sees it: what earlier runs left, what this one writes, what all of them did."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from assets.taking.progress import Progress
from registry_core.eviction import Plan
from registry_core.eviction_entries import Entry
from registry_core.eviction_outcome import ALREADY_GONE, DELETED, EntryOutcome
from registry_core.eviction_use import Image
from registry_pipelines.eviction.last_look import Done, Seen
from registry_pipelines.eviction.waves import Placed
from resources.database.ledger import Ledger
from resources.database.ledger_records import Claim, EntryEnded, JournalLine


@dataclass
class RunJournal:
    """Writes outcomes, and remembers them. `done` is what is gone by this plan, or may be."""

    ledger: Ledger
    claim: Claim[Plan]
    progress: Progress
    done: Done = field(default_factory=Done, init=False)
    _before: dict[int, JournalLine] = field(init=False, repr=False)
    _outcomes: dict[Image, EntryOutcome | None] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        self._before = {line.position: line for line in self.ledger.lines(self.claim.fingerprint)}
        for position, entry in enumerate(self.claim.plan.entries):
            line = self._before.get(position)
            self._note(entry, line.outcome if line else None, was_asked=line is not None and line.kept_at is not None)

    def left(self) -> list[Placed]:
        """Entries that are not done for good."""
        return [
            Placed(position, entry)
            for position, entry in enumerate(self.claim.plan.entries)
            if not is_final(self._before.get(position))
        ]

    def refused_before(self) -> set[int]:
        """Positions of what the registry refused to an earlier run."""
        return {position for position, line in self._before.items() if _word(line) == "refused by registry"}

    def write(self, ended: Sequence[EntryEnded]) -> None:
        if not ended:
            return
        self.ledger.journal_after(self.claim, ended)
        self.progress.advance(sum(one.was_asked for one in ended))
        for one in ended:
            self._note(one.entry, one.outcome, was_asked=one.was_asked)

    def without_waiting(self, wave: Iterable[Placed]) -> list[Placed]:
        """The wave without what refers to images of other repositories of which this plan has not settled all, and
        without what belongs to it: that is for another run, once they are gone or stay for good."""
        taken: list[Placed] = []
        waiting: list[EntryEnded] = []
        stays: set[Image] = set()
        for one in wave:
            entry = one.entry
            owners = [(entry.repository, owner) for owner in entry.owners]
            unsettled = [image for image in entry.subjects_elsewhere if not self._is_settled(image)]
            unsettled += [owner for owner in owners if owner in stays]
            if not unsettled:
                taken.append(one)
                continue
            stays.add(entry.image)
            repository, digest = unsettled[0]
            why = f"it waits for {repository}@{digest}, which is not confirmed gone"
            waiting.append(EntryEnded(one.position, entry, EntryOutcome("failed", why), was_asked=False))
        self.write(waiting)
        return taken

    def decided(self, wave: Sequence[Placed], seen: Seen, unreadable: set[Image]) -> list[EntryEnded]:
        """Outcomes of what the last look does not let go. What could not be looked at is for the next run."""
        spared = {one.entry.image: EntryOutcome.spared(one.why, for_now=one.for_now) for one in seen.shrunk.spared}
        spared.update(dict.fromkeys(unreadable, EntryOutcome.spared("its manifest could not be read, so it is kept")))
        gone = {entry.image for entry in seen.shrunk.gone}
        ended = []
        for one in wave:
            if (outcome := spared.get(one.entry.image)) is not None:
                if one.entry.repository in seen.fresh.unread:
                    outcome = EntryOutcome("failed", outcome.why)
                elif outcome.is_for_now and self._was_found_before(one.position, outcome):
                    outcome = outcome.for_good()
                ended.append(EntryEnded(one.position, one.entry, outcome))
            elif one.entry.image in gone:
                outcome = DELETED if self._may_be_ours(one.position) else ALREADY_GONE
                ended.append(EntryEnded(one.position, one.entry, outcome))
        return ended

    def _note(self, entry: Entry, outcome: EntryOutcome | None, *, was_asked: bool) -> None:
        if entry.kind == "delete":
            self._outcomes[entry.image] = outcome
            if outcome in (DELETED, ALREADY_GONE):
                self.done.images.add(entry.image)
        elif was_asked and (outcome is None or outcome.word != "spared"):
            self.done.tags.update((entry.repository, tag) for tag in entry.tags)

    def _is_settled(self, image: Image) -> bool:
        """An image that is no entry of the plan is for the last look to judge."""
        outcome = self._outcomes.get(image)
        return image not in self._outcomes or (outcome is not None and outcome.is_final)

    def _was_found_before(self, position: int, outcome: EntryOutcome) -> bool:
        """Whether an earlier run found the very same: then somebody changed the registry, and the plan may end."""
        before = self._before.get(position)
        return before is not None and before.outcome == outcome

    def _may_be_ours(self, position: int) -> bool:
        """Asked for by an earlier run, and not known to stay: what of it is gone now, went by that request."""
        line = self._before.get(position)
        return line is not None and line.kept_at is not None and _word(line) in ("", "failed")


def is_final(line: JournalLine | None) -> bool:
    return line is not None and line.outcome is not None and line.outcome.is_final


def _word(line: JournalLine) -> str:
    return line.outcome.word if line.outcome is not None else ""
