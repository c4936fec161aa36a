"""HTTP answers that all routes share: rejections, and pages of a list."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import urlencode

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from resources.embedded_registry.rejections import Rejection, error_body

API_VERSION = {"Docker-Distribution-Api-Version": "registry/2.0"}


def rejection_answer(rejection: Rejection) -> Response:
    return Response(
        error_body(rejection.code, str(rejection), rejection.detail),
        status_code=rejection.http_status,
        media_type="application/json",
        headers={**API_VERSION, **rejection.headers},
    )


async def answer_rejection(request: Request, error: Exception) -> Response:
    if not isinstance(error, Rejection):
        raise error
    return rejection_answer(error)


async def answer_unrouted(request: Request, error: Exception) -> Response:
    """No route, or none for this method: the specification's JSON instead of plain text."""
    if not isinstance(error, HTTPException):
        raise error
    code = "UNSUPPORTED" if error.status_code == 405 else "NAME_UNKNOWN"
    message = f"{request.method} {request.url.path} is nothing this registry does"
    return Response(
        error_body(code, message),
        status_code=error.status_code,
        media_type="application/json",
        headers=dict(error.headers or {}),
    )


async def answer_nobody(request: Request, error: Exception) -> Response:
    """The client hung up in the middle of its body; nobody reads this."""
    if not isinstance(error, ClientDisconnect):
        raise error
    return Response(status_code=400)


def page_of(
    items: Sequence[str], request: Request, *, order: Callable[[str], Any]
) -> tuple[Sequence[str], dict[str, str]]:
    """The page that `n` and `last` ask for, and its Link header if more follows.

    `items` are sorted by `order`. No `n`, or one that is no sensible number, means all; `n=0` is an empty page
    without a Link (specification, "Listing Tags").
    """
    query = request.query_params
    start = bisect_right(items, order(query["last"]), key=order) if query.get("last") else 0
    n = query.get("n", "")
    if not (n.isascii() and n.isdigit() and len(n) < 10):
        return items[start:], {}
    page = items[start : start + int(n)]
    if not page or start + len(page) >= len(items):
        return page, {}
    following = urlencode({"n": n, "last": page[-1]})
    return page, {"Link": f'<{request.url.path}?{following}>; rel="next"'}
