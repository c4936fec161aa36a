"""One line a request: who, what, how it ended, how long it took. No query, no header, and of the address of an event
only the name: secrets hide in all three."""

from __future__ import annotations

import logging
import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from registry_core.monitoring import one_line
from registry_pipelines.web.answers import EVENTS

log = logging.getLogger("registry_pipelines.web.access")


class AccessLog:
    """Outermost, so that what the guard refuses is logged as well."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = time.monotonic(), 0

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, noting)
        finally:
            client = scope["client"][0] if scope.get("client") else "-"
            took = (time.monotonic() - began) * 1000
            log.info("%s %s %s %s %.0f ms", client, scope["method"], _shown(scope["path"]), status or "failed", took)


def _shown(path: str) -> str:
    if path.startswith(EVENTS):
        name, more, _ = path.removeprefix(EVENTS).partition("/")
        path = f"{EVENTS}{name}/…" if more else path
    return one_line(path)
