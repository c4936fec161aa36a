"""The Bearer token flow: the question to the token server, and its answer.

Sources: distribution `docs/spec/auth/token.md` (GET with Basic) and `oauth.md` (POST with a refresh token).
Traps: `token` or `access_token`; `expires_in` missing (60 s) or absurd; a realm that is relative, on another
host, or has a query of its own; one `scope` that holds several.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from registry_core.errors import RegistryError
from registry_core.foreign_json import NotJson, read_json
from resources.registry.sign_in.challenge import Challenge
from resources.registry.sign_in.login import Credential, IdentityToken, Login
from resources.registry.transport.foreign_addresses import NotAnAddress, resolve
from resources.registry.transport.messages import MEBIBYTE, Answer, Request, redacted
from resources.registry.transport.trust import is_loopback

_SHORTEST_SECONDS = 60.0
_LONGEST_SECONDS = 3600.0
_MARGIN_SECONDS = 5.0
_CLIENT_ID = "registry-pipelines"


@dataclass(frozen=True, slots=True)
class Token:
    """A token and until when to use it (seconds of the monotonic clock)."""

    value: str = field(repr=False)
    use_until: float


@dataclass(frozen=True, slots=True)
class TokenServer:
    """Where tokens are had, learned from a challenge."""

    realm: str  #: absolute address, its own query included
    service: str

    @classmethod
    def of(cls, challenge: Challenge, registry_url: str) -> TokenServer:
        """Raises RegistryError for a challenge without a realm that can be asked."""
        written = challenge.parameters.get("realm", "")
        try:
            realm = resolve(registry_url, written) if written else ""
        except NotAnAddress as error:
            realm, why = "", f"the realm is no address that can be asked: {error}"
        else:
            why = "it has no realm"
        if not realm:
            raise RegistryError(
                f"{redacted(registry_url)} asks for a Bearer token and does not say where to get one ({why}); correct"
                " the realm in the registry's own configuration",
                fault="forbidden",
                status=401,
            )
        return cls(realm, challenge.parameters.get("service", ""))


def token_request(server: TokenServer, scope: str, credential: Credential | None, *, safe: bool) -> Request:
    """The question for a token over `scope` (several joined by a space).

    `safe` allows credentials over plain HTTP: the registry itself is spoken to so, or anything goes. Raises
    RegistryError where they would travel in the clear otherwise.
    """
    parts = urlsplit(server.realm)
    secret = isinstance(credential, Login | IdentityToken)
    if secret and parts.scheme == "http" and not safe and not is_loopback(parts.hostname or ""):
        raise RegistryError(
            f"the registry sends us to {redacted(server.realm)} for a token, in the clear; no credentials are"
            " sent there; give the token server https (or set `tls.insecure: true` if you must)",
            fault="forbidden",
        )
    wanted = f"get a token from {redacted(server.realm)}"
    if isinstance(credential, IdentityToken):
        form = {"grant_type": "refresh_token", "refresh_token": credential.value, "client_id": _CLIENT_ID}
        form |= {"service": server.service} if server.service else {}
        form |= {"scope": scope} if scope else {}
        return Request(
            "POST",
            server.realm,
            wanted,
            headers=("Content-Type: application/x-www-form-urlencoded",),
            body=urlencode(form).encode(),
            expects=(400, 401, 403, 404, 405),
            body_limit=MEBIBYTE,
        )
    query = parse_qsl(parts.query, keep_blank_values=True)
    if server.service and not any(name == "service" for name, _ in query):
        query.append(("service", server.service))
    query.extend(("scope", one) for one in scope.split())
    headers: tuple[str, ...] = ()
    if isinstance(credential, Login):
        query.append(("account", credential.username))
        headers = (f"Authorization: {credential.basic}",)
    url = urlunsplit((parts.scheme, parts.netloc, parts.path or "/", urlencode(query), ""))
    return Request("GET", url, wanted, headers=headers, expects=(400, 401, 403, 404), body_limit=MEBIBYTE)


def read_token(answer: Answer, server: TokenServer, now: float) -> Token:
    """The token of a 200 answer. Raises RegistryError where there is none in it."""
    try:
        content = read_json(answer.body)
    except NotJson:
        content = None
    content = content if isinstance(content, dict) else {}
    value = content.get("token") or content.get("access_token")
    if not isinstance(value, str) or not value.isascii() or not value.isprintable():
        raise RegistryError(
            f"{redacted(server.realm)} answered without a token (status {answer.status},"
            f" {answer.media_type or 'no content type'}); check the realm in the registry's configuration",
            fault="unreachable",
            status=answer.status,
        )
    lifetime = _lifetime_seconds(content.get("expires_in"))
    return Token(value, now + lifetime - min(_MARGIN_SECONDS, lifetime / 4))


def _lifetime_seconds(expires_in: object) -> float:
    if isinstance(expires_in, bool) or not isinstance(expires_in, int | float | str):
        return _SHORTEST_SECONDS
    try:
        seconds = float(expires_in)
    except (ValueError, OverflowError):
        return _SHORTEST_SECONDS
    return min(seconds, _LONGEST_SECONDS) if seconds >= 1 else _SHORTEST_SECONDS
