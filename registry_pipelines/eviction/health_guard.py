"""The health of what is in use, looked at between waves: a new finding stops the run."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

import pandas as pd

from assets.taking.health import examine
from registry_core.errors import Refused, RegistryError
from registry_core.findings import FINDING_KEY
from registry_core.plain_rows import plain_rows
from resources.connections import Connections

#: Findings that say that something is lost; the others say that it could not be asked.
_LOST = ("missing", "corrupt")

_SHOWN = 3


class NewFinding(Refused):
    """Something in use can no longer be pulled that could be before: the deletion may be the cause."""


@dataclass
class HealthGuard:
    """Remembers what was wrong with these repositories before, and raises for what is wrong only since."""

    connections: Connections
    registry: str
    repositories: Collection[str]
    _known: set[tuple[object, ...]] = field(default_factory=set, init=False, repr=False)

    def begin(self) -> None:
        """Note what is wrong already: that is no reason to stop."""
        self._known = set(_keys(self._findings()))

    def check(self) -> None:
        """Raises NewFinding for something lost, RegistryError where the registry could not be asked about it."""
        found = self._findings()
        new = found[[key not in self._known for key in _keys(found)]]
        if new.empty:
            return
        lost = new[new["kind"].isin(_LOST)]
        told = (new if lost.empty else lost)["detail"].tolist()
        shown = "; ".join(told[:_SHOWN]) + (f"; and {len(told) - _SHOWN} more" if len(told) > _SHOWN else "")
        if not lost.empty:
            raise NewFinding(
                f"stopped: since the last wave {len(lost)} parts of images in use cannot be pulled: {shown}. Look at"
                " health_report, put back what is needed with `restore`, then make a new plan"
            )
        raise RegistryError(
            f"could not look whether all that is in use can still be pulled: {shown}; start this plan again when the"
            " registry answers",
            fault="unreachable",
            retryable=True,
        )

    def _findings(self) -> pd.DataFrame:
        examined = examine(self.connections, self.registry, everything=False, repositories=self.repositories)
        findings = examined.findings
        return findings[findings["used_by"].ne("")]


def _keys(findings: pd.DataFrame) -> list[tuple[object, ...]]:
    return list(plain_rows(findings, list(FINDING_KEY)))
