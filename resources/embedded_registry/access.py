"""Who may do what: basic authentication and the read-only switch, before any route is looked at."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field

from starlette.types import ASGIApp, Receive, Scope, Send

from resources.embedded_registry.answers import rejection_answer
from resources.embedded_registry.rejections import Rejection


@dataclass(frozen=True, slots=True)
class Credentials:
    """The one account of a registry with basic authentication."""

    username: str
    password: str = field(repr=False)

    def match(self, authorization: str) -> bool:
        """Compared in constant time: a wrong password tells nothing about the right one."""
        scheme, _, encoded = authorization.partition(" ")
        if scheme.lower() != "basic":
            return False
        try:
            given = base64.b64decode(encoded.strip(), validate=True)
        except (binascii.Error, ValueError):
            return False
        return hmac.compare_digest(given, f"{self.username}:{self.password}".encode())


@dataclass(frozen=True, slots=True)
class Access:
    """What is allowed. `credentials` are asked for on every request under /v2/."""

    credentials: Credentials | None = None
    deletion: bool = True
    read_only: bool = False

    def check(self, method: str, headers: Mapping[str, str]) -> None:
        """UNAUTHORIZED without the right credentials; UNSUPPORTED for a change where nothing may change."""
        if self.credentials is not None and not self.credentials.match(headers.get("authorization", "")):
            raise Rejection(
                "UNAUTHORIZED",
                "this registry wants a username and a password (basic authentication)",
                headers={"WWW-Authenticate": 'Basic realm="registry", charset="UTF-8"'},
            )
        if self.read_only and method not in ("GET", "HEAD"):
            raise Rejection("UNSUPPORTED", "this registry is read-only", headers={"Allow": "GET, HEAD"})

    def check_deletion(self) -> None:
        if not self.deletion:
            raise Rejection(
                "UNSUPPORTED",
                "deletion is disabled here: start the registry with deletion enabled",
                headers={"Allow": "GET, HEAD, PUT"},
            )


class AccessMiddleware:
    """Asks `Access` about each request."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app = app
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
            try:
                self._access.check(scope["method"], headers)
            except Rejection as rejection:
                await rejection_answer(rejection)(scope, receive, send)
                return
        await self._app(scope, receive, send)
