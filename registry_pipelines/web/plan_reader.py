"""Plans as the web service shows them: one large plan is read once and then searched, sorted and paged in memory."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from registry_core.approval import Approval
from registry_core.eviction import Plan
from registry_core.eviction_entries import Entry
from registry_core.eviction_summary import PlanSummary, summarise
from registry_pipelines.web.plan_lines import OUTCOMES, OpenLines
from registry_pipelines.web.plan_paging import Wanted, cut
from resources.database.history import History
from resources.database.ledger_records import PlanRecord

_BEGUN = ("executing", "done", "stopped")


@dataclass(frozen=True, slots=True)
class Shown:
    """One page of entries with their outcomes ('' where there is none), and how many were found in all."""

    rows: Sequence[tuple[Entry, str]]
    found: int
    page: int
    pages: int


@dataclass(frozen=True)
class OpenPlan:
    """One eviction plan in memory."""

    record: PlanRecord
    plan: Plan = field(repr=False)
    approvals: Sequence[Approval] = ()
    outcomes: Mapping[int, str] = field(default_factory=dict, repr=False)

    @cached_property
    def summary(self) -> PlanSummary:
        return summarise(self.plan)

    @cached_property
    def _texts(self) -> list[str]:
        return [
            " ".join((entry.repository, *entry.tags, entry.digest, *entry.reasons)).lower()
            for entry in self.plan.entries
        ]

    def show(self, wanted: Wanted) -> Shown:
        """The page that is wanted; the last one where there are fewer."""
        words = wanted.text.lower().split()
        positions = [
            position
            for position, text in enumerate(self._texts if words else self.plan.entries)
            if not words or all(word in text for word in words)  # type: ignore[operator]
        ]
        entries = self.plan.entries
        if wanted.order == "repository":
            positions.sort(key=lambda position: (entries[position].repository, entries[position].tags))
        elif wanted.order == "size":
            positions.sort(key=lambda position: -entries[position].image_bytes)
        elif wanted.order == "tags":
            positions.sort(key=lambda position: -len(entries[position].tags))
        elif wanted.order == "outcome":
            positions.sort(key=lambda position: self.outcomes.get(position, ""))
        chosen, page, pages = cut(positions, wanted)
        return Shown([(entries[one], self.outcomes.get(one, "")) for one in chosen], len(positions), page, pages)


class PlanReader:
    """Reads plans of the ledger; blocking. Keeps the last one that was opened: 400,000 entries take seconds."""

    def __init__(self, history: History) -> None:
        self._history = history
        self._lock = threading.Lock()
        self._open: OpenPlan | OpenLines | None = None

    def records(self, limit: int = 200) -> list[PlanRecord]:
        """Plans, the newest first."""
        return self._history.ledger.plans(limit=limit)

    def document(self, fingerprint: str) -> tuple[PlanRecord, bytes]:
        """The plan as it was filed. Raises Refused where there is none."""
        record = self._history.ledger.record(fingerprint)
        return record, self._history.ledger.document(record.fingerprint)

    def open(self, fingerprint: str) -> OpenPlan | OpenLines:
        """One plan, with decisions and outcomes as they are now. Raises Refused where there is none."""
        record = self._history.ledger.record(fingerprint)
        with self._lock:
            known = self._open
            same = known is not None and known.record.fingerprint == record.fingerprint
            if known is not None and same and known.record == record and record.state != "executing":
                return known
            self._open = self._read(record, known if same else None)
            return self._open

    def _read(self, record: PlanRecord, known: OpenPlan | OpenLines | None) -> OpenPlan | OpenLines:
        """As it is now; what does not change is taken from `known`, which is the same plan as it was before."""
        ledger = self._history.ledger
        approvals, outcomes = ledger.approvals(record.fingerprint), self._outcomes(record)
        plan = known.plan if known is not None else ledger.any_plan(record.fingerprint).plan
        opened = (
            OpenPlan(record, plan, approvals, outcomes)
            if isinstance(plan, Plan)
            else OpenLines(record, plan, approvals, outcomes)
        )
        for worked_out in ("_texts", "lines"):
            if known is not None and worked_out in known.__dict__:
                opened.__dict__[worked_out] = known.__dict__[worked_out]
        return opened

    def _outcomes(self, record: PlanRecord) -> Mapping[int, str]:
        if record.state not in _BEGUN:
            return {}
        if record.kind != "eviction":
            read = OUTCOMES.get(record.kind)
            return {} if read is None else read(self._history.ledger, record.fingerprint)
        frame = self._history.ledger.journal(record.fingerprint)
        whys = frame["why"].fillna("")
        return {
            int(position): f"{outcome}: {why}" if why else str(outcome)
            for position, outcome, why in zip(
                frame["position"], frame["outcome"].fillna("not known"), whys, strict=True
            )
        }
