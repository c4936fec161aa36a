"""What the doctor finds: one row a thing tried."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "note", "warning", "fails"]
"""
ok        it works
note      worth knowing, nothing to do
warning   something is missing that the configuration lets us do without
fails     the jobs will not work until this is changed
"""

COLUMNS = ("subject", "tried", "state", "told")


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """One thing that was tried, what came of it, and what to do about it."""

    subject: str  #: `cluster production`, `registry harbor`, `database`, `configuration`
    tried: str
    state: State
    told: str  #: what was found; where something is wrong, what to do next

    def row(self) -> dict[str, str]:
        return {"subject": self.subject, "tried": self.tried, "state": self.state, "told": self.told}


def failures(found: Iterable[Diagnosis]) -> int:
    """How many fail."""
    return sum(one.state == "fails" for one in found)
