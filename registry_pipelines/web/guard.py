"""Who may read: everyone on loopback, or whoever shows the token."""

from __future__ import annotations

import base64
import binascii
import hmac
import ipaddress
from collections.abc import Callable

from anyio import to_thread
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from registry_core.errors import ConfigError, Refused
from registry_pipelines.web.answers import EVENTS, Told, told_answer

#: Answers without a token: a kubelet that probes has none, and it says nothing of the site.
OPEN_PATHS = frozenset({"/_health", "/health"})

#: Here the routes themselves ask who is there, each by the secret of its entry: a registry has no token of ours.
_OWN_DOOR = ("POST", EVENTS)

#: Basic is for browsers, which ask a person: any name, and the token as the password.
_CHALLENGES = ('Bearer realm="registry-pipelines"', 'Basic realm="registry-pipelines", charset="UTF-8"')


def is_loopback(host: str) -> bool:
    """Whether nobody but this machine can reach a server that listens there."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def refuse_open_door(host: str, *, has_token: bool, unsafe: bool) -> None:
    """Raises Refused where the whole network could read without a token."""
    if is_loopback(host) or has_token or unsafe:
        return
    raise Refused(
        f"the web service would listen on {host} for everyone, without a token. Name one (`web: {{token: {{file:"
        " PATH}}` in the site's file, or --token-file PATH), or say --unsafe-no-token if a proxy in front asks who"
        " is there"
    )


class Guard:
    """Lets requests through that show the token. `read_token` is asked each time, so that a token may be changed."""

    def __init__(self, app: ASGIApp, read_token: Callable[[], str] | None) -> None:
        self._app = app
        self._read_token = read_token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or self._read_token is None or _is_open(scope):
            await self._app(scope, receive, send)
            return
        try:
            token = await to_thread.run_sync(self._read_token)
        except ConfigError:
            unready = Told(503, "the token of this service cannot be read; look at its configuration")
            await told_answer(scope, unready)(scope, receive, send)
            return
        shown = shown_token(Headers(scope=scope).get("authorization", ""))
        if shown is not None and hmac.compare_digest(shown, token.encode()):
            await self._app(scope, receive, send)
            return
        answer = told_answer(scope, Told(401, "show the token: `Authorization: Bearer …`"))
        for challenge in _CHALLENGES:
            answer.headers.append("WWW-Authenticate", challenge)
        await answer(scope, receive, send)


def _is_open(scope: Scope) -> bool:
    method, beginning = _OWN_DOOR
    return scope["path"] in OPEN_PATHS or (scope["method"] == method and scope["path"].startswith(beginning))


def shown_token(authorization: str) -> bytes | None:
    """The token of a Bearer or Basic header; None where there is none."""
    scheme, _, value = authorization.partition(" ")
    if scheme.lower() == "bearer":
        return value.strip().encode("latin-1")  # as it came over the wire
    if scheme.lower() != "basic":
        return None
    try:
        return base64.b64decode(value.strip(), validate=True).partition(b":")[2]
    except (binascii.Error, ValueError):
        return None
