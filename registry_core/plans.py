"""What all plans have in common, whatever they plan: a value with a fingerprint, approved by a person, used once.

A new kind of plan is a class that has what `AnyPlan` asks, a line in `PlanKind` and `PLAN_WORDS`, and a line in
`plan_kinds`. The ledger, the approval and the pages know no more of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, ClassVar, Protocol, Self, TypeVar

from registry_core.limits import Limits
from registry_core.plan_words import PlanKind
from registry_core.registry_identity import url_identity


class AnyPlan(Protocol):
    """One plan, frozen. `subject` is the name of what is planned for: a registry, a migration, a cut-over.

    `counted` is the number that an approver types again: of images, or whatever the kind counts (`PLAN_WORDS`).
    """

    kind: ClassVar[PlanKind]

    @property
    def fingerprint(self) -> str:
        """SHA-256 of `to_bytes()`: what an approval names."""

    @property
    def subject(self) -> str: ...

    @property
    def touches(self) -> tuple[str, ...]:
        """What carrying it out changes: `registry main`, `cluster production`. One plan at a time changes a thing."""

    @property
    def as_of(self) -> datetime:
        """The time of its oldest decisive evidence."""

    @property
    def max_age(self) -> timedelta:
        """Later than `as_of` and this it is neither approved nor carried out (`limits.max_plan_age`)."""

    @property
    def counted(self) -> int: ...

    @property
    def entry_count(self) -> int:
        """Lines of the plan. Of none there is nothing to decide."""

    @property
    def figures(self) -> Mapping[str, int]:
        """What a list shows of it beside `counted`; plural nouns, or sizes that end in `_bytes`."""

    def second_person_needed(self, today: Limits | None = None) -> str | None:
        """Why one approver is not enough, as a clause that names the setting; None where one is. Where an image is
        taken away the limits of `today` hold beside those of the plan."""

    def rows(self) -> Iterator[Mapping[str, str]]:
        """One a line of the plan, in its order, as a person reads it: the same short columns in each row."""

    def to_json(self) -> Mapping[str, Any]:
        """The whole plan; its lines are under `entries`."""

    def to_bytes(self) -> bytes:
        """The canonical JSON (`fingerprint.canonical_json`)."""

    @classmethod
    def from_json(cls, value: object, *, expected: str | None = None) -> Self:
        """Read it back. Raises Refused for an unknown format, and where the fingerprint is not `expected`."""


P = TypeVar("P", bound=AnyPlan)
P_co = TypeVar("P_co", bound=AnyPlan, covariant=True)


def registry_touched(name: str, url: str = "") -> tuple[str, ...]:
    """A registry, as `touches` names it: by its name in the configuration, and by its identity where the plan knows its
    address, because a registry that was given another name meanwhile is still the same."""
    return (f"registry {name}", *((f"registry at {url_identity(url)}",) if url else ()))


def cluster_touched(name: str) -> str:
    """A cluster, as `touches` names it."""
    return f"cluster {name}"
