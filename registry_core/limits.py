"""Limits: the brakes. A snapshot older than these is not believed, a plan beyond these is refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import timedelta
from typing import Any

from registry_core.policy_spans import parse_span, print_span


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The limits of a site, with the names that its configuration gives them (`limits.max_evicted_images`).

    An image of a limit is a manifest: what belongs to an index and goes with it counts too.
    """

    max_inventory_age: timedelta = timedelta(hours=2)
    max_catalog_age: timedelta = timedelta(hours=30)
    max_plan_age: timedelta = timedelta(hours=24)  #: also how long an approval holds
    max_evicted_images: int = 500
    max_evicted_share: float = 0.9  #: of the stored images of the registry
    max_unread_share: float = 0.05  #: of the repositories; unread ones are kept, and with more nothing is planned
    min_images_in_use: int = 10  #: fewer used images mean that the inventory is not to be believed
    second_person_above_images: int | None = None  #: more than this needs a second, different approver
    second_person_above_share: float | None = None

    def __post_init__(self) -> None:
        for name in ("max_evicted_images", "min_images_in_use", "second_person_above_images"):
            value = getattr(self, name)
            if value is not None and value < 0:
                raise ValueError(f"limits.{name} is {value}: write a number of images, 0 or more")
        for name in ("max_evicted_share", "max_unread_share", "second_person_above_share"):
            value = getattr(self, name)
            if value is not None and not 0 <= value <= 1:
                raise ValueError(f"limits.{name} is {value}: write a share between 0 and 1")

    def needs_second_person(self, *, images: int, share: float) -> str | None:
        """Why one approver is not enough, as a clause that names the setting; None where one is."""
        most, largest = self.second_person_above_images, self.second_person_above_share
        if most is not None and images > most:
            return f"{images:,} images go, more than limits.second_person_above_images = {most:,}"
        if largest is not None and share > largest:
            return f"{share:.0%} of the registry goes, more than limits.second_person_above_share = {largest:.0%}"
        return None

    def stricter(self, other: Limits) -> Limits:
        """Of each limit the stricter of both."""
        values: dict[str, Any] = {}
        for field in fields(self):
            both = [value for value in (getattr(self, field.name), getattr(other, field.name)) if value is not None]
            values[field.name] = (max if field.name.startswith("min_") else min)(both, default=None)
        return Limits(**values)

    def to_json(self) -> dict[str, Any]:
        written: dict[str, Any] = {}
        for field in fields(self):
            value = getattr(self, field.name)
            written[field.name] = print_span(value) if isinstance(value, timedelta) else value
        return written

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Limits:
        read: dict[str, Any] = {}
        for field in fields(cls):
            if field.name in value:
                given = value[field.name]
                read[field.name] = parse_span(given) if field.name.endswith("_age") else given
        return cls(**read)
