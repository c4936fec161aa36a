"""How long a migration takes, about, at the rate that was seen so far; unknown where nothing was copied yet."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from registry_core.migration import MigrationPlan


@dataclass(frozen=True, slots=True)
class CopyRate:
    """What earlier migrations copied, and in how much time on the clock, images side by side."""

    images: int
    sent_bytes: int
    seconds: float

    def __str__(self) -> str:
        return f"{self.sent_bytes / self.seconds / 1e6:,.0f} MB/s, {self.images / self.seconds:,.1f} images a second"


def expected_duration(plan: MigrationPlan, rate: CopyRate | None) -> timedelta | None:
    """About how long it takes. Bytes and images were moved in the same time, so the one that takes longer decides."""
    if rate is None or rate.seconds <= 0 or not rate.images:
        return None
    of_images = plan.images * rate.seconds / rate.images
    of_bytes = plan.travel_bytes * rate.seconds / rate.sent_bytes if rate.sent_bytes else 0.0
    if plan.travel_bytes and not rate.sent_bytes:
        return None
    return timedelta(seconds=max(of_images, of_bytes))
