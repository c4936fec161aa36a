"""`POST /events/NAME`: registries tell what was pushed. The one route that writes, into the table of events only."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from anyio import to_thread
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from registry_core.errors import ConfigError
from registry_core.media_types import without_parameters
from registry_core.push_events import Refusal, read_push_events
from registry_pipelines.web.answers import EVENTS, HEADERS, Told, told_answer
from registry_pipelines.web.event_door import EventDoor
from resources.database.push_events import Delivery

Note = Callable[[Delivery], int]
"""Stores a delivery; blocking. Returns how many events of it were new."""

#: How long a sender may take to send a body, in seconds.
PATIENCE = 20.0


def event_routes(doors: Mapping[str, EventDoor], note: Note) -> list[Route]:
    async def take(request: Request) -> Response:
        """Checked, stored, answered: what follows from an event is done by others, later."""
        door = doors.get(request.path_params["name"])
        if door is None:
            return _refused(request, 404, "no events are configured under this name")
        try:
            if not await to_thread.run_sync(door.lets_in, request.headers, request.path_params.get("token")):
                return _refused(request, 401, "this does not show the secret of this entry")
            if (refusal := _why_not_json(request)) is not None:
                return _refused(request, 415, refusal)
            body = await _body_of(request, door.settings.largest_bytes)
            if isinstance(body, Response):
                return body
            if not await to_thread.run_sync(door.believes, request.headers, body):
                return _refused(request, 401, "the signature is not that of the body by the secret of this entry")
        except ConfigError:
            return _refused(request, 503, "the secret of this entry cannot be read; look at its configuration")
        events = await to_thread.run_sync(read_push_events, door.settings.kind, body, dict(request.headers))
        if isinstance(events, Refusal):
            return _refused(request, 422, events.sentence)
        ours = tuple(event for event in events if door.concerns(event))
        digest = hashlib.sha256(body).hexdigest()
        delivery = Delivery(door.name, door.settings.registry, ours, digest, len(body), datetime.now(UTC))
        new = await to_thread.run_sync(note, delivery)
        return JSONResponse({"events": len(ours), "new": new}, 202, headers=HEADERS)

    return [
        Route(EVENTS + "{name}", take, methods=["POST"]),
        Route(EVENTS + "{name}/{token}", take, methods=["POST"]),
    ]


def _refused(request: Request, status: int, sentence: str) -> Response:
    answer = told_answer(request.scope, Told(status, sentence))
    answer.headers["Connection"] = "close"  # what of the body was not read is not a request
    return answer


def _why_not_json(request: Request) -> str | None:
    media_type = without_parameters(request.headers.get("content-type"))
    if media_type == "application/json" or (media_type.startswith("application/") and media_type.endswith("+json")):
        return None
    return "send JSON, and say so: `Content-Type: application/json`"


async def _body_of(request: Request, most: int) -> bytes | Response:
    """The body, read no further than `most` bytes, and not for ever."""
    too_large = f"an event has at most {most:,} bytes here"
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > most:
        return _refused(request, 413, too_large)
    read = bytearray()
    try:
        async with asyncio.timeout(PATIENCE):
            async for part in request.stream():
                read += part
                if len(read) > most:
                    return _refused(request, 413, too_large)
    except TimeoutError:
        return _refused(request, 408, f"the body did not come within {PATIENCE:g} seconds")
    except ClientDisconnect:
        return _refused(request, 400, "the connection was closed before the body was there")
    return bytes(read)
