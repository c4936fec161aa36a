"""What can be read of a registry, as coroutines: the verbs that the blocking client and the crawl share."""

from __future__ import annotations

from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any

from registry_core.coverage import Fault
from registry_core.digests import digest_of, is_digest, verify
from registry_core.errors import RegistryError
from registry_core.foreign_json import NotJson, read_json, storable, whole_number
from registry_core.media_types import MANIFEST_ACCEPT, is_schema1
from resources.registry.addresses import CATALOG_SCOPE, blob_url, manifest_url, pull_scope, repository_url
from resources.registry.connection import RegistryConnection
from resources.registry.paging import Pages
from resources.registry.refusals import is_web_page, nonsense, refusal
from resources.registry.schema1 import payload_of
from resources.registry.transport.engine import Engine
from resources.registry.transport.messages import MEBIBYTE, Answer, Request

ACCEPT_MANIFESTS = ("Accept: " + MANIFEST_ACCEPT,)
_PAGE_SIZE = 1000  # the most that distribution gives: above it, 2.8.2 and 3 answer 400
_PAGE_BYTES = 64 * MEBIBYTE  # 2.8 ignores `n` and answers all tags at once


@dataclass(frozen=True, slots=True)
class Manifest:
    """A manifest as it is stored, its digest proven."""

    digest: str
    media_type: str  #: of the `Content-Type`, without parameters; empty where none was sent
    body: bytes = field(repr=False)


