"""One vendor's API over `requests`: sign-in, limits, retries, and all that goes wrong in our words.

It can only read (GET, HEAD) and ask for tokens (POST). What changes anything is in the files named `*_deletion`,
`*_restoration` and `*_collection`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol
from urllib.parse import urlsplit

import requests

from registry_core.errors import RegistryError
from resources.configuration.registry_settings import RegistrySettings
from resources.registry.providers.api_bodies import bounded, content_of
from resources.registry.providers.api_refusals import (
    ApiAnswer,
    Explain,
    nonsense,
    refusal,
    throttled,
    throttled_until,
)
from resources.registry.providers.api_trust import new_session, proxies_for
from resources.registry.refusals import printable
from resources.registry.spent import Spent
from resources.registry.transport.foreign_addresses import NotAnAddress, resolve
from resources.registry.transport.messages import origin
from resources.registry.transport.redirects import REDIRECTS, RedirectRefused, follow
from resources.registry.transport.retries import PASSING, backoff_seconds, retry_after_seconds
from resources.registry.transport.trust import Trust


class SignIn(Protocol):
    """How requests to an API are signed. Called for every request: it keeps what it may keep."""

    def headers(self, client: ApiClient, path: str) -> Mapping[str, str]:
        """Headers for a request to `path`."""

    def refused(self) -> bool:
        """The API said 401. True where asking once more with fresh headers may help."""

    def secrets(self) -> tuple[str, ...]:
        """Texts that no message may hold."""


class NoSignIn:
    """Nobody in particular."""

    def headers(self, client: ApiClient, path: str) -> Mapping[str, str]:
        return {}

    def refused(self) -> bool:
        return False

    def secrets(self) -> tuple[str, ...]:
        return ()


@dataclass(frozen=True, slots=True)
class Query:
    """One question. `wanted` is the rest of the sentence "could not …" of every error about it."""

    wanted: str
    method: str = "GET"
    params: Mapping[str, str | int] | None = None
    json: Any = None
    form: Mapping[str, str] | None = None
    headers: Mapping[str, str] | None = None
    expects: tuple[int, ...] = ()  #: statuses beside 2xx that the caller understands
    signed: bool = True
    once: bool = False  #: do not send it again where it may have been heard: the caller looks what became of it
    explain: Explain | None = None


@dataclass(slots=True)
class _Effort:
    """What one question has cost so far."""

    failures: int = 0
    waited_seconds: float = 0.0
    redirects: int = 0
    refreshed: bool = False


class ApiClient:
    """One API. Safe to share between threads. Every verb raises RegistryError with one of the five faults."""

    methods: ClassVar[frozenset[str]] = frozenset({"GET", "HEAD"})

    def __init__(
        self,
        label: str,
        url: str,
        settings: RegistrySettings,
        sign_in: SignIn | None = None,
        *,
        explain: Explain | None = None,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self.label = label
        self.url = url.rstrip("/")
        self.settings = settings
        self.sign_in: SignIn = sign_in or NoSignIn()
        self.sent = 0  #: requests put on the wire
        self._throttled = 0
        self._failed = 0
        self._explain = explain
        self._pause = pause
        self._trust = Trust(settings.tls.ca, settings.tls.insecure)
        self._timeout_seconds = settings.timeout.total_seconds()
        self._patience_seconds = settings.patience.total_seconds()
        self._closed_until = 0.0
        self._mine = threading.local()
        self._sessions: list[requests.Session] = []
        self._lock = threading.Lock()

    @property
    def spent(self) -> Spent:
        """What all requests so far took; about, as threads do not wait for each other to count."""
        return Spent(self.sent, self._throttled, self._failed)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.url})"

    def get(self, path: str, wanted: str, **keywords: Any) -> ApiAnswer:
        """The answer to a GET; `keywords` as in `Query`."""
        return self.send(path, Query(wanted, **keywords))

    def ask_for_token(self, url: str, query: Query) -> ApiAnswer:
        """A POST that changes nothing: it trades what we have for a token. Not signed."""
        return self._ask(self._address(url, query.wanted), query, signed=False)

    def send(self, path: str, query: Query) -> ApiAnswer:
        """The answer to `query` at `path` (or a whole address of this API): 2xx, or a status that it expects.

        Retried are 408, 425, 429, 5xx and no connection. A limit that lasts longer than `patience` raises at once
        and says until when; until then every other question raises too, without asking.
        """
        if query.method not in self.methods:
            raise ValueError(f"{type(self).__name__} cannot {query.method}: only {sorted(self.methods)}")
        url = self._address(path, query.wanted) if "://" in path else self.url + path
        if origin(url) != origin(self.url):
            raise RegistryError(
                f"{self.label}: could not {query.wanted}: it sends us to another host ({urlsplit(url).netloc}), where"
                " our sign-in does not belong; check the `api` address",
                fault="unreachable",
            )
        return self._ask(url, query, signed=query.signed)

    def close(self) -> None:
        """Close idle connections."""
        with self._lock:
            sessions, self._sessions = self._sessions, []
            self._mine = threading.local()
        for session in sessions:
            session.close()

    def _address(self, written: str, wanted: str) -> str:
        """An address that the other side may have written."""
        try:
            return resolve(self.url + "/", written)
        except NotAnAddress as error:
            raise RegistryError(
                f"{self.label}: could not {wanted}: it sends us to no place: {error}; check the `api` address",
                fault="unreachable",
            ) from error

    def _ask(self, asked: str, query: Query, *, signed: bool) -> ApiAnswer:
        effort, url = _Effort(), asked
        while True:
            self._wait_for_turn(query, effort)
            try:
                answer = self._exchange(url, query, signed)
            except requests.RequestException as error:
                effort.failures += 1
                self._failed += 1
                if query.once or effort.failures > self.settings.retries:
                    raise self._no_answer(error, url, query, effort.failures) from error
                self._pause(backoff_seconds(effort.failures))
                continue
            if 200 <= answer.status < 300 or answer.status in query.expects:
                return answer
            if answer.status in REDIRECTS and (target := self._redirect(answer, asked, url, query, effort)):
                url = target
            elif not self._try_again(answer, query, effort, signed):
                explain = query.explain or self._explain
                raise self._scrubbed(refusal(self.label, query.wanted, answer, explain, tries=effort.failures))

    def _try_again(self, answer: ApiAnswer, query: Query, effort: _Effort, signed: bool) -> bool:
        """Whether asking once more makes sense; the pause before it is over then."""
        if answer.status == 401 and signed and not effort.refreshed:
            effort.refreshed = True
            return self.sign_in.refused()
        until = throttled_until(answer)
        if until is not None:
            self._throttled += 1
            self._closed_until = max(self._closed_until, until)  # all that share this client wait
            return True
        effort.failures += 1
        self._failed += answer.status in PASSING
        wait = retry_after_seconds(answer.headers.get("retry-after")) or backoff_seconds(effort.failures)
        if query.once or answer.status not in PASSING or effort.failures > self.settings.retries:
            return False
        if effort.waited_seconds + wait > self._patience_seconds:
            return False
        effort.waited_seconds += wait
        self._pause(wait)
        return True

    def _redirect(self, answer: ApiAnswer, asked: str, url: str, query: Query, effort: _Effort) -> str:
        """Where to ask instead: on the same host only, as our sign-in travels along. Empty for any other."""
        location = answer.headers.get("location", "")
        if not location:
            return ""
        try:
            target = follow(query.method, asked, url, answer.status, location, hops=effort.redirects)
        except RedirectRefused as no:
            why = f"{self.label}: could not {query.wanted}: {no}"
            raise self._scrubbed(RegistryError(why, fault="unreachable", status=answer.status)) from no
        effort.redirects += 1
        return target if origin(target) == origin(url) else ""

    def _wait_for_turn(self, query: Query, effort: _Effort) -> None:
        wait = self._closed_until - time.time()
        if wait <= 0:
            return
        if effort.waited_seconds + wait > self._patience_seconds:
            raise throttled(self.label, query.wanted, self._closed_until)
        effort.waited_seconds += wait
        self._pause(wait + 0.05)

    def _exchange(self, url: str, query: Query, signed: bool) -> ApiAnswer:
        headers = {"Accept": "application/json", **(query.headers or {})}
        if signed:
            headers |= self.sign_in.headers(self, urlsplit(url).path)
        self.sent += 1
        with self._session().request(
            query.method,
            url,
            params=query.params,
            json=query.json,
            data=query.form,
            headers=headers,
            timeout=self._timeout_seconds,
            allow_redirects=False,
            proxies=proxies_for(self._trust, url),
            stream=True,
        ) as response:
            body = b"".join(bounded(response.iter_content(65536), self.label, query.wanted))
            found = {name.lower(): value for name, value in response.headers.items()}
            return ApiAnswer(response.status_code, found, body, content_of(body), url.partition("?")[0])

    def _session(self) -> requests.Session:
        session: requests.Session | None = getattr(self._mine, "session", None)
        if session is None:
            session = new_session(self.settings.tls)
            self._mine.session = session
            with self._lock:
                self._sessions.append(session)
        return session

    def _no_answer(self, error: requests.RequestException, url: str, query: Query, tries: int) -> RegistryError:
        host = urlsplit(url).netloc.rpartition("@")[2]
        if isinstance(error, requests.exceptions.SSLError):
            why = f"{host} shows a certificate that is not trusted; name its authority in `tls.ca`"
        elif isinstance(error, requests.exceptions.ProxyError):
            why = f"the proxy for {host} does not let us through; check HTTPS_PROXY and NO_PROXY"
        elif isinstance(error, requests.Timeout):
            why = f"{host} did not answer within {self._timeout_seconds:.0f} s; look at the network, or raise `timeout`"
        else:
            reason = printable(type(error).__name__)
            why = f"no connection to {host} ({reason}); check the address and the network"
        after = f" (after {tries} tries)" if tries > 1 else ""
        return self._scrubbed(
            RegistryError(
                f"{self.label}: could not {query.wanted}{after}: {why}",
                fault="unreachable",
                retryable=not isinstance(error, requests.exceptions.SSLError),
            )
        )

    def _scrubbed(self, error: RegistryError) -> RegistryError:
        """The same error without any secret of ours that the other side may have echoed."""
        text = str(error)
        for secret in self.sign_in.secrets():
            if len(secret) >= 4:
                text = text.replace(secret, "[secret]")
        if text == str(error):
            return error
        return RegistryError(text, fault=error.fault, retryable=error.retryable, status=error.status, codes=error.codes)

    def nonsense(self, wanted: str, answer: ApiAnswer, why: str) -> RegistryError:
        """The error for content that is not what it should be."""
        return self._scrubbed(nonsense(self.label, wanted, answer, why))
