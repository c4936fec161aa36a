"""What became of the lines of a cut-over plan: a line is an image, and its outcome that of its workload."""

from __future__ import annotations

from collections.abc import Mapping

from registry_core.cutover import CutoverPlan
from resources.database.cutover_journal import CutoverLine
from resources.database.ledger import Ledger


def cutover_outcomes(ledger: Ledger, fingerprint: str) -> Mapping[int, str]:
    """Outcomes in words, by the position among `CutoverPlan.rows()`; of what was not begun, nothing."""
    lines = ledger.cutovers.lines(fingerprint)
    if not lines:
        return {}
    plan = ledger.plan(fingerprint, CutoverPlan).plan
    owners = [position for position, entry in enumerate(plan.entries) for _ in entry.images]
    return {row: outcome_text(lines[position]) for row, position in enumerate(owners) if position in lines}


def outcome_text(line: CutoverLine) -> str:
    """`changed`, `put back: its rollout failed: …`, and whether it was returned since."""
    if line.outcome is None:
        told = "not known: the run ended before"
    else:
        told = f"{line.outcome.word}: {line.outcome.why}" if line.outcome.why else line.outcome.word
    return f"{told}; returned since" if line.returned_at is not None else told
