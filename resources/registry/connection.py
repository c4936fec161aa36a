"""The one way to a registry: sign-in, limits, retries and redirects of every request, few or many.

A `RegistryConnection` is shared by all that talks to one registry in this process, in any thread. The blocking
client, the crawl and the probes are coroutines that call `exchange`; nothing else sends anything.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

from registry_core.errors import RegistryError
from resources.configuration.settings import RegistrySettings
from resources.registry.refusals import printable, refusal
from resources.registry.sign_in.login import CredentialSource, anonymous
from resources.registry.sign_in.session import Session
from resources.registry.transport.curl_errors import TransferFailed
from resources.registry.transport.engine import Engine, pause, transfer
from resources.registry.transport.handles import TOO_LARGE, Handles
from resources.registry.transport.messages import MEBIBYTE, Answer, Request, origin, redacted
from resources.registry.transport.pace import Pace
from resources.registry.transport.retries import (
    PASSING,
    Breaker,
    RetryBudget,
    backoff_seconds,
    retry_after_seconds,
)
from resources.registry.transport.slots import Slots
from resources.registry.transport.trust import Trust

_MOST_REDIRECTS = 5
_MOST_CHALLENGES = 3
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


@dataclass(slots=True)
class _Effort:
    """What one request has cost so far."""

    tries: int = 0
    waited_seconds: float = 0.0
    challenges: int = 0
    redirects: int = 0


class RegistryConnection:
    """One registry, and how we talk to it. Nothing is opened before the first request.

    `credentials` is called when they are needed, and again when they are refused. Raises ConfigError where
    `tls.ca` cannot be read.
    """

    def __init__(
        self,
        name: str,
        settings: RegistrySettings,
        credentials: CredentialSource = anonymous,
        *,
        manifest_limit_bytes: int = 4 * MEBIBYTE,
    ) -> None:
        self.name = name
        self.settings = settings
        self.url = settings.url.rstrip("/")
        self.label = f"registry {name} ({self.url})"
        self.manifest_limit_bytes = manifest_limit_bytes  #: larger documents are not read (`corrupt`)
        self.sent = 0  #: requests put on the wire
        self._origin = origin(self.url)
        self._timeout_seconds = settings.timeout.total_seconds()
        self._patience_seconds = settings.patience.total_seconds()
        self._trust = Trust(settings.tls.ca, settings.tls.insecure)
        self._slots = Slots(settings.connections)
        self._pace = Pace(settings.requests_per_second)
        self._budget = RetryBudget()
        self._breakers: dict[str, Breaker] = {}
        self._session = Session(self.label, self.url, credentials, self._ask_plainly, insecure=settings.tls.insecure)
        self._idle: list[Engine] = []
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"RegistryConnection({self.name}, {self.url})"

    @property
    def sign_in_scheme(self) -> str:
        """`basic`, `bearer`, or empty where the registry did not ask for any so far."""
        return self._session.scheme

    @contextmanager
    def engine(self) -> Iterator[Engine]:
        """An engine of this thread's own for a while; its open connections are kept for the next."""
        with self._lock:
            engine = self._idle.pop() if self._idle else None
        if engine is None:
            engine = Engine(Handles(self._trust, self._timeout_seconds), self._slots)
        try:
            yield engine
        finally:
            if engine.at_rest:
                with self._lock:
                    self._idle.append(engine)
            else:
                engine.close()  # whatever is under way has lost its owner

    def close(self) -> None:
        """Close the idle connections."""
        with self._lock:
            idle, self._idle = self._idle, []
        for engine in idle:
            engine.close()

    async def exchange(self, engine: Engine, request: Request) -> Answer:
        """The answer: 2xx, or a status that the request expects.

        Raises RegistryError for any other, after retries: 408, 429 and 5xx, and no connection, with jitter;
        `Retry-After` is honoured as far as `patience` goes.
        """
        effort = _Effort()
        url = request.url
        at_home = origin(url) == self._origin
        while True:
            await self._wait_for_turn(engine, request, url, effort)
            headers = list(request.headers)
            used = ""
            if at_home:
                used = await self._session.authorization(engine, request.scope)
                if used:
                    headers.append("Authorization: " + used)
            answer = await self._attempt(request, url, headers, effort)
            if answer is None:
                url, at_home = request.url, origin(request.url) == self._origin
                continue
            status = answer.status
            if 200 <= status < 300:
                if used:
                    self._session.worked()
                return answer
            if status == 401 and at_home:
                self._sign_in_again(answer, request, used, effort)
                continue
            if status in _REDIRECTS and (answer.header("location") or ""):
                url = self._redirect(answer, request, url, effort)
                at_home = origin(url) == self._origin
                continue
            if status in request.expects:
                return answer
            raise self._scrubbed(refusal(answer, request.wanted, self.label, tries=effort.tries))

    async def _ask_plainly(self, engine: Engine, request: Request) -> Answer:
        """A request to the token server: no sign-in of ours beyond what it holds, no redirects."""
        effort = _Effort()
        while True:
            await self._wait_for_turn(engine, request, request.url, effort)
            answer = await self._attempt(request, request.url, list(request.headers), effort)
            if answer is None:
                continue
            if 200 <= answer.status < 300 or answer.status in request.expects:
                return answer
            raise self._scrubbed(refusal(answer, request.wanted, self.label, tries=effort.tries))

    async def _wait_for_turn(self, engine: Engine, request: Request, url: str, effort: _Effort) -> None:
        breaker = self._breaker(url)
        why = breaker.refuses()
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
        delay = self._pace.reserve()
        if delay > 0:
            effort.waited_seconds += min(held, delay)
            await pause(delay)

    async def _attempt(self, request: Request, url: str, headers: list[str], effort: _Effort) -> Answer | None:
        """One attempt. None: it failed in a way that can pass, and the pause before the next is over."""
        effort.tries += 1
        self.sent += 1
        try:
            answer = await transfer(request, url, headers)
        except TransferFailed as failure:
            if await self._try_later(failure, request, url, effort):
                return None
            raise self._no_answer(failure, request, url, effort) from failure
        if answer.status not in PASSING:
            self._breaker(url).answered()
            self._budget.earn()
            return answer
        asked = retry_after_seconds(answer.header("retry-after"), date=answer.header("date"))
        if await self._pause_for(answer.status, asked, request, effort):
            return None
        return answer

    async def _pause_for(self, status: int, asked: float | None, request: Request, effort: _Effort) -> bool:
        wait = backoff_seconds(effort.tries) if asked is None else asked + backoff_seconds(1) / 4
        if effort.waited_seconds + wait > self._patience_seconds:
            if status == 429:
                self._pace.hold(wait)
            return False
        if status == 429:
            if asked is not None:
                self._pace.hold(asked)
        elif effort.tries > self.settings.retries or not request.repeatable or not self._budget.take():
            return False
        effort.waited_seconds += wait
        await pause(wait)
        return True

    async def _try_later(self, failure: TransferFailed, request: Request, url: str, effort: _Effort) -> bool:
        if failure.final or not request.repeatable or (request.sink is not None and failure.received):
            return False
        if failure.code == TOO_LARGE or effort.tries > self.settings.retries:
            return False
        if self._breaker(url).open or not self._budget.take():
            return False
        await pause(backoff_seconds(effort.tries))
        return True

    def _no_answer(self, failure: TransferFailed, request: Request, url: str, effort: _Effort) -> RegistryError:
        host = urlsplit(url).netloc.rpartition("@")[2]
        if failure.code == TOO_LARGE:
            return RegistryError(
                f"{self.label}: could not {request.wanted}: {failure.message}, which no such document should be",
                fault="corrupt",
            )
        why = printable(failure.explain(urlsplit(url).scheme, host, self._timeout_seconds))
        if failure.no_connection and not failure.received:
            self._breaker(url).gave_up(why)
        after = f" (after {effort.tries} tries)" if effort.tries > 1 else ""
        return self._scrubbed(
            RegistryError(
                f"{self.label}: could not {request.wanted}{after}: {why}",
                fault="unreachable",
                retryable=not failure.final,
            )
        )

    def _sign_in_again(self, answer: Answer, request: Request, used: str, effort: _Effort) -> None:
        effort.challenges += 1
        why = self._session.challenged(answer, request, used)
        if why is None and effort.challenges < _MOST_CHALLENGES:
            return
        why = why or "it refuses every token that its token server gives"
        error = refusal(answer, request.wanted, self.label, next_step=f"{why}; check `credentials`")
        if self._session.scheme == "basic" and used:
            self._session.refuse(error)
        raise self._scrubbed(error)

    def _redirect(self, answer: Answer, request: Request, url: str, effort: _Effort) -> str:
        effort.redirects += 1
        target = urljoin(url, answer.header("location") or "")
        scheme = urlsplit(target).scheme
        if effort.redirects > _MOST_REDIRECTS:
            why = f"it redirects more than {_MOST_REDIRECTS} times"
        elif scheme not in ("http", "https"):
            why = f"it redirects to something that is not HTTP ({scheme or 'no scheme'})"
        elif scheme == "http" and url.startswith("https:") and "/blobs/" not in request.url:
            why = f"it redirects from https to http ({redacted(target)}), where anybody could answer"
        else:
            return target
        raise RegistryError(
            f"{self.label}: could not {request.wanted}: {why}; check the registry's own address settings",
            fault="unreachable",
            status=answer.status,
        )

    def _breaker(self, url: str) -> Breaker:
        host = url[: url.find("/", 8)]
        breaker = self._breakers.get(host)
        if breaker is None:
            breaker = self._breakers.setdefault(host, Breaker())
        return breaker

    def _scrubbed(self, error: RegistryError) -> RegistryError:
        """The same error without any secret of ours that the other side may have echoed."""
        text = str(error)
        for secret in self._session.secrets():
            if len(secret) >= 4 and secret in text:
                text = text.replace(secret, "[secret]")
        if text == str(error):
            return error
        return RegistryError(text, fault=error.fault, retryable=error.retryable, status=error.status, codes=error.codes)


def _span(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.0f} h"
