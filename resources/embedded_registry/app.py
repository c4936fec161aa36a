"""The registry as an ASGI application."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect

from resources.embedded_registry.access import Access, AccessMiddleware
from resources.embedded_registry.answers import answer_nobody, answer_rejection, answer_unrouted
from resources.embedded_registry.layout import Layout
from resources.embedded_registry.rejections import Rejection
from resources.embedded_registry.routes.blobs import BlobRoutes
from resources.embedded_registry.routes.listings import ListingRoutes
from resources.embedded_registry.routes.manifests import ManifestRoutes
from resources.embedded_registry.routes.uploads import UploadRoutes
from resources.embedded_registry.uploads import Uploads


def make_app(layout: Layout, access: Access) -> Starlette:
    """All endpoints of the OCI distribution specification v1.1.1 and Docker's `_catalog` over one layout.

    Uploads stand before blobs: `blobs/uploads` would else be read as a digest.
    """
    app = Starlette(
        routes=[
            *ManifestRoutes(layout, access).routes(),
            *UploadRoutes(layout, Uploads(layout)).routes(),
            *BlobRoutes(layout, access).routes(),
            *ListingRoutes(layout).routes(),
        ],
        middleware=[Middleware(AccessMiddleware, access=access)],
        exception_handlers={
            Rejection: answer_rejection,
            HTTPException: answer_unrouted,
            ClientDisconnect: answer_nobody,
        },
    )
    app.router.redirect_slashes = False
    return app
