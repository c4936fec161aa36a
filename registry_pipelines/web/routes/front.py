"""`/`: the state of things on one page, and where to go from there."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from registry_core.monitoring import answer_check
from registry_core.monitoring_uses import GROUNDS
from registry_core.waiting import waits_in_words
from registry_pipelines.web.desk import Desk
from registry_pipelines.web.pages import LINKS, page

_MOST_TROUBLES = 50


def front_routes(desk: Desk) -> list[Route]:
    async def front(request: Request) -> Response:
        standing, moment = await desk.standing(), desk.moment()
        known = standing.known
        troubles = sorted(
            known.troubles or (), key=lambda one: (not one.failing_in_prod, GROUNDS.index(one.ground), one.reference)
        )
        return page(
            "front.html",
            answer=answer_check(standing.sources, known.troubles, moment),
            troubles=troubles,
            shown=_MOST_TROUBLES,
            sources=[(source, source.standing(moment.now)) for source in standing.sources],
            waits=waits_in_words(standing.waits, moment.now),
            figures=known.figures,
            links=LINKS,
            now=moment.now,
        )

    return [Route("/", front)]
