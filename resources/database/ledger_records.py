"""The values of the ledger: a plan as it is filed, a claim on it, a line of its journal."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, Literal

from registry_core.eviction_entries import Entry, Kind
from registry_core.eviction_outcome import EntryOutcome
from registry_core.plan_words import PLAN_WORDS, PlanKind, PlanWords
from registry_core.plans import P_co

PlanState = Literal[
    "waiting", "nothing to do", "approved", "rejected", "superseded", "expired", "executing", "done", "stopped"
]
"""waiting: for a decision, or for a second person's. nothing to do: without an entry, so it waits for no decision and
never expires; stored as waiting, because a newer plan supersedes it in the same way. expired: of waiting and approved
plans whose evidence has become too old; not stored. executing: begun and not ended, whether or not a run works
on it now. stopped: ended before its end, for good."""

#: States of a plan that stands as the newest of its subject, undecided.
UNDECIDED: frozenset[PlanState] = frozenset({"waiting", "nothing to do"})

HolderIsAlive = Callable[[str], bool]
"""Whether the run of this id may still be working. What cannot be told counts as alive."""

#: `journal`: a row an entry of the plan that was looked at. `kept_at` is when its manifest was kept, before any
#: request; null for what was never to be requested. `outcome` is null while it is not known whether a request was sent
#: and did anything. `restored_at` is of the last restoration.
JOURNAL_COLUMNS = (
    "position", "kind", "repository", "digest", "tags", "media_type", "outcome", "why", "kept_at", "ended_at",
    "run_id", "referrers", "restored_at", "restored_by",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRecord:
    """One filed plan without its document: what a list shows."""

    fingerprint: str
    kind: PlanKind
    subject: str  #: the registry, migration or cut-over that it is a plan for
    state: PlanState
    made_at: datetime
    as_of: datetime  #: of its evidence
    good_until: datetime  #: later it is neither approved nor carried out
    run_id: str | None  #: that made it
    counted: int  #: the number that an approver types
    entry_count: int
    figures: Mapping[str, int]  #: as `AnyPlan.figures`
    touches: tuple[str, ...]
    holder: str | None = None  #: run that claimed it last, while executing
    finished_at: datetime | None = None
    why: str = ""  #: why it was rejected, stopped or interrupted, or what superseded it

    @property
    def short(self) -> str:
        return self.fingerprint[:12]

    @property
    def words(self) -> PlanWords:
        return PLAN_WORDS[self.kind]

    @property
    def validity(self) -> str:
        """How long it may be carried out: `good until 2026-04-02 08:00 UTC`."""
        if self.state == "nothing to do":
            return "nothing to decide"
        if self.words.stands:
            return "stands until it is changed or rejected"
        return f"good until {self.good_until:%Y-%m-%d %H:%M} UTC"


@dataclass(frozen=True, slots=True)
class StoredPlan(Generic[P_co]):
    """A filed plan, read whole, its fingerprint proven."""

    record: PlanRecord
    plan: P_co = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim(Generic[P_co]):
    """The right to carry out one plan. Every journal entry before a deed shows it again, so that a run which was taken
    for dead and replaced cannot go on."""

    fingerprint: str
    subject: str
    run_id: str
    number: int
    resumed: bool  #: whether another run began this plan and did not end it
    plan: P_co = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptImage:
    """What is kept of one entry before its request, so that it can be asked back."""

    position: int  #: of the entry in the plan
    entry: Entry
    media_type: str
    document: bytes = field(repr=False)  #: the manifest, byte for byte
    tags: tuple[str, ...]  #: all tags that named it just before
    referrers: tuple[str, ...]  #: digests of what referred to it then


@dataclass(frozen=True, slots=True)
class EntryEnded:
    """The outcome of the entry at this position of the plan. `was_asked` False: it was kept, and then its request was
    never sent, so that it counts as not kept."""

    position: int
    entry: Entry
    outcome: EntryOutcome
    was_asked: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalLine:
    """One line of a journal, without the manifest. `outcome` None: kept, and nobody knows whether it was requested."""

    position: int
    kind: Kind
    repository: str
    digest: str
    tags: tuple[str, ...]
    referrers: tuple[str, ...]
    media_type: str | None
    kept_at: datetime | None
    outcome: EntryOutcome | None
    ended_at: datetime | None
    run_id: str
    restored_at: datetime | None = None
    restored_by: str | None = None
