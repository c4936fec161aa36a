"""`POST /events/NAME`: registries tell what was pushed. The one route that writes, into the table of events only."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from anyio import to_thread
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from registry_core.errors import ConfigError
from registry_core.media_types import without_parameters
from registry_core.push_events import Refusal, read_push_events
from registry_pipelines.web.answers import EVENTS, HEADERS, Told, told_answer
from registry_pipelines.web.event_door import EventDoor
from registry_pipelines.web.lingering import Lingering
from resources.database.push_events import Delivery

Note = Callable[[Delivery], int]
"""Stores a delivery; blocking. Returns how many events of it were new."""

#: How long a sender may take to send a body, in seconds.
PATIENCE = 20.0

_UNCHECKED = "the secret of this entry cannot be read; look at its configuration"

_MOST_DIGITS = 15  # of a length that may be meant


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
        except ConfigError:
            return _refused(request, 503, _UNCHECKED)
        taken = await to_thread.run_sync(_take_in, door, note, request.headers, body)
        if isinstance(taken, Told):
            return told_answer(request.scope, taken)
        return JSONResponse({"events": taken.events, "new": taken.new}, 202, headers=HEADERS)

    return [
        Route(EVENTS + "{name}", take, methods=["POST"]),
        Route(EVENTS + "{name}/{token}", take, methods=["POST"]),
    ]


@dataclass(frozen=True, slots=True)
class _Noted:
    """How many events a delivery had for us, and how many of them were new."""

    events: int
    new: int


def _take_in(door: EventDoor, note: Note, headers: Headers, body: bytes) -> _Noted | Told:
    """Believe, read and store a body; blocking."""
    try:
        if not door.believes(headers, body):
            return Told(401, "the signature is not that of the body by the secret of this entry")
    except ConfigError:
        return Told(503, _UNCHECKED)
    events = read_push_events(door.settings.kind, body, dict(headers))
    if isinstance(events, Refusal):
        return Told(422, events.sentence)
    ours = tuple(event for event in events if door.concerns(event))
    digest = hashlib.sha256(body).hexdigest()
    delivery = Delivery(door.name, door.settings.registry, ours, digest, len(body), datetime.now(UTC))
    return _Noted(len(ours), note(delivery))


def _refused(request: Request, status: int, sentence: str) -> Response:
    """For a body that was not read to its end."""
    return Lingering(told_answer(request.scope, Told(status, sentence)))


def _why_not_json(request: Request) -> str | None:
    media_type = without_parameters(request.headers.get("content-type"))
    if media_type == "application/json" or (media_type.startswith("application/") and media_type.endswith("+json")):
        return None
    return "send JSON, and say so: `Content-Type: application/json`"


async def _body_of(request: Request, most: int) -> bytes | Response:
    """The body, read no further than `most` bytes, and not for ever."""
    too_large = f"an event has at most {most:,} bytes here"
    declared = request.headers.get("content-length", "").strip().lstrip("0")
    if declared.isdecimal() and (len(declared) > _MOST_DIGITS or int(declared) > most):
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
