"""Whether a request comes from a Google account: by the identity token that Google signs for it.

Pub/Sub signs its pushes so, where the subscription has a service account. The token is checked by Google's public
certificates, which are fetched once an hour.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

import requests

from registry_core.errors import ConfigError, RegistryError
from resources.unredirected_session import UnredirectedSession

CERTIFICATES = "https://www.googleapis.com/oauth2/v1/certs"

_ISSUERS = frozenset({"accounts.google.com", "https://accounts.google.com"})
_KEPT_SECONDS = 3600.0
#: An unknown key makes us look again, but not more often: anybody may send one.
_LOOK_AGAIN_SECONDS = 60.0
_TIMEOUT_SECONDS = 10
_LONGEST_TOKEN = 16 * 1024


class GoogleIdentity:
    """Knows one account, and the audience that its tokens must be for."""

    def __init__(
        self,
        *,
        account: str,
        audience: str,
        certificates: str = CERTIFICATES,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._account, self._audience, self._address, self._clock = account, audience, certificates, clock
        self._lock = threading.Lock()
        self._known: Mapping[str, str] = {}
        self._read_at: float | None = None

    def is_shown(self, authorization: str | None) -> bool:
        """Whether an `Authorization` header holds a token of the account that is good now.

        Raises RegistryError where the certificates cannot be had, ConfigError where google-auth is not installed.
        """
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or token.count(".") != 2:
            return False
        if len(token) > _LONGEST_TOKEN:
            return False
        jwt = _jwt()
        for older_than in (_KEPT_SECONDS, _LOOK_AGAIN_SECONDS):
            certificates = dict(self._certificates(older_than))
            try:
                claims = jwt.decode(token.strip(), certs=certificates, audience=self._audience)
                return (
                    claims.get("iss") in _ISSUERS
                    and claims.get("email") == self._account
                    and claims.get("email_verified") is True
                )
            except ValueError as error:  # google-auth's own errors are ValueErrors, too
                if "not found" in str(error) or "ould not verify" in str(error):
                    continue  # the key may be newer than what we know
                return False
            except (AttributeError, LookupError, OverflowError, RecursionError, TypeError):
                return False  # parts that are JSON, and not what they should be
        return False

    def _certificates(self, older_than: float) -> Mapping[str, str]:
        with self._lock:
            if self._read_at is None or self._clock() - self._read_at > older_than:
                self._known, self._read_at = self._fetch(), self._clock()
            return self._known

    def _fetch(self) -> Mapping[str, str]:
        try:
            with UnredirectedSession() as session:
                answer = session.get(self._address, timeout=_TIMEOUT_SECONDS)
            if answer.status_code != 200:
                raise requests.HTTPError(f"it answered {answer.status_code}", response=answer)
            found = answer.json()
        except (requests.RequestException, ValueError, RecursionError) as error:
            raise RegistryError(
                f"cannot check a token of Google: its certificates at {self._address} cannot be had"
                f" ({type(error).__name__}); let this service reach them",
                fault="unreachable",
                retryable=True,
            ) from error
        return {str(key): str(text) for key, text in found.items()} if isinstance(found, dict) else {}


def _jwt() -> Any:
    try:
        from google.auth import jwt
    except ImportError as error:
        raise ConfigError(
            "tokens of Google are checked with google-auth, which is not installed; run `pip install"
            " 'registry-pipelines[google]'`",
            subject="events",
        ) from error
    return jwt
