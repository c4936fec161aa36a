"""Monitoring: how old and how whole the evidence is. What is stale is *unknown*, never well."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from registry_core.coverage import Gap

Standing = Literal["fresh", "stale", "missing"]

#: Clocks of two machines may differ a little; a snapshot from further in the future would stay fresh for ever.
_CLOCK_SKEW = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class SourceEvidence:
    """What is known about one source (an inventory of a cluster, a catalog of a registry), and how well.

    `read_at` is the newest reading, whole or not; `whole_at` the newest that may be believed, which alone counts: one
    that is whole, or a catalog that lacks no more repositories than `limits.max_unread_share` allows. `gaps` are the
    unexcused ones of the newest reading.
    """

    kind: str  #: inventory, catalog, usage, health
    source: str  #: name of the cluster or registry
    read_at: datetime | None
    whole_at: datetime | None
    max_age: timedelta
    needed: bool = True  #: False: a cluster that is not `required`; it is told, but spoils nothing
    gaps: tuple[Gap, ...] = field(default=(), repr=False)

    @property
    def name(self) -> str:
        return f"{self.kind} of {self.source}"

    def standing(self, now: datetime) -> Standing:
        if self.read_at is None:
            return "missing"
        if self.whole_at is None:
            return "stale"
        return "fresh" if -_CLOCK_SKEW <= now - self.whole_at <= self.max_age else "stale"

    def why(self, now: datetime) -> str:
        """Words for a source that is not fresh: `inventory of production is 5 hours old, older than 2 hours`."""
        if self.read_at is None:
            return f"{self.name} was never read"
        if self.whole_at is None:
            return f"{self.name} was never read whole{self._first_gap()}"
        age = now - self.whole_at
        if age < -_CLOCK_SKEW:
            return f"{self.name} is dated {span_in_words(-age)} in the future; compare the clocks"
        old = f"{self.name} is {span_in_words(age)} old, older than {span_in_words(self.max_age)}"
        return old + (self._first_gap() if self.read_at > self.whole_at else "")

    def _first_gap(self) -> str:
        if not self.gaps:
            return ""
        more = f", and {len(self.gaps) - 1} more" if len(self.gaps) > 1 else ""
        return f"; not read: {self.gaps[0]}{more}"


def span_in_words(span: timedelta) -> str:
    """`40 seconds`, `5 minutes`, `2 hours`, `3 days`: rounded down, two of a unit at least."""
    seconds = int(span.total_seconds())
    for unit, length in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if seconds >= 2 * length:
            return f"{seconds // length} {unit}s"
    return f"{seconds} second{'s' if seconds != 1 else ''}"
