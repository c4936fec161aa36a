"""What talking to a registry took: requests, and how many of them it could not or would not answer at once."""

from __future__ import annotations

from dataclasses import dataclass

from registry_core.coverage import REQUESTS


@dataclass(frozen=True, slots=True)
class Spent:
    """Counts of requests on the wire. One that was retried with success is among `throttled` or `failed` too."""

    sent: int = 0
    throttled: int = 0  #: answered "later"
    failed: int = 0  #: answered 408, 425 or 5xx, or not at all

    def __add__(self, other: Spent) -> Spent:
        return Spent(self.sent + other.sent, self.throttled + other.throttled, self.failed + other.failed)

    def __sub__(self, other: Spent) -> Spent:
        return Spent(self.sent - other.sent, self.throttled - other.throttled, self.failed - other.failed)

    def found(self) -> dict[str, int]:
        """As a coverage tells it."""
        return dict(zip(REQUESTS, (self.sent, self.throttled, self.failed), strict=True))
