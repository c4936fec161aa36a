"""`/_health`: whether this service can answer. Open to everyone, so it says nothing of the site."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from registry_core.errors import SourceError
from registry_core.monitoring_evidence import Standing
from registry_pipelines.web.answers import HEADERS
from registry_pipelines.web.desk import Desk


def health_routes(desk: Desk) -> list[Route]:
    """Also under the name that the predecessor's first versions used."""

    async def health(request: Request) -> Response:
        """200 while the history answers. Stale evidence is told but is no reason to start the service anew."""
        try:
            standing = await desk.standing()
        except SourceError as error:
            return _told(request, {"status": "ERROR", "history": error.fault}, 503)
        now = desk.moment().now
        found = {source.standing(now) for source in standing.sources if source.needed}
        worst: Standing = "missing" if "missing" in found else "stale" if "stale" in found else "fresh"
        return _told(request, {"status": "OK", "history": "answers", "evidence": worst if found else "missing"}, 200)

    return [Route("/_health", health), Route("/health", health)]


def _told(request: Request, body: dict[str, str], status: int) -> Response:
    if request.headers.get("accept", "").startswith("text/plain"):
        return PlainTextResponse(f"{body['status']}\n", status, headers=HEADERS)
    return JSONResponse(body, status, headers=HEADERS)
