"""`/_images.json`, `/_report.json`, `/_report.csv`: what the check stands on, in the predecessor's shapes."""

from __future__ import annotations

from collections.abc import Callable

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from registry_core.errors import IncompleteSnapshot
from registry_core.monitoring_report import report_csv
from registry_pipelines.web.answers import HEADERS
from registry_pipelines.web.desk import Desk
from registry_pipelines.web.standing import Known

_JSON = "application/json"
_CSV = "text/csv; charset=utf-8"


def report_routes(desk: Desk) -> list[Route]:
    async def answer(make: Callable[[Known], bytes | None], media_type: str, wanted: str) -> Response:
        """503 before there is anything to tell: an empty list would say that nothing is wrong."""
        known = (await desk.standing()).known
        body = await to_thread.run_sync(make, known)
        if body is None:
            raise IncompleteSnapshot(f"there is no {wanted} yet; inventories, catalogs and health reports come first")
        return Response(body, media_type=media_type, headers=HEADERS)

    async def images_json(request: Request) -> Response:
        return await answer(lambda known: known.images_json, _JSON, "list of images")

    async def report_json(request: Request) -> Response:
        return await answer(lambda known: known.report_json, _JSON, "report")

    async def report_as_csv(request: Request) -> Response:
        return await answer(_report_csv, _CSV, "report")

    return [
        Route("/_images.json", images_json),
        Route("/_report.json", report_json),
        Route("/_report.csv", report_as_csv),
    ]


def _report_csv(known: Known) -> bytes | None:
    return None if known.troubles is None else report_csv(known.troubles).encode()
