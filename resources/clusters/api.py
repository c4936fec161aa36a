"""One request to an API server: tried again where that can help, and every failure told in our words.

What is here reads. The verbs that change a cluster are in `patching`, which planning cannot import.

Answers are read as plain JSON: the models of the `kubernetes` package cost ten times the time and memory.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Literal
from urllib.parse import urlencode, urlsplit

import urllib3
from kubernetes import client
from kubernetes.config import ConfigException

from registry_core.coverage import Fault
from registry_core.errors import ClusterError
from registry_core.foreign_json import NotJson, read_json, whole_number
from resources.clusters.connection import Connection

_ERROR_BODY_BYTES = 64 * 1024
_LONGEST_WORDS = 300
_DONE = (200, 201)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to try one request again."""

    tries: int = 5
    total: timedelta = timedelta(minutes=2)
    connect: timedelta = timedelta(seconds=10)
    read: timedelta = timedelta(seconds=60)
    pause: Callable[[float], None] = field(default=time.sleep, repr=False)


@dataclass(frozen=True, slots=True)
class Asking:
    """One request. Its body may hold a secret and is in no message."""

    method: Literal["GET", "PATCH", "POST", "DELETE"]
    path: str
    query: Mapping[str, str | int] = field(default_factory=dict)
    body: bytes | None = field(default=None, repr=False)
    content_type: str = "application/json"


class ApiError(ClusterError):
    """One request failed for good. `status` is None where no answer came.

    `hopeless` tells that every other request to this cluster will fail the same way.
    """

    def __init__(
        self, message: str, *, fault: Fault, status: int | None = None, passing: bool = False, hopeless: bool = False
    ) -> None:
        super().__init__(message, fault=fault, retryable=passing)
        self.status = status
        self.hopeless = hopeless
        self.wait: float | None = None  #: seconds that the server asked for


