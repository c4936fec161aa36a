"""Lists: repositories, tags, referrers (OCI distribution specification, end-8, end-12; Docker's `_catalog`)."""

from __future__ import annotations

import json

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from resources.embedded_registry.answers import API_VERSION, page_of
from resources.embedded_registry.contents import tag_order
from resources.embedded_registry.layout import Layout
from resources.embedded_registry.manifest_document import OCI_INDEX
from resources.embedded_registry.names import check_digest, check_repository


class ListingRoutes:
    """What is there. A tag is listed also where its manifest is gone."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout

    def routes(self) -> list[Route]:
        return [
            Route("/v2/", self.support, methods=["GET", "HEAD"]),
            Route("/v2", self.support, methods=["GET", "HEAD"]),
            Route("/v2/_catalog", self.repositories, methods=["GET", "HEAD"]),
            Route("/v2/{name:path}/tags/list", self.tags, methods=["GET", "HEAD"]),
            Route("/v2/{name:path}/referrers/{digest}", self.referrers, methods=["GET", "HEAD"]),
        ]

    async def support(self, request: Request) -> Response:
        return JSONResponse({}, headers=API_VERSION)

    async def repositories(self, request: Request) -> Response:
        page, headers = page_of(self._layout.repositories(), request, order=str)
        return JSONResponse({"repositories": page}, headers=headers)

    async def tags(self, request: Request) -> Response:
        name = check_repository(request.path_params["name"])
        page, headers = page_of(self._layout.tags(name), request, order=tag_order)
        return JSONResponse({"name": name, "tags": page}, headers=headers)

    async def referrers(self, request: Request) -> Response:
        name = check_repository(request.path_params["name"])
        digest = check_digest(request.path_params["digest"])
        found = await run_in_threadpool(self._layout.referrers, name, digest)
        headers = {}
        wanted = request.query_params.get("artifactType")
        if wanted:
            found = [descriptor for descriptor in found if descriptor.get("artifactType") == wanted]
            headers["OCI-Filters-Applied"] = "artifactType"
        index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": found}
        return Response(json.dumps(index), media_type=OCI_INDEX, headers=headers)
