"""The ledger: plans, people's decisions over them, claims, and the journal of what was done. The door to it.

    save_plan ──> file_decision ──> ready ──> claim ──> journal_before ─ request ─ journal_after ──> finish

Every deed is one transaction. A transaction that does not come about (`database is locked`, connection lost) is a
DatabaseError, retryable where that helps, and has changed nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Literal

import pandas as pd

from registry_core.approval import Approval, ApprovalRules
from registry_core.eviction import Plan
from registry_core.migration import MigrationPlan
from registry_core.migration_duration import CopyRate
from registry_core.migration_entries import MigrationOutcome
from registry_core.plan_words import PlanKind
from registry_core.plans import AnyPlan, P
from registry_core.replication import ReplicationRule
from registry_core.replication_status import Standing
from resources.database import (
    copy_journal,
    ledger_claims,
    ledger_decisions,
    ledger_journal,
    ledger_plans,
    ledger_standing,
)
from resources.database.collection_journal import CollectionJournal
from resources.database.connection import Database
from resources.database.copy_journal import CopyEnded
from resources.database.cutover_journal import CutoverJournal
from resources.database.ledger_records import (
    Claim,
    EntryEnded,
    HolderIsAlive,
    JournalLine,
    KeptImage,
    PlanRecord,
    PlanState,
    StoredPlan,
)


class Ledger:
    """Plans, approvals and journals in a database that is up to date (`History.ledger` sees to that)."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def __repr__(self) -> str:
        return f"Ledger({self._database.place})"

    # Plans

    def save_plan(self, plan: AnyPlan, *, made_at: datetime, run_id: str | None = None) -> PlanRecord:
        """File a plan; filing the same one again changes nothing and answers with the first record.

        Older plans of its kind and subject that are still waiting are superseded; approved ones stand.
        """
        return ledger_plans.save_plan(self._database, plan, made_at=made_at, run_id=run_id)

    def record(self, fingerprint: str, *, now: datetime | None = None) -> PlanRecord:
        """One plan by its fingerprint or an unambiguous beginning of it (6 characters or more), without its document.

        Refused, in one sentence, when there is none or there are several.
        """
        return ledger_plans.find_record(self._database, fingerprint, now=_now(now))

    def plan(self, fingerprint: str, of: type[P], *, now: datetime | None = None) -> StoredPlan[P]:
        """As `record`, with the plan itself, read and its fingerprint proven.

        Refused also when it is of another kind than `of`, was tampered with, or is of a format that this version does
        not know.
        """
        return ledger_plans.read_plan(self._database, fingerprint, of, now=_now(now))

    def any_plan(self, fingerprint: str, *, now: datetime | None = None) -> StoredPlan[AnyPlan]:
        """As `plan`, whatever its kind."""
        return ledger_plans.read_any_plan(self._database, fingerprint, now=_now(now))

    def document(self, fingerprint: str) -> bytes:
        """The JSON of a plan as it was filed. Not read: whoever does more than hand it on takes `plan`."""
        return ledger_plans.read_document(self._database, fingerprint, now=_now(None))[1]

    def plans(
        self,
        subject: str | None = None,
        states: Collection[PlanState] | None = None,
        *,
        kind: PlanKind | None = None,
        limit: int = 50,
        now: datetime | None = None,
    ) -> list[PlanRecord]:
        """Filed plans without their documents, the newest first. `expired` is told at `now`."""
        return ledger_plans.list_plans(self._database, subject, states, kind=kind, limit=limit, now=_now(now))

    # Decisions

    def file_decision(self, approval: Approval, rules: ApprovalRules, *, code_was_wrong: bool = False) -> PlanRecord:
        """File a person's decision (`approval.fingerprint` whole), and let the plan become approved or rejected.

        The plan stays `waiting` while a second person is needed. Raises ApprovalMissing that says what to correct
        (`registry_core.approval.file_approval`), Refused for a plan that is no longer to be decided over. A one-time
        code is spent even when the decision is refused: it was seen. One that was found wrong (`code_was_wrong`) is
        counted, and after too many of them none of that person is believed for a while.
        """
        return ledger_decisions.file_decision(self._database, approval, rules, code_was_wrong=code_was_wrong)

    def approvals(self, fingerprint: str) -> list[Approval]:
        """Decisions that were filed for a plan, the oldest first."""
        return ledger_decisions.approvals(self._database, fingerprint)

    def ready(self, kind: PlanKind, *, now: datetime | None = None) -> list[PlanRecord]:
        """Approved plans that nobody has begun, approvals and evidence still good: the doorbell, not the lock.

        Cheap: no document is read. The oldest first.
        """
        return ledger_decisions.ready(self._database, kind, now=_now(now))

    # Carrying out

    def claim(
        self,
        fingerprint: str,
        run_id: str,
        of: type[P],
        *,
        rules: ApprovalRules,
        holder_is_alive: HolderIsAlive,
        now: datetime | None = None,
    ) -> Claim[P]:
        """Take the right to carry out a plan, alone: the lock.

        Approvals are checked in the same transaction (ApprovalMissing, PlanStale). Refused while a run that is
        alive holds this plan, or one of any kind that touches the same registry or cluster. What a dead run has begun
        is taken over, as long as plan and approval are still good; so is what this run itself has begun.
        """
        return ledger_claims.claim(
            self._database, fingerprint, run_id, of, rules=rules, holder_is_alive=holder_is_alive, now=_now(now)
        )

    def release(self, claim: Claim[AnyPlan], why: str) -> None:
        """Give a claim back with the plan unfinished: the next run may take it over. `why` for who looks."""
        ledger_claims.release(self._database, claim, why)

    def finish(self, claim: Claim[AnyPlan], state: Literal["done", "stopped"], why: str = "") -> PlanRecord:
        """End the plan for good: it was used. Refused when the claim was lost."""
        return ledger_claims.finish(self._database, claim, state, why)

    def take_back(
        self, fingerprint: str, run_id: str, of: type[P], *, holder_is_alive: HolderIsAlive, now: datetime | None = None
    ) -> StoredPlan[P]:
        """The plan, ended for good where it was begun: nobody carries it out after this. Needs no approval.

        Refused while a run that is alive carries it out.
        """
        return ledger_claims.take_back(
            self._database, fingerprint, run_id, of, holder_is_alive=holder_is_alive, now=_now(now)
        )

    @property
    def cutovers(self) -> CutoverJournal:
        """The journals of cut-overs."""
        return CutoverJournal(self._database)

    @property
    def collections(self) -> CollectionJournal:
        """The journals of collections."""
        return CollectionJournal(self._database)

    # Rules that stand

    def standing(self, rule: ReplicationRule, rules: ApprovalRules) -> Standing:
        """Whether a rule is in force, as it is now."""
        return ledger_standing.read_standing(self._database, rule, rules)

    def busy(self, rule: ReplicationRule, *, holder_is_alive: HolderIsAlive) -> str | None:
        """Why a run of a rule would be refused now: another one works on its destination. A hint, not the lock."""
        return ledger_standing.read_busy(self._database, rule, holder_is_alive=holder_is_alive)

    @contextmanager
    def held(
        self,
        rule: ReplicationRule,
        run_id: str,
        *,
        rules: ApprovalRules,
        holder_is_alive: HolderIsAlive,
        now: datetime | None = None,
    ) -> Iterator[Claim[ReplicationRule]]:
        """Hold a rule that is in force, alone, for as long as the block lasts; it is given back as it was.

        The claim is shown with all that is written down: once the rule was taken over or rejected, that is refused.
        Raises ApprovalMissing where nobody approved it as it is, Refused while another run works on the same registry.
        """
        claim = ledger_standing.hold(
            self._database, rule, run_id, rules=rules, holder_is_alive=holder_is_alive, now=_now(now)
        )
        try:
            yield claim
        finally:
            ledger_standing.give_back(self._database, claim)

    # The journal of an eviction

    def journal_before(self, claim: Claim[Plan], kept: Sequence[KeptImage]) -> None:
        """Keep images before their requests are sent: when this returned, and not before, they may be.

        Refused when the claim was lost to another run: then nothing may be sent.
        """
        ledger_journal.write_before(self._database, claim, kept)

    def journal_after(self, claim: Claim[Plan], ended: Sequence[EntryEnded]) -> None:
        """Write outcomes, of entries that were kept before, and of those that were spared or gone."""
        ledger_journal.write_after(self._database, claim, ended)

    def lines(self, fingerprint: str) -> list[JournalLine]:
        """The journal of a plan (fingerprint whole), by position."""
        return ledger_journal.lines(self._database, fingerprint)

    def journal(self, fingerprint: str) -> pd.DataFrame:
        """The journal of a plan (fingerprint whole) as JOURNAL_COLUMNS; `outcome` is one of OUTCOME_WORDS or None."""
        return ledger_journal.frame(self._database, fingerprint)

    def has_deleted(self, registry: str) -> bool:
        """Whether any plan has ever deleted an image of this registry, or a tag."""
        return ledger_journal.has_deleted(self._database, registry)

    def kept_documents(self, digests: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        """(digest, manifest byte for byte) of images that were kept before a deletion, in no order."""
        return ledger_journal.kept_documents(self._database, digests)

    def mark_restored(self, fingerprint: str, positions: Collection[int], *, run_id: str, at: datetime) -> None:
        """Note that these entries were put back."""
        ledger_journal.mark_restored(self._database, fingerprint, positions, run_id=run_id, at=at)

    # The journal of a migration

    def journal_copies(self, claim: Claim[MigrationPlan], ended: Sequence[CopyEnded]) -> None:
        """Write what became of entries, each as it ends. Refused when the claim was lost to another run."""
        copy_journal.write(self._database, claim, ended)

    def copy_outcomes(self, fingerprint: str) -> dict[int, MigrationOutcome]:
        """What became of each entry of a plan (fingerprint whole), by its position; of what was not begun, nothing."""
        return copy_journal.outcomes(self._database, fingerprint)

    def copy_journal(self, fingerprint: str) -> pd.DataFrame:
        """The same as COPY_JOURNAL_COLUMNS."""
        return copy_journal.frame(self._database, fingerprint)

    def copy_rate(self, migration: str) -> CopyRate | None:
        """How fast the last copies of a migration were, or of any; None where nothing was copied yet."""
        return copy_journal.rate(self._database, migration)


def _now(given: datetime | None) -> datetime:
    return given or datetime.now(UTC)
