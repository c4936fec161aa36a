"""The one way to a registry: sign-in, limits, retries and redirects of every request, few or many.

A `RegistryConnection` is shared by all that talks to one registry in this process, in any thread. The blocking
client, the crawl and the probes are coroutines that call `exchange`; nothing else sends anything.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from registry_core.errors import RegistryError
from resources.configuration.registry_settings import RegistrySettings
from resources.registry.attempts import Attempts, Effort
from resources.registry.refusals import refusal
from resources.registry.sign_in.login import CredentialSource, anonymous
from resources.registry.sign_in.session import Session
from resources.registry.spent import Spent
from resources.registry.transport.engine import Engine, pause
from resources.registry.transport.handles import Handles
from resources.registry.transport.messages import MEBIBYTE, Answer, Request, origin
from resources.registry.transport.redirects import REDIRECTS, RedirectRefused, follow
from resources.registry.transport.slots import Slots
from resources.registry.transport.trust import Trust

_MOST_CHALLENGES = 3


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
        self.credentials = credentials  #: for the vendor's own API, which signs in by itself
        self.settings = settings
        self.url = settings.url.rstrip("/")
        self.label = f"registry {name} ({self.url})"
        self.manifest_limit_bytes = manifest_limit_bytes  #: larger documents are not read (`corrupt`)
        self._origin = origin(self.url)
        self._home = self.url + "/"
        self._timeout_seconds = settings.timeout.total_seconds()
        self._trust = Trust(settings.tls.ca, settings.tls.insecure)
        self._slots = Slots(settings.connections)
        self._attempts = Attempts(self.label, settings, self._scrubbed)
        self._session = Session(self.label, self.url, credentials, self._ask_plainly, insecure=settings.tls.insecure)
        self._idle: list[Engine] = []
        self._lock = threading.Lock()
        self._process = os.getpid()

    def __repr__(self) -> str:
        return f"RegistryConnection({self.name}, {self.url})"

    @property
    def sign_in_scheme(self) -> str:
        """`basic`, `bearer`, or empty where the registry did not ask for any so far."""
        return self._session.scheme

    @property
    def sent(self) -> int:
        """Requests put on the wire so far, retries and sign-in included."""
        return self._attempts.sent

    @property
    def spent(self) -> Spent:
        """What all requests so far took."""
        return self._attempts.spent

    @contextmanager
    def engine(self) -> Iterator[Engine]:
        """An engine of this thread's own for a while; its open connections are kept for the next."""
        with self._lock:
            if self._process != os.getpid():  # after a fork the sockets are our parent's
                self._process, self._idle = os.getpid(), []
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
        effort = Effort()
        url = request.url
        at_home = self._at_home(url)
        while True:
            if delay := self._attempts.seconds_to_wait(request, url, effort):
                await pause(delay)
            headers = list(request.headers)
            used = ""
            if at_home:
                used = await self._session.authorization(engine, request.scope)
                if used:
                    headers.append("Authorization: " + used)
            answer = await self._attempts.attempt(request, url, headers, effort)
            if answer is None:
                url, at_home, effort.redirects = request.url, self._at_home(request.url), 0
                continue
            status = answer.status
            if 200 <= status < 300:
                if used:
                    self._session.worked()
                return answer
            if status == 401 and at_home:
                self._sign_in_again(answer, request, used, effort)
                continue
            if status in REDIRECTS and (answer.header("location") or ""):
                url = self._redirect(answer, request, url, effort)
                at_home = self._at_home(url)
                continue
            if status in request.expects:
                return answer
            raise self._scrubbed(refusal(answer, request.wanted, self.label, tries=effort.failures))

    async def _ask_plainly(self, engine: Engine, request: Request) -> Answer:
        """A request to the token server: no sign-in of ours beyond what it holds, no redirects."""
        effort = Effort()
        while True:
            if delay := self._attempts.seconds_to_wait(request, request.url, effort):
                await pause(delay)
            answer = await self._attempts.attempt(request, request.url, list(request.headers), effort)
            if answer is None:
                continue
            if 200 <= answer.status < 300 or answer.status in request.expects:
                return answer
            raise self._scrubbed(refusal(answer, request.wanted, self.label, tries=effort.failures))

    def _sign_in_again(self, answer: Answer, request: Request, used: str, effort: Effort) -> None:
        effort.challenges += 1
        why = self._session.challenged(answer, request, used)
        if why is None and effort.challenges < _MOST_CHALLENGES:
            return
        why = why or "it refuses every token that its token server gives"
        error = refusal(answer, request.wanted, self.label, next_step=f"{why}; check `credentials`")
        if self._session.scheme == "basic" and used:
            self._session.refuse(error)
        raise self._scrubbed(error)

    def _redirect(self, answer: Answer, request: Request, url: str, effort: Effort) -> str:
        try:
            target = follow(
                request.method, request.url, url, answer.status, answer.header("location") or "", hops=effort.redirects
            )
        except RedirectRefused as refused:
            raise self._scrubbed(
                RegistryError(
                    f"{self.label}: could not {request.wanted}: {refused}", fault="unreachable", status=answer.status
                )
            ) from refused
        effort.redirects += 1
        return target

    def _at_home(self, url: str) -> bool:
        """Whether credentials may go there: same scheme, host and port as the registry."""
        return url.startswith(self._home) or origin(url) == self._origin

    def _scrubbed(self, error: RegistryError) -> RegistryError:
        """The same error without any secret of ours that the other side may have echoed."""
        text = str(error)
        for secret in self._session.secrets():
            if len(secret) >= 4 and secret in text:
                text = text.replace(secret, "[secret]")
        if text == str(error):
            return error
        return RegistryError(
            text,
            fault=error.fault,
            retryable=error.retryable,
            status=error.status,
            codes=error.codes,
            lacks=error.lacks,
        )
