"""Answers that every route shares: errors in the form that the reader wants, and one sentence each."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import Scope

from registry_core.errors import RegistryPipelinesError
from registry_core.monitoring import one_line
from registry_pipelines.web.pages import page

#: Told in plain text, first word first, whatever the reader accepts: a plugin reads them.
CHECK_PATHS = ("/_nagios_check_registry", "/nagios_check_registry")

#: Where registries send events to; the one place where something may be sent.
EVENTS = "/events/"

#: Of every answer: it is of this moment, and it is what its type says.
HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


@dataclass(frozen=True, slots=True)
class Told:
    """A status and one sentence."""

    status: int
    sentence: str


def wants_html(headers: Headers) -> bool:
    """Whether this is a browser: it names HTML before JSON. Programs name neither and get JSON."""
    accept = headers.get("accept", "").lower()
    html, plain = accept.find("text/html"), accept.find("application/json")
    return html >= 0 and (plain < 0 or html < plain)


def told_answer(scope: Scope, told: Told) -> Response:
    """The sentence as JSON, as a page, or, from the check, as a plugin reads it."""
    if scope["path"] in CHECK_PATHS:
        return PlainTextResponse(f"ERROR: {one_line(told.sentence)}\n", told.status, headers=HEADERS)
    phrase = HTTPStatus(told.status).phrase
    if wants_html(Headers(scope=scope)):
        return page("told.html", told.status, phrase=phrase, sentence=told.sentence)
    return JSONResponse({"error": phrase, "sentence": told.sentence}, told.status, headers=HEADERS)


async def answer_http_error(request: Request, error: Exception) -> Response:
    """No such page, or none for this method."""
    if not isinstance(error, HTTPException):
        raise error
    only = "events are sent here, by POST" if request.url.path.startswith(EVENTS) else "only read here"
    sentences = {404: "there is nothing at this address; the front page lists what there is", 405: only}
    answer = told_answer(request.scope, Told(error.status_code, sentences.get(error.status_code, error.detail)))
    answer.headers.update(error.headers or {})
    return answer


async def answer_our_error(request: Request, error: Exception) -> Response:
    """The history cannot be read: the service is not available, and says why."""
    if not isinstance(error, RegistryPipelinesError):
        raise error
    answer = told_answer(request.scope, Told(503, str(error)))
    answer.headers["Retry-After"] = "5"
    return answer


async def answer_defect(request: Request, error: Exception) -> Response:
    """Nobody outside learns what went wrong inside; the log does."""
    return told_answer(request.scope, Told(500, "this should not have happened; the log of the service says more"))
