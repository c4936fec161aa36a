"""Docker Hub's limit on pulls, told by headers, and a part of it that is left to the clusters.

Source: docs.docker.com/docker-hub/usage/pulls. A GET of a manifest is a pull, a HEAD is none and tells the same. The
limit goes by user, or by address where nobody signs in: what we spend, a node that must pull an image lacks.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta

from registry_core.errors import RegistryError
from resources.registry.transport.messages import Answer, Request

_ALLOWANCE = re.compile(r"([0-9]{1,12})(?![0-9])(?:;w=([0-9]{1,9}))?")


@dataclass(frozen=True, slots=True)
class PullAllowance:
    """How many pulls (GET of a manifest) are left, of how many in which span."""

    left: int
    of: int
    within: timedelta

    @classmethod
    def read(cls, limit: str | None, remaining: str | None) -> PullAllowance | None:
        """From `ratelimit-limit: 100;w=21600` and `ratelimit-remaining: 76;w=21600`; None where there is no limit."""
        of, left = _ALLOWANCE.match(limit or ""), _ALLOWANCE.match(remaining or "")
        if of is None or left is None:
            return None
        return cls(int(left[1]), int(of[1]), timedelta(seconds=int(of[2] or 21_600)))

    def __str__(self) -> str:
        return f"{self.left:,} of {self.of:,} pulls left within {self.within.total_seconds() / 3600:g} h"


class PullLimit:
    """What one registry last said of its limit; `reserve` is the part of it that we leave alone."""

    def __init__(self, label: str, reserve: float) -> None:
        self._label, self._reserve = label, reserve
        self._allowance: PullAllowance | None = None

    def heard(self, answer: Answer) -> None:
        """An answer that tells of no limit changes nothing: blobs come from elsewhere."""
        remaining = answer.header("ratelimit-remaining")
        if remaining is not None:
            self._allowance = PullAllowance.read(answer.header("ratelimit-limit"), remaining) or self._allowance

    def check(self, request: Request) -> None:
        """Raises RegistryError (`throttled`) for a pull that would go into the reserve."""
        left = self._allowance
        if left is None or request.method != "GET" or "/manifests/" not in request.url:
            return
        if left.left <= left.of * self._reserve:
            raise RegistryError(
                f"{self._label}: could not {request.wanted}: {left}, and the last are left to the clusters"
                " (`provider.docker_hub.reserve`); what was read before is kept, run again later",
                fault="throttled",
                retryable=True,
                status=429,
            )
