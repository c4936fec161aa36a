"""`/metrics`: for Prometheus and whatever reads its text, made from the history at each scrape."""

from __future__ import annotations

from anyio import to_thread
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from registry_pipelines.web.answers import HEADERS
from registry_pipelines.web.desk import Desk
from registry_pipelines.web.families import Scrape
from registry_pipelines.web.metrics import collect_into


def metrics_routes(desk: Desk) -> list[Route]:
    async def metrics(request: Request) -> Response:
        scrape = Scrape(await desk.standing(), desk.moment())
        encode, content_type = choose_encoder(request.headers.get("accept", ""))
        body = await to_thread.run_sync(lambda: encode(_collected(scrape)))
        return Response(body, headers=HEADERS | {"Content-Type": content_type})

    return [Route("/metrics", metrics)]


def _collected(scrape: Scrape) -> CollectorRegistry:
    # A registry of its own for each scrape: nothing of one answer stays behind in the next.
    registry = CollectorRegistry(auto_describe=False)
    collect_into(registry, scrape)
    return registry
