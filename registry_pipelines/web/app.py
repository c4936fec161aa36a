"""The service as an ASGI application."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.routing import Route

from registry_core.errors import RegistryPipelinesError
from registry_pipelines.web.access_log import AccessLog
from registry_pipelines.web.answers import answer_defect, answer_http_error, answer_our_error
from registry_pipelines.web.desk import Desk
from registry_pipelines.web.guard import Guard
from registry_pipelines.web.routes.check import check_routes
from registry_pipelines.web.routes.front import front_routes
from registry_pipelines.web.routes.health import health_routes
from registry_pipelines.web.routes.metrics import metrics_routes
from registry_pipelines.web.routes.reports import report_routes

ReadToken = Callable[[], str]

#: Each group takes the desk; pages with a reader of their own come as `more`.
GROUPS: tuple[Callable[[Desk], list[Route]], ...] = (
    front_routes,
    health_routes,
    check_routes,
    report_routes,
    metrics_routes,
)


def make_app(desk: Desk, *, more: Sequence[Route] = (), read_token: ReadToken | None = None) -> Starlette:
    """All routes over one desk, and `more`. Every route is a GET (and HEAD), but for `event_routes`, where registries
    send what happened: these write into the table of events, and nothing else can be changed."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        yield
        desk.close()

    app = Starlette(
        routes=[*(route for group in GROUPS for route in group(desk)), *more],
        middleware=[Middleware(AccessLog), Middleware(Guard, read_token=read_token)],
        exception_handlers={
            HTTPException: answer_http_error,
            RegistryPipelinesError: answer_our_error,
            Exception: answer_defect,
        },
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False
    return app
