"""`/_nagios_check_registry`: what a monitoring system asks, in the predecessor's words."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from registry_pipelines.web.answers import CHECK_PATHS, HEADERS
from registry_pipelines.web.desk import Desk


def check_routes(desk: Desk) -> list[Route]:
    async def check(request: Request) -> Response:
        """503 where the check could not be made; a warning that could be given is a good answer, with 200."""
        answer = await desk.check()
        return PlainTextResponse(answer.text, 200 if answer.healthy else 503, headers=HEADERS)

    return [Route(path, check) for path in CHECK_PATHS]
