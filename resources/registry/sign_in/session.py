"""The sign-in of one registry, shared by all that talks to it: what it asks for, tokens by scope, refreshes.

Traps: credentials that were refused once are not tried again and again (accounts get locked); a 401 with
`insufficient_scope` is an answer, not a reason to loop; many requests that wait for one token cause one
request for it.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

from registry_core.errors import RegistryError
from resources.registry.refusals import refusal
from resources.registry.sign_in.challenge import Challenge, choose, parse_challenges
from resources.registry.sign_in.login import (
    BearerToken,
    Credential,
    CredentialSource,
    IdentityToken,
    Login,
    secrets_of,
)
from resources.registry.sign_in.token import Token, TokenServer, read_token, token_request
from resources.registry.transport.engine import Engine
from resources.registry.transport.messages import Answer, Request

#: Asks the token server: retries and limits apply, sign-in does not.
AskPlainly = Callable[[Engine, Request], Awaitable[Answer]]


class Session:
    """How requests to one registry are authorized."""

    def __init__(
        self,
        registry: str,
        url: str,
        source: CredentialSource,
        ask: AskPlainly,
        *,
        insecure: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._registry = registry
        self._url = url
        self._source = source
        self._ask = ask
        self._safe = insecure or url.startswith("http:")
        self._clock = clock
        self._read = False
        self._credential: Credential | None = None
        self._scheme = ""
        self._server: TokenServer | None = None
        self._tokens: dict[str, Token] = {}
        self._scopes: dict[str, str] = {}  # as the registry wants them, where that is not as we derive them
        self._proven = False
        self._refused: RegistryError | None = None

    def __repr__(self) -> str:
        return f"Session({self._registry}, {self._scheme or 'not signed in'})"

    @property
    def scheme(self) -> str:
        """`basic`, `bearer`, or empty where the registry has not asked for anything."""
        return self._scheme

    def secrets(self) -> tuple[str, ...]:
        """Every text that no message may hold."""
        return (*secrets_of(self._credential), *(token.value for token in self._tokens.values()))

    async def authorization(self, engine: Engine, scope: str) -> str:
        """Value of `Authorization` for a request of this scope, empty for none. Fetches a token where needed."""
        credential = self._credential if self._read else self._read_credential()
        if self._refused is not None:
            raise _again(self._refused)
        if type(credential) is BearerToken:
            return f"Bearer {credential.value}"
        if self._scheme == "bearer":
            wanted = self._scopes.get(scope, scope)
            token = self._tokens.get(wanted)
            if token is None or token.use_until <= self._clock():
                token = await self._token(engine, wanted)
            return f"Bearer {token.value}"
        if self._scheme == "basic" and type(credential) is Login:
            return credential.basic
        return ""

    def worked(self) -> None:
        """A request of ours was let in with these credentials."""
        self._proven = True

    def challenged(self, answer: Answer, request: Request, used: str) -> str | None:
        """Learn from a 401. None: ask once more, differently; else why that is useless, in one sentence."""
        challenge = choose(parse_challenges(answer.header_lines("www-authenticate")))
        if challenge is None:
            return self._turned_away(used, "it offers neither Basic nor Bearer sign-in")
        if challenge.scheme == "basic":
            return self._basic_challenge(used)
        return self._bearer_challenge(challenge, request, used)

    def _basic_challenge(self, used: str) -> str | None:
        self._scheme = "basic"
        if not isinstance(self._credential, Login):
            what = "a token" if self._credential else "no credentials"
            return f"it wants a user name and password, and we have {what}"
        if used != self._credential.basic:
            return None
        return self._turned_away(used, "it refuses the user name or password")

    def _bearer_challenge(self, challenge: Challenge, request: Request, used: str) -> str | None:
        if isinstance(self._credential, BearerToken):
            return self._turned_away(used, "it refuses the token")
        first = self._scheme != "bearer"
        self._scheme = "bearer"
        self._server = TokenServer.of(challenge, self._url)
        asked = self._scopes.get(request.scope, request.scope)
        scope = challenge.parameters.get("scope", "") or asked
        if scope != asked:
            self._scopes[request.scope] = scope
            return None
        if first or not used:
            return None
        token = self._tokens.get(scope)
        if token is not None and used != f"Bearer {token.value}":
            return None  # refreshed by another request meanwhile
        if challenge.parameters.get("error") == "insufficient_scope":
            return f"this user may not do this ({scope})"
        self._tokens.pop(scope, None)
        return None

    def _turned_away(self, used: str, why: str) -> str | None:
        old = self._credential
        if used and self._read_credential() != old:
            return None  # rotated: try the new one
        return why

    def refuse(self, error: RegistryError) -> None:
        """The registry does not know us at all: nobody asks again with these credentials."""
        if not self._proven and self._credential is not None:
            self._refused = error

    def _read_credential(self) -> Credential | None:
        self._credential = self._source()
        self._read = True
        return self._credential

    async def _token(self, engine: Engine, scope: str) -> Token:
        errand = engine.errands.get(scope)
        if errand is None:
            errand = engine.errands[scope] = engine.spawn(self._fetch(engine, scope))
        try:
            token: Token = await errand
            return token
        finally:
            if engine.errands.get(scope) is errand:
                del engine.errands[scope]

    async def _fetch(self, engine: Engine, scope: str) -> Token:
        assert self._server is not None
        server = self._server
        for again in (True, False):
            credential = self._credential
            request = token_request(server, scope, credential, safe=self._safe)
            answer = await self._ask(engine, request)
            if answer.status < 300:
                token = self._tokens[scope] = read_token(answer, server, self._clock())
                self._proven = True
                if len(self._tokens) > 10_000:
                    self._drop_old()
                return token
            if not (again and self._read_credential() != credential):
                break
        kind = "refresh token" if isinstance(credential, IdentityToken) else "user name or password"
        who = f"the token server refuses; check the {kind}" if credential else "anonymous reading is not allowed"
        error = refusal(answer, request.wanted, self._registry, next_step=f"{who}; see `credentials`")
        error.fault = "forbidden" if answer.status in (400, 401, 403) else "unreachable"
        error.retryable = False
        self.refuse(error)
        raise error

    def _drop_old(self) -> None:
        now = self._clock()
        self._tokens = {scope: token for scope, token in self._tokens.items() if token.use_until > now}


def _again(error: RegistryError) -> RegistryError:
    return RegistryError(str(error), fault=error.fault, status=error.status, codes=error.codes)
