"""Coverage: what was asked against what answered.

Law 1: "could not read" is never "nothing there". Every snapshot carries its coverage, and whoever concludes
anything from the *absence* of a row must look at it first.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

Fault = Literal["missing", "corrupt", "forbidden", "unreachable", "throttled"]
"""Five different things that are never told as one another (law 6).

missing      the other side answered: it is not there
corrupt      it answered, and what came is not what its digest, length or type promises
forbidden    it answered that we may not, or refused the request itself
unreachable  no answer, or none that makes sense (refused, timed out, 5xx after all retries, HTML)
throttled    it answered "later" until our patience ended
"""

FAULTS: tuple[Fault, ...] = get_args(Fault)


@dataclass(frozen=True, slots=True)
class Gap:
    """Something that was asked for and not read, so that its rows are unknown rather than absent."""

    place: str  #: what was asked: a repository (`health/web`), a kind of object (`apps/v1 deployments`), …
    fault: Fault
    detail: str  #: one sentence for a person, no secrets
    excused: bool = False  #: the configuration says that this may be missing; the snapshot stays complete

    def __str__(self) -> str:
        return f"{self.place}: {self.fault}{' (excused)' if self.excused else ''}: {self.detail}"


#: Keys of `Coverage.found` of a catalog: requests that were sent, and of these how many were told to come later, and
#: how many failed in a way that can pass, whether or not a retry helped.
REQUESTS = ("requests", "requests throttled", "requests failed")


@dataclass(frozen=True, slots=True)
class Coverage:
    """What a snapshot asked for and what answered.

    `found` counts rows by what they are (`{"v1 pods": 14}` or `{"tags": 132, "repositories": 11}`).
    """

    asked: int = 0  #: places asked: kinds of objects of a cluster, repositories of a registry
    answered: int = 0  #: of these, places that answered whole
    found: Mapping[str, int] = field(default_factory=dict)
    gaps: tuple[Gap, ...] = ()

    @property
    def complete(self) -> bool:
        """True when nothing that matters went unread: every gap is excused."""
        return all(gap.excused for gap in self.gaps)

    @property
    def unexcused(self) -> tuple[Gap, ...]:
        return tuple(gap for gap in self.gaps if not gap.excused)

    def __add__(self, other: Coverage) -> Coverage:
        found = dict(self.found)
        for what, count in other.found.items():
            found[what] = found.get(what, 0) + count
        return Coverage(self.asked + other.asked, self.answered + other.answered, found, self.gaps + other.gaps)

    def summary(self) -> str:
        """One sentence: `complete: 9 of 11 answered, 2 excused` or `incomplete: 9 of 11 answered; not read: …`."""
        excused = len(self.gaps) - len(self.unexcused)
        head = f"{'complete' if self.complete else 'incomplete'}: {self.answered} of {self.asked} answered"
        head += f", {excused} excused" if excused else ""
        if self.complete:
            return head
        shown = "; ".join(str(gap) for gap in self.unexcused[:3])
        more = f"; and {len(self.unexcused) - 3} more" if len(self.unexcused) > 3 else ""
        return f"{head}; not read: {shown}{more}"

    def to_json(self) -> dict[str, Any]:
        return {
            "asked": self.asked,
            "answered": self.answered,
            "found": dict(self.found),
            "gaps": [
                {"place": gap.place, "fault": gap.fault, "detail": gap.detail, "excused": gap.excused}
                for gap in self.gaps
            ],
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Coverage:
        return cls(
            asked=int(value["asked"]),
            answered=int(value["answered"]),
            found={str(what): int(count) for what, count in value["found"].items()},
            gaps=tuple(Gap(**gap) for gap in value["gaps"]),
        )

    @classmethod
    def total(cls, parts: Iterable[Coverage]) -> Coverage:
        """All parts as one; the coverage of nothing is complete and empty."""
        whole = cls()
        for part in parts:
            whole = whole + part
        return whole
