"""Attempts at a request: when we may ask, what we do when nothing good comes back, when we give up.

Shared by all that talks to one registry: the bound on requests a second, the pause that it asked for, the budget
of retries, and a breaker for each host (the registry, its token server, where it redirects to).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from registry_core.errors import RegistryError
from registry_core.registry_identity import is_docker_hub
from resources.configuration.provider_settings import DockerHubSettings
from resources.configuration.registry_settings import RegistrySettings
from resources.registry.pull_limit import PullLimit
from resources.registry.refusals import is_about_content, printable
from resources.registry.spent import Spent
from resources.registry.transport.curl_errors import TransferFailed
from resources.registry.transport.engine import pause, transfer
from resources.registry.transport.handles import TOO_LARGE
from resources.registry.transport.messages import Answer, Request
from resources.registry.transport.pace import Pace
from resources.registry.transport.retries import (
    PASSING,
    Breaker,
    RetryBudget,
    backoff_seconds,
    retry_after_seconds,
)


@dataclass(slots=True)
class Effort:
    """What one request has cost so far."""

    failures: int = 0
    waited_seconds: float = 0.0
    challenges: int = 0
    redirects: int = 0


class Attempts:
    """Sends requests of one registry, politely and stubbornly. Secrets are taken out of errors by `scrub`."""

    def __init__(self, label: str, settings: RegistrySettings, scrub: Callable[[RegistryError], RegistryError]) -> None:
        self.label = label
        self.sent = 0  #: requests put on the wire
        self._throttled = 0
        self._failed = 0
        self._scrub = scrub
        self._retries = settings.retries
        self._timeout_seconds = settings.timeout.total_seconds()
        self._patience_seconds = settings.patience.total_seconds()
        self._pace = Pace(settings.requests_per_second)
        self._budget = RetryBudget()
        self._breakers: dict[str, Breaker] = {}
        self._pulls = _pull_limit(label, settings)

    @property
    def spent(self) -> Spent:
        return Spent(self.sent, self._throttled, self._failed)

    def seconds_to_wait(self, request: Request, url: str, effort: Effort) -> float:
        """How long this request has to wait for its turn. Raises RegistryError where it should not be sent at all."""
        why = self._breaker(url).refuses()
        if why is not None:
            raise RegistryError(
                f"{self.label}: could not {request.wanted}: not asked, as several requests before it failed: {why}",
                fault="unreachable",
                retryable=True,
            )
        held = self._pace.held_seconds
        if held and effort.waited_seconds + held > self._patience_seconds:
            raise RegistryError(
                f"{self.label}: could not {request.wanted}: it throttles us and wants us back in"
                f" {_span(held)}, longer than `patience`; try later, or set `requests_per_second`",
                fault="throttled",
                retryable=True,
                status=429,
            )
        if self._pulls is not None:
            self._pulls.check(request)
        delay = self._pace.reserve()
        effort.waited_seconds += min(held, delay)
        return delay

    async def attempt(self, request: Request, url: str, headers: list[str], effort: Effort) -> Answer | None:
        """One attempt. None: it failed in a way that can pass, and the pause before the next is over."""
        self.sent += 1
        try:
            answer = await transfer(request, url, headers)
        except TransferFailed as failure:
            effort.failures += 1
            self._failed += 1
            if await self._try_later(failure, request, url, effort):
                return None
            raise self._no_answer(failure, request, url, effort) from failure
        if self._pulls is not None:
            self._pulls.heard(answer)
        if answer.status not in PASSING or is_about_content(answer):
            self._breaker(url).answered()
            self._budget.earn()
            return answer
        effort.failures += 1
        if answer.status == 429:
            self._throttled += 1
        else:
            self._failed += 1
        asked = retry_after_seconds(answer.header("retry-after"), date=answer.header("date"))
        if await self._pause_for(answer.status, asked, request, effort):
            return None
        return answer

    async def _pause_for(self, status: int, asked: float | None, request: Request, effort: Effort) -> bool:
        wait = backoff_seconds(effort.failures) if asked is None else asked + backoff_seconds(1) / 4
        if effort.waited_seconds + wait > self._patience_seconds:
            if status == 429:  # our patience is at its end: others need not find out one by one
                self._pace.hold(max(wait, self._patience_seconds + 1))
            return False
        if status == 429:
            if asked is not None:
                self._pace.hold(asked)
        elif effort.failures > self._retries or not request.repeatable or not self._budget.take():
            return False
        effort.waited_seconds += wait
        await pause(wait)
        return True

    async def _try_later(self, failure: TransferFailed, request: Request, url: str, effort: Effort) -> bool:
        if failure.final or not request.repeatable or (request.sink is not None and failure.received):
            return False
        if failure.code == TOO_LARGE or effort.failures > self._retries:
            return False
        if self._breaker(url).open or not self._budget.take():
            return False
        await pause(backoff_seconds(effort.failures))
        return True

    def _no_answer(self, failure: TransferFailed, request: Request, url: str, effort: Effort) -> RegistryError:
        host = urlsplit(url).netloc.rpartition("@")[2]
        if failure.code == TOO_LARGE:
            return RegistryError(
                f"{self.label}: could not {request.wanted}: {failure.message}, which no such document should be",
                fault="corrupt",
            )
        why = printable(failure.explain(urlsplit(url).scheme, host, self._timeout_seconds))
        if failure.no_connection and not failure.received:
            self._breaker(url).gave_up(why)
        after = f" (after {effort.failures} tries)" if effort.failures > 1 else ""
        return self._scrub(
            RegistryError(
                f"{self.label}: could not {request.wanted}{after}: {why}",
                fault="unreachable",
                retryable=not failure.final,
            )
        )

    def _breaker(self, url: str) -> Breaker:
        host = url[: url.find("/", 8)]
        breaker = self._breakers.get(host)
        if breaker is None:
            breaker = self._breakers.setdefault(host, Breaker())
        return breaker


def _pull_limit(label: str, settings: RegistrySettings) -> PullLimit | None:
    """Only Docker Hub has one, and no other registry's answers are searched for it."""
    hub = settings.provider.docker_hub
    if hub is None and not is_docker_hub(settings.host):
        return None
    return PullLimit(label, (hub or DockerHubSettings()).reserve)


def _span(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.0f} h"
