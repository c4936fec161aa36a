"""Evidence: the snapshots that a decision stands on, and the time at which what they say was true."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from registry_core.coverage import Coverage, Gap

#: Docker was shown to the world on this day; an image that claims to be older has no date (design §5).
FIRST_IMAGE_EVER = datetime(2013, 3, 20, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One catalog or inventory: which, of when, and how much of it was read."""

    id: str
    as_of: datetime
    coverage: Coverage = field(default_factory=Coverage)

    def age(self, now: datetime) -> timedelta:
        return now - self.as_of

    def to_json(self) -> dict[str, Any]:
        return {"id": self.id, "as_of": self.as_of, "complete": self.coverage.complete}


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was known when it was decided.

    `inventories` by cluster; those of the `required` ones must be there, whole and fresh, before a plan is made
    (of none named: all that are there). Images that were there in our very first catalog have `first_seen_at` =
    `history_began_at`: of those it says nothing. `origin` is the address of the registry; `unnamed` says that no
    reference of any inventory names it.
    """

    registry: str
    catalog: Snapshot
    inventories: Mapping[str, Snapshot] = field(default_factory=dict)
    required: tuple[str, ...] = ()
    history_began_at: datetime | None = None
    origin: str = ""
    unnamed: bool = False

    @property
    def as_of(self) -> datetime:
        """Time of the oldest snapshot: what happened later is not known whole, and counts as the future."""
        return min([self.catalog.as_of, *(inventory.as_of for inventory in self.decisive.values())])

    @property
    def decisive(self) -> dict[str, Snapshot]:
        """The inventories that a plan depends on, by cluster, as far as they are there."""
        names = self.required or tuple(self.inventories)
        return {name: self.inventories[name] for name in sorted(names) if name in self.inventories}

    def gap_of(self, repository: str) -> Gap | None:
        """Why the catalog could not read `repository` whole; None where it did."""
        return next((gap for gap in self.catalog.coverage.gaps if gap.place == repository), None)

    @classmethod
    def at(cls, as_of: datetime, *, registry: str = "", history_began_at: datetime | None = None) -> Evidence:
        """Complete evidence of one moment, for questions about the past and for examples."""
        snapshot = Snapshot(id=f"{as_of:%Y-%m-%dT%H:%M:%SZ}", as_of=as_of)
        return cls(registry=registry, catalog=snapshot, history_began_at=history_began_at)
