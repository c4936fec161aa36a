"""Ways to sign requests of vendors' APIs: a password, a fixed token, a token that is fetched and kept a while."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping

from registry_core.errors import RegistryError
from resources.registry.providers.api_client import ApiClient
from resources.registry.sign_in.login import Credential, CredentialSource, Login, secrets_of

_MARGIN_SECONDS = 60.0

#: (token, seconds that it lives)
FetchToken = Callable[[ApiClient], tuple[str, float]]


class BasicSignIn:
    """User and password on every request, fetched when first used and again when they are refused."""

    def __init__(self, credentials: CredentialSource) -> None:
        self._credentials = credentials
        self._login: Credential | None = None
        self._fetched = False
        self._lock = threading.Lock()

    def headers(self, client: ApiClient, path: str) -> Mapping[str, str]:
        with self._lock:
            if not self._fetched:
                self._login, self._fetched = self._credentials(), True
        return {"Authorization": self._login.basic} if isinstance(self._login, Login) else {}

    def refused(self) -> bool:
        """The secret may have been rotated: read anew, and try again only with another one."""
        with self._lock:
            before, self._login = self._login, self._credentials()
            return self._login != before

    def secrets(self) -> tuple[str, ...]:
        return secrets_of(self._login)


class TokenSignIn:
    """A bearer token from where it is kept, read anew when it is refused."""

    def __init__(self, read: Callable[[], str | None], *, scheme: str = "Bearer") -> None:
        self._read = read
        self._scheme = scheme
        self._value: str | None = None
        self._lock = threading.Lock()

    def headers(self, client: ApiClient, path: str) -> Mapping[str, str]:
        with self._lock:
            self._value = self._value or self._read()
        return {"Authorization": f"{self._scheme} {self._value}"} if self._value else {}

    def refused(self) -> bool:
        with self._lock:
            before, self._value = self._value, self._read()
            return self._value != before

    def secrets(self) -> tuple[str, ...]:
        return (self._value,) if self._value else ()


class FetchedTokenSignIn:
    """A token that another service gives, kept until shortly before its end. None of it outlives the process."""

    def __init__(self, fetch: FetchToken, *, secrets: Callable[[], tuple[str, ...]] = tuple) -> None:
        self._fetch = fetch
        self._secrets = secrets
        self._value = ""
        self._use_until = 0.0
        self._lock = threading.Lock()

    def token(self, client: ApiClient) -> str:
        """The token, fetched where it is not at hand. Raises RegistryError where none is given."""
        with self._lock:
            if time.monotonic() >= self._use_until:
                self._value, lifetime = self._fetch(client)
                self._use_until = time.monotonic() + max(lifetime - _MARGIN_SECONDS, lifetime / 2)
            return self._value

    def headers(self, client: ApiClient, path: str) -> Mapping[str, str]:
        value = self.token(client)
        return {"Authorization": f"Bearer {value}"} if value else {}

    def refused(self) -> bool:
        with self._lock:
            had, self._use_until = bool(self._value), 0.0
            return had

    def secrets(self) -> tuple[str, ...]:
        return tuple(secret for secret in (self._value, *self._secrets()) if secret)


def text_in(client: ApiClient, content: object, key: str, wanted: str) -> str:
    """A text that an answer must hold, a token most often. Raises RegistryError that does not quote the answer."""
    value = content.get(key) if isinstance(content, dict) else None
    if not isinstance(value, str) or not value or not value.isascii() or not value.isprintable():
        raise RegistryError(
            f"{client.label}: could not {wanted}: the answer holds no `{key}`; look at proxies between",
            fault="unreachable",
        )
    return value