class KubernetesApi:
    """GET for one cluster. Connects at the first request."""

    def __init__(self, connection: Connection, patience: Patience | None = None) -> None:
        self.connection = connection
        self._patience = patience or Patience()
        self._client: client.ApiClient | None = None
        self._answers = True  #: whether the last request got any answer; if not, the next is tried once only

    def get(self, path: str, query: Mapping[str, str | int] | None = None) -> dict[str, Any]:
        """The JSON object at `path`. Raises ApiError, or ClusterError where the configuration is unusable."""
        return self._request(Asking("GET", path, query or {}))

    def _request(self, asking: Asking) -> dict[str, Any]:
        started = time.monotonic()
        tries = self._patience.tries if self._answers else 1
        attempt = 0
        while True:
            attempt += 1
            try:
                answer = self._ask(asking)
            except ApiError as error:
                self._answers = error.status is not None
                wait = error.wait if error.wait is not None else random.uniform(0.5, 1) * 2 ** (attempt - 1)  # noqa: S311
                spent = time.monotonic() - started
                if not error.retryable or attempt >= tries or spent + wait > self._patience.total.total_seconds():
                    raise
                self._patience.pause(wait)
            else:
                self._answers = True
                return answer

    def close(self) -> None:
        """Let go of the connections; the next request opens new ones."""
        if self._client is not None:
            self._client.rest_client.pool_manager.clear()
            self._client = None

    def _ask(self, asking: Asking) -> dict[str, Any]:
        if self._client is None:
            self._client = self.connection.open()
        headers = {"Accept": "application/json", "Accept-Encoding": "gzip", "User-Agent": "registry-pipelines"}
        if asking.body is not None:
            headers["Content-Type"] = asking.content_type
        query = f"?{urlencode(asking.query)}" if asking.query else ""
        url = f"{self._client.configuration.host}{asking.path}{query}"
        timeout = urllib3.Timeout(
            connect=self._patience.connect.total_seconds(), read=self._patience.read.total_seconds()
        )
        try:
            self._client.update_params_for_auth(headers, [], ["BearerToken"])
            response = self._client.rest_client.pool_manager.request(
                asking.method, url, headers=headers, body=asking.body, preload_content=False, redirect=False,
                timeout=timeout,
            )  # fmt: skip
            try:
                if response.status in _DONE:
                    body = response.read()
                else:
                    body = response.read(_ERROR_BODY_BYTES)
                    response.close()
            finally:
                response.release_conn()
        except ConfigException as error:
            raise self._error(asking, f"the token could not be renewed: {error}", "forbidden", hopeless=True) from error
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            raise self._no_answer(asking, error) from error
        return self._read(asking, response, body)

    def _read(self, asking: Asking, response: urllib3.BaseHTTPResponse, body: bytes) -> dict[str, Any]:
        status = response.status
        html = "html" in response.headers.get("Content-Type", "") or body[:200].lstrip()[:1] == b"<"
        if 300 <= status < 400:
            target = _host_of(response.headers.get("Location", "")) or "another path"
            words = f"it sent us on to {target} ({status}): that is a sign-in page or a proxy, not an API server"
            raise self._error(asking, words, "unreachable", status=status, hopeless=True)
        if html and status not in (401, 403, 408, 429, 502, 503, 504):
            words = f"it answered HTML ({status}): that is a web page or a proxy, not an API server"
            raise self._error(asking, words, "unreachable", status=status, hopeless=True)
        if status in _DONE:
            try:
                value = read_json(body)
            except NotJson as error:
                words = f"its answer of {len(body):,} bytes is not JSON"
                raise self._error(asking, words, "unreachable", status=status, passing=True) from error
            if isinstance(value, dict):
                return value
            raise self._error(asking, "its answer is no Kubernetes object", "unreachable", status=status)
        raise self._refused(asking, response, "" if html else _words_of(body))

    def _refused(self, asking: Asking, response: urllib3.BaseHTTPResponse, words: str) -> ApiError:
        status = response.status
        said = f"{status}{': ' + words if words else ''}"
        if status == 401:
            what = f"it did not accept our credentials ({said}): {self.connection.sign_in_again}"
            return self._error(asking, what, "forbidden", status=status, hopeless=True)
        if status == 403:
            return self._error(asking, f"it is forbidden to us ({said})", "forbidden", status=status)
        if status == 404:
            return self._error(asking, f"it knows no such thing ({said})", "missing", status=status)
        fault: Fault = "throttled" if status == 429 else "unreachable"
        passing = status in (408, 429) or status >= 500
        error = self._error(asking, f"it answered {said}", fault, status=status, passing=passing)
        error.wait = _seconds(response.headers.get("Retry-After"))
        return error

    def _no_answer(self, asking: Asking, error: Exception) -> ApiError:
        cause: object = error
        if isinstance(error, urllib3.exceptions.MaxRetryError) and error.reason is not None:
            cause = error.reason
        text = str(cause)
        if "CERTIFICATE_VERIFY_FAILED" in text or "certificate verify failed" in text:
            why = text.partition("certificate verify failed: ")[2].split(" (_ssl")[0] or "not trusted"
            words = f"its certificate is not accepted ({why}); name its authority in the kubeconfig or in `tls.ca`"
            return self._error(asking, words, "unreachable", hopeless=True)
        if any(sign in text for sign in ("WRONG_VERSION_NUMBER", "RECORD_LAYER", "wrong version number")):
            return self._error(asking, "it speaks HTTP where HTTPS was asked", "unreachable", hopeless=True)
        if isinstance(cause, urllib3.exceptions.SSLError):
            return self._error(asking, f"TLS failed ({_short(text)})", "unreachable", hopeless=True)
        if isinstance(cause, urllib3.exceptions.ProxyError):
            return self._error(
                asking, "the proxy on the way to it does not answer", "unreachable", passing=True, hopeless=True
            )
        # These two are timeouts to urllib3, so they are asked for first.
        if isinstance(cause, urllib3.exceptions.NameResolutionError):
            return self._error(asking, "its name cannot be resolved", "unreachable", passing=True, hopeless=True)
        if isinstance(cause, urllib3.exceptions.NewConnectionError):
            words = f"no connection ({_short(text.rpartition(': ')[2])})"
            return self._error(asking, words, "unreachable", passing=True, hopeless=True)
        if isinstance(cause, urllib3.exceptions.TimeoutError):
            silent = isinstance(cause, urllib3.exceptions.ConnectTimeoutError)
            waited = self._patience.connect if silent else self._patience.read
            words = f"no answer within {waited.total_seconds():g} seconds"
            return self._error(asking, words, "unreachable", passing=True, hopeless=silent)
        if isinstance(cause, (urllib3.exceptions.ProtocolError, urllib3.exceptions.DecodeError, ConnectionError)):
            return self._error(asking, "the connection broke in the middle", "unreachable", passing=True)
        return self._error(asking, f"it could not be asked ({type(cause).__name__})", "unreachable")

    def _error(
        self,
        asking: Asking,
        words: str,
        fault: Fault,
        *,
        status: int | None = None,
        passing: bool = False,
        hopeless: bool = False,
    ) -> ApiError:
        place = f"cluster {self.connection.cluster} ({self.connection.describe()})"
        return ApiError(
            f"{place}: {asking.method} {asking.path}: {words}",
            fault=fault,
            status=status,
            passing=passing,
            hopeless=hopeless,
        )


def _host_of(location: str) -> str:
    """The host that a redirect names, without a user; empty where it names none that can be read."""
    try:
        return urlsplit(location).netloc.rpartition("@")[2]
    except ValueError:
        return ""


def _words_of(body: bytes) -> str:
    """The server's own message: of a `Status` object, else the beginning of a plain text."""
    text = body.decode("utf-8", "replace")
    try:
        value = read_json(text)
    except NotJson:
        return _short(text)
    return _short(str(value.get("message") or "")) if isinstance(value, dict) else ""


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST_WORDS else line[: _LONGEST_WORDS - 1] + "…"


def _seconds(retry_after: str | None) -> float | None:
    """`Retry-After` in seconds or as a date; None where it says nothing."""
    if not retry_after:
        return None
    if (seconds := whole_number(retry_after.strip())) is not None:
        return float(seconds)
    try:
        until = parsedate_to_datetime(retry_after)
    except (ValueError, IndexError, TypeError, OverflowError):
        return None
    return max(0.0, (until.replace(tzinfo=until.tzinfo or UTC) - datetime.now(UTC)).total_seconds())