class Reader:
    """The reading verbs over one connection and one engine. All raise RegistryError."""

    def __init__(self, connection: RegistryConnection, engine: Engine) -> None:
        self.connection = connection
        self.engine = engine
        self.requests = 0  #: asked through this reader, retries not counted
        self._url = connection.url

    def exchange(self, request: Request) -> Coroutine[Any, Any, Answer]:
        """`RegistryConnection.exchange`, counted."""
        self.requests += 1
        return self.connection.exchange(self.engine, request)

    async def ping(self) -> None:
        """`GET /v2/`: the registry is there, speaks the API, and knows us."""
        request = Request("GET", f"{self._url}/v2/", "reach the registry API at /v2/", body_limit=MEBIBYTE)
        answer = await self.exchange(request)
        if is_web_page(answer):
            raise nonsense(answer, request.wanted, self.connection.label, "it is no registry", fault="unreachable")

    async def repositories(self) -> list[str]:
        """All names of `_catalog`, sorted. A registry without a catalog raises (404, 401, 405 …)."""
        request = Request(
            "GET",
            f"{self._url}/v2/_catalog?n={_PAGE_SIZE}",
            "list the repositories",
            scope=CATALOG_SCOPE,
            expects=(400,),
            body_limit=_PAGE_BYTES,
        )
        return sorted(await self._listing(request, "repositories"))

    async def tags(self, repository: str) -> list[str]:
        """All tags of a repository, in the registry's order, each once; 404 raises with the fault `missing`."""
        request = Request(
            "GET",
            f"{repository_url(self._url, repository)}/tags/list?n={_PAGE_SIZE}",
            f"list the tags of {repository}",
            scope=pull_scope(repository),
            expects=(400,),
            body_limit=_PAGE_BYTES,
        )
        return list(await self._listing(request, "tags"))

    async def manifest(self, repository: str, reference: str) -> Manifest:
        """A manifest by tag or digest. A body that is not what a digest promises raises with `corrupt`."""
        request = Request(
            "GET",
            manifest_url(self._url, repository, reference),
            f"read manifest {reference} of {repository}",
            scope=pull_scope(repository),
            headers=ACCEPT_MANIFESTS,
            body_limit=self.connection.manifest_limit_bytes,
        )
        answer = await self.exchange(request)
        media_type = answer.media_type
        promised = reference if ":" in reference else answer.header("docker-content-digest")
        if is_web_page(answer):
            raise nonsense(answer, request.wanted, self.connection.label, "it is no registry")
        proven = payload_of(answer.body) if is_schema1(media_type) else answer.body
        if promised is None or (promised != reference and not is_digest(promised)):
            return Manifest(digest_of(proven), media_type, answer.body)
        if not verify(proven, promised):
            raise nonsense(
                answer,
                request.wanted,
                self.connection.label,
                f"{len(answer.body)} bytes came whose digest is {digest_of(proven)} instead of {promised}",
            )
        return Manifest(promised, media_type, answer.body)

    async def head_manifest(self, repository: str, reference: str) -> tuple[str, str, int | None]:
        """Digest, media type and size, for one HEAD (a GET where the registry's HEAD tells no digest)."""
        answer = await self.exchange(self._look_up(repository, reference))
        digest = _digest(answer)
        if digest is not None:
            return digest, answer.media_type, _length(answer)
        manifest = await self.manifest(repository, reference)
        return manifest.digest, manifest.media_type, len(manifest.body)

    async def resolve(self, repository: str, reference: str) -> str:
        """The digest alone, for one HEAD, as `head_manifest`: what a crawl asks of each tag that it knows."""
        digest = _digest(await self.exchange(self._look_up(repository, reference)))
        return digest if digest is not None else (await self.manifest(repository, reference)).digest

    async def find(self, repository: str, reference: str) -> str | None:
        """The digest that a tag or digest resolves to, None where the registry says that it is not there.

        "Is it there" and "is it gone" are this one question: a HEAD, and a GET where HEAD answers 404 or 405 or tells
        no digest, because some registries have no HEAD. Any other answer raises: it says neither.
        """
        try:
            return await self.resolve(repository, reference)
        except RegistryError as error:
            if error.fault != "missing":
                raise
            return None

    def _look_up(self, repository: str, reference: str) -> Request:
        return Request(
            "HEAD",
            manifest_url(self._url, repository, reference),
            f"look up manifest {reference} of {repository}",
            scope=pull_scope(repository),
            headers=ACCEPT_MANIFESTS,
            expects=(404, 405),
        )

    async def small_blob(self, repository: str, digest: str, what: str, *, limit_bytes: int) -> bytes:
        """A blob that is small by nature (a config), whole and proven; `what` names it in errors."""
        request = Request(
            "GET",
            blob_url(self._url, repository, digest),
            f"read {what} {digest} of {repository}",
            scope=pull_scope(repository),
            body_limit=limit_bytes,
        )
        answer = await self.exchange(request)
        if not verify(answer.body, digest):
            why = f"{len(answer.body)} bytes came whose digest is {digest_of(answer.body)} instead"
            raise nonsense(answer, request.wanted, self.connection.label, why)
        return answer.body

    async def blob_size(self, repository: str, digest: str) -> int | None:
        """Size by HEAD, None where the registry does not tell it; 404 raises with the fault `missing`."""
        request = Request(
            "HEAD",
            blob_url(self._url, repository, digest),
            f"look up blob {digest} of {repository}",
            scope=pull_scope(repository),
        )
        return _length(await self.exchange(request))

    def content_of(self, answer: Answer, wanted: str) -> Any:
        """The JSON of an answer. Raises RegistryError: `corrupt`, or `unreachable` for a web page."""
        try:
            return read_json(answer.body)
        except NotJson as error:
            why = f"the answer {error}"
            raise nonsense(answer, wanted, self.connection.label, why, fault=_nonsense(answer)) from error

    async def _listing(self, first: Request, key: str) -> dict[str, None]:
        pages = Pages(self._url)
        names: dict[str, None] = {}
        url: str | None = first.url
        while url is not None:
            request = Request(
                "GET",
                url,
                first.wanted,
                scope=first.scope,
                expects=first.expects,
                body_limit=first.body_limit,
            )
            answer = await self.exchange(request)
            if answer.status == 400 and url == first.url and "?" in url:
                first = Request("GET", url.partition("?")[0], first.wanted, scope=first.scope, body_limit=_PAGE_BYTES)
                url = first.url  # it does not like our page size: let it choose
                continue
            if answer.status == 400:
                raise refusal(answer, first.wanted, self.connection.label)
            content = self.content_of(answer, first.wanted)
            listed = content.get(key, "no list") if isinstance(content, dict) else "no list"
            if listed is None:
                listed = []  # `"tags": null` is how Go writes an empty list
            if not isinstance(listed, list) or not all(isinstance(name, str) for name in listed):
                why = f"the answer holds no list of {key}"
                raise nonsense(answer, first.wanted, self.connection.label, why)
            before = len(names)
            names.update(dict.fromkeys(map(storable, listed)))
            try:
                url = pages.follow(answer.header_lines("link"), answer.url, news=len(names) > before)
            except ValueError as error:
                raise nonsense(answer, first.wanted, self.connection.label, str(error), fault="unreachable") from error
        return names


def _digest(answer: Answer) -> str | None:
    """None where there is no digest, or an error whose body a HEAD cannot bring: then what a GET says counts."""
    digest = answer.header("docker-content-digest")
    return digest if answer.status < 300 and digest is not None and is_digest(digest) else None


def _length(answer: Answer) -> int | None:
    value = answer.header("content-length")
    return whole_number(value)


def _nonsense(answer: Answer) -> Fault:
    return "unreachable" if is_web_page(answer) else "corrupt"
