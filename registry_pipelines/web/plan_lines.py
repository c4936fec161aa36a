"""Lines of a plan of any kind but evictions, as the web service shows them: searched and paged in memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from registry_core.approval import Approval
from registry_core.plan_words import PlanKind
from registry_core.plans import AnyPlan
from registry_pipelines.web.cutover_lines import cutover_outcomes
from registry_pipelines.web.plan_paging import Wanted, cut
from resources.database.ledger import Ledger
from resources.database.ledger_records import PlanRecord

ReadOutcomes = Callable[[Ledger, str], Mapping[int, str]]
"""What became of each line of a plan (by its position), in words; of what was not begun, nothing."""

#: Where the outcomes of a kind are read. A kind without a line here shows none.
OUTCOMES: dict[PlanKind, ReadOutcomes] = {
    "migration": lambda ledger, fingerprint: {
        position: str(outcome) for position, outcome in ledger.copy_outcomes(fingerprint).items()
    },
    "cutover": cutover_outcomes,
}


@dataclass(frozen=True, slots=True)
class ShownLines:
    """One page of lines with their outcomes (empty where there is none), and how many were found in all."""

    rows: Sequence[tuple[Mapping[str, str], str]]
    found: int
    page: int
    pages: int


@dataclass(frozen=True)
class OpenLines:
    """One plan in memory."""

    record: PlanRecord
    plan: AnyPlan = field(repr=False)
    approvals: Sequence[Approval] = ()
    outcomes: Mapping[int, str] = field(default_factory=dict, repr=False)

    @cached_property
    def lines(self) -> list[Mapping[str, str]]:
        return list(self.plan.rows())

    @property
    def columns(self) -> list[str]:
        return list(self.lines[0]) if self.lines else []

    def show(self, wanted: Wanted) -> ShownLines:
        """The page that is wanted; the last one where there are fewer."""
        words = wanted.text.lower().split()
        found = [
            position
            for position, row in enumerate(self.lines)
            if all(word in f"{' '.join(row.values())} {self.outcomes.get(position, '')}".lower() for word in words)
        ]
        chosen, page, pages = cut(found, wanted)
        return ShownLines([(self.lines[one], self.outcomes.get(one, "")) for one in chosen], len(found), page, pages)
