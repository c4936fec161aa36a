"""A list of one kind of objects, page by page, never a half one taken for a whole.

Source: Kubernetes API concepts, "Retrieving large results sets in chunks". The first request names no
`resourceVersion`, which means the most recent state, read with a quorum (`0` would allow any age, from a cache);
its continue token keeps the list at that state for about five minutes. Then the server answers 410, and the list
begins anew with larger pages. The token that comes with the 410 would go on from there at *another* state, where
objects that moved meanwhile are twice or not in the list: it is not used.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from resources.clusters.api import ApiError, KubernetesApi

_STARTS = 4
_LARGEST_PAGE = 5_000


@dataclass(frozen=True, slots=True)
class Page:
    items: list[dict[str, Any]]
    remaining: int | None  #: said by the server, may be absent


@dataclass(frozen=True, slots=True)
class Expired:
    """All pages so far are void: the list begins anew."""

    why: str


def list_path(api_version: str, plural: str) -> str:
    """`/apis/apps/v1/deployments`, over all namespaces."""
    return f"/{'apis' if '/' in api_version else 'api'}/{api_version}/{plural}"


def pages(
    api: KubernetesApi, path: str, page_size: int, *, query: Mapping[str, str | int] | None = None
) -> Iterator[Page | Expired]:
    """`query` narrows the list (`labelSelector`). Raises ApiError; what came before it is not the whole list."""
    for start in range(_STARTS):
        try:
            limit = min(page_size * 2**start, max(page_size, _LARGEST_PAGE))
            yield from _from_the_beginning(api, path, {**(query or {}), "limit": limit})
        except _TokenExpired as expired:
            if start + 1 == _STARTS:
                raise ApiError(
                    f"{expired}; after {_STARTS} beginnings we gave up: make `page_size` larger, or look why the"
                    " server keeps old states for so short a time",
                    fault="unreachable",
                    status=410,
                    passing=True,
                ) from expired
            yield Expired(str(expired))
        else:
            return


class _TokenExpired(Exception):
    pass


def _from_the_beginning(api: KubernetesApi, path: str, asked: Mapping[str, str | int]) -> Iterator[Page]:
    token: str | None = None
    used: set[str] = set()
    while True:
        query = dict(asked)
        if token:
            query["continue"] = token
        try:
            answer = api.get(path, query)
        except ApiError as error:
            # 400: "continue key is not valid", by a server that was upgraded between two pages.
            if token and (error.status == 410 or (error.status == 400 and "continue" in str(error))):
                raise _TokenExpired(str(error)) from error
            raise
        page, token = _page_of(answer, api, path)
        del answer
        yield page
        del page
        if not token:
            return
        if token in used:
            raise _nonsense(api, path, "it gave the same continue token twice, so its list would never end")
        used.add(token)


def _page_of(answer: dict[str, Any], api: KubernetesApi, path: str) -> tuple[Page, str | None]:
    metadata = answer.get("metadata")
    items = answer.get("items")
    is_list = isinstance(metadata, dict) and str(answer.get("kind", "List")).endswith("List")
    if not is_list or "items" not in answer or not isinstance(items, (list, type(None))):
        raise _nonsense(api, path, "its answer is not a list of objects")
    if not all(isinstance(item, dict) for item in items or ()):
        raise _nonsense(api, path, "its list holds something that is no object")
    assert isinstance(metadata, dict)
    remaining, token = metadata.get("remainingItemCount"), metadata.get("continue") or None
    if not isinstance(token, str | None):
        raise _nonsense(api, path, "its continue token is no text")
    return Page(items or [], remaining if type(remaining) is int and remaining >= 0 else None), token


def _nonsense(api: KubernetesApi, path: str, words: str) -> ApiError:
    connection = api.connection
    return ApiError(
        f"cluster {connection.cluster} ({connection.describe()}): GET {path}: {words}", fault="unreachable", status=200
    )
