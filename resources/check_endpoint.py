"""The monitoring check of a running web service, asked over HTTP as a Nagios plugin asks it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from urllib.parse import urlsplit, urlunsplit

import requests

from registry_core.errors import ConfigError, SourceError
from resources.unredirected_session import UnredirectedSession

CHECK_PATH = "/_nagios_check_registry"

#: An answer is a line an image; what is larger comes from something else.
_LARGEST_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class CheckEndpoint:
    """Where to ask, and with which token. An address without a path is that of the service."""

    url: str
    token: str | None = field(default=None, repr=False)
    timeout: timedelta = timedelta(seconds=10)

    def fetch(self) -> str:
        """The text of the answer, whatever its status. Raises SourceError, ConfigError for what is no address."""
        url = _check_url(self.url)
        headers: dict[str, str | bytes] = {"Accept": "text/plain", "User-Agent": "check_docker_registry"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}".encode()
        try:
            # A redirect would be followed to a sign-in page, whose words mean nothing here.
            with (
                UnredirectedSession() as session,
                session.get(url, headers=headers, timeout=self.timeout.total_seconds(), stream=True) as response,
            ):
                body = response.raw.read(_LARGEST_BYTES + 1, decode_content=True)
                status, kind = response.status_code, response.headers.get("Content-Type", "")
        except (requests.RequestException, OSError) as error:
            raise SourceError(
                f"no answer from {url} ({type(error).__name__}); does `registry-pipelines serve` run there?",
                fault="unreachable",
                retryable=True,
            ) from error
        if not kind.startswith("text/plain") or len(body) > _LARGEST_BYTES:
            what = "more than any check says" if len(body) > _LARGEST_BYTES else kind or "something without a type"
            raise SourceError(
                f"{url} answered {status} with {what}, not with a check; is it the address of the web service?",
                fault="corrupt",
            )
        return str(body.decode("utf-8", "replace"))


def _check_url(url: str) -> str:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise ConfigError("write an address: http://monitoring.example.com:8000", subject="--url")
    if "@" in parts.netloc:
        raise ConfigError("an address holds no user or password; name the token with --token-file", subject="--url")
    return urlunsplit((parts.scheme, parts.netloc, parts.path.rstrip("/") or CHECK_PATH, parts.query, ""))
