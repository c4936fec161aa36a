"""Sign-in to Azure Container Registry: an Entra token is traded for a refresh token, that for one of each scope.

Source: Azure/acr docs/AAD-OAuth.md. A user of the registry itself (admin, or a token of a scope map) asks for access
tokens with its password instead.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from urllib.parse import unquote, urlencode

from resources.configuration.provider_settings import AzureSettings
from resources.configuration.secrets import read_secret
from resources.registry.providers.api_client import ApiClient, Query
from resources.registry.providers.api_sign_in import text_in
from resources.registry.sign_in.login import CredentialSource, IdentityToken, Login

CATALOG = "registry:catalog:*"
_LIFETIME_SECONDS = 900.0  # access tokens last 75 minutes at most; a short while is enough here
_REFRESH_SECONDS = 3600.0
_AUDIENCE = "https://containerregistry.azure.net/.default"


class AzureSignIn:
    """Access tokens by scope. `action` is what is wanted of a repository: `metadata_read`, `delete`, …"""

    def __init__(self, refresh: AzureRefresh, host: str, action: str = "metadata_read") -> None:
        self._refresh = refresh
        self._host = host
        self._action = action
        self._tokens: dict[str, tuple[str, float]] = {}
        self._lock = threading.Lock()

    def headers(self, client: ApiClient, path: str) -> Mapping[str, str]:
        scope = self._scope_of(path)
        with self._lock:
            value, use_until = self._tokens.get(scope, ("", 0.0))
            if time.monotonic() >= use_until:
                value = self._refresh.access_token(client, self._host, scope)
                if len(self._tokens) > 1000:
                    self._tokens.clear()
                self._tokens[scope] = (value, time.monotonic() + _LIFETIME_SECONDS)
        return {"Authorization": f"Bearer {value}"}

    def refused(self) -> bool:
        with self._lock:
            had = bool(self._tokens)
            self._tokens.clear()
            self._refresh.forget()
            return had

    def secrets(self) -> tuple[str, ...]:
        return (*(value for value, _ in self._tokens.values()), *self._refresh.secrets())

    def _scope_of(self, path: str) -> str:
        name = unquote(path).removeprefix("/acr/v1/").removeprefix("/v2/")
        for end in ("/_manifests", "/_tags", "/manifests/"):
            name = name.partition(end)[0]
        return CATALOG if name == "_catalog" else f"repository:{name}:{self._action}"


class AzureRefresh:
    """The refresh token of one registry, from Entra, or the login that stands in for it."""

    def __init__(self, own: AzureSettings, credentials: CredentialSource, entra: Callable[[], ApiClient]) -> None:
        self._own = own
        self._credentials = credentials
        self._entra = entra
        self._token = ""
        self._use_until = 0.0

    def access_token(self, client: ApiClient, host: str, scope: str) -> str:
        wanted = f"get a token for {scope}"
        login = self._credentials()
        if isinstance(login, Login):
            query = Query(wanted, headers={"Authorization": login.basic}, signed=False)
            answer = client.send(f"/oauth2/token?{urlencode({'service': host, 'scope': scope})}", query)
            return text_in(client, answer.content, "access_token", wanted)
        refresh = login.value if isinstance(login, IdentityToken) else self.refresh_token(client, host)
        form = {"grant_type": "refresh_token", "service": host, "scope": scope, "refresh_token": refresh}
        answer = client.ask_for_token("/oauth2/token", Query(wanted, method="POST", form=form))
        return text_in(client, answer.content, "access_token", wanted)

    def refresh_token(self, client: ApiClient, host: str) -> str:
        """What `docker login` would keep. Raises RegistryError where Entra or the registry says no."""
        if time.monotonic() >= self._use_until:
            wanted = "trade the Entra token for one of the registry"
            form = {"grant_type": "access_token", "service": host, "access_token": self._entra_token()}
            form |= {"tenant": self._own.tenant} if self._own.tenant else {}
            answer = client.ask_for_token("/oauth2/exchange", Query(wanted, method="POST", form=form))
            self._token = text_in(client, answer.content, "refresh_token", wanted)
            self._use_until = time.monotonic() + _REFRESH_SECONDS
        return self._token

    def forget(self) -> None:
        self._use_until = 0.0

    def secrets(self) -> tuple[str, ...]:
        return (self._token,) if self._token else ()

    def _entra_token(self) -> str:
        if self._own.token is not None:
            return read_secret(self._own.token)
        if self._own.client_secret is None:
            return ""
        wanted = "sign in to Entra"
        form = {
            "grant_type": "client_credentials",
            "client_id": self._own.client_id or "",
            "client_secret": read_secret(self._own.client_secret),
            "scope": _AUDIENCE,
        }
        entra = self._entra()
        answer = entra.ask_for_token(f"/{self._own.tenant}/oauth2/v2.0/token", Query(wanted, method="POST", form=form))
        return text_in(entra, answer.content, "access_token", wanted)
