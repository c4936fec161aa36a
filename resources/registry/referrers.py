"""Referrers of an image: signatures, attestations, SBOMs, and whatever else names it as `subject`.

Three places (OCI distribution specification, "Listing Referrers"; cosign's tag scheme): the referrers API; where
that answers 404, the index under the tag `sha256-<hex>`; and cosign's tags `sha256-<hex>.sig`, `.att`, `.sbom`.
Trap: some registries answer the API with something else (the subject itself, any 200): what comes back must be
an index, and each entry is believed only as far as it is a descriptor of a manifest.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import quote

from registry_core.digests import COSIGN_SUFFIXES, fallback_tag, is_digest
from registry_core.errors import RegistryError
from registry_core.foreign_json import NotJson, media_type_in, read_json
from registry_core.media_types import OCI_INDEX, is_index, without_parameters
from resources.registry.addresses import pull_scope, repository_url
from resources.registry.paging import Pages
from resources.registry.reading import Reader
from resources.registry.refusals import is_web_page, nonsense
from resources.registry.transport.messages import Answer, Request

HowReferred = Literal["api", "fallback tag", "cosign tag"]


@dataclass(frozen=True, slots=True)
class Referrer:
    """One manifest that refers to an image, as the listing describes it."""

    digest: str
    media_type: str
    artifact_type: str | None
    size_bytes: int | None
    found_by: HowReferred
    tag: str | None = None  #: of the fallback and cosign tags


class ReferrersReader:
    """Asks for referrers. `api` is None until a registry has shown whether it has the API."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._connection = reader.connection
        self.api: bool | None = None

    async def by_api(self, repository: str, digest: str) -> list[Referrer] | None:
        """What the API lists, None where the registry has no such API (404, 405 or no index)."""
        pages = Pages(self._connection.url)
        url: str | None = f"{repository_url(self._connection.url, repository)}/referrers/{quote(digest, safe=':')}"
        found: dict[str, Referrer] = {}
        while url is not None:
            request = Request(
                "GET",
                url,
                f"list the referrers of {digest} in {repository}",
                scope=pull_scope(repository),
                headers=(f"Accept: {OCI_INDEX}",),
                expects=(400, 404, 405, 501),
                body_limit=self._connection.manifest_limit_bytes,
            )
            answer = await self._reader.exchange(request)
            entries = _entries(answer) if answer.status < 300 else None
            if entries is None:
                if found:
                    raise nonsense(answer, request.wanted, self._connection.label, "a page of it is no index")
                return None
            before = len(found)
            for entry in entries:
                referrer = _referrer(entry, "api", None)
                if referrer is not None and referrer.digest != digest:
                    found[referrer.digest] = referrer
            try:
                url = pages.follow(answer.header_lines("link"), answer.url, news=len(found) > before)
            except ValueError as error:
                raise nonsense(
                    answer, request.wanted, self._connection.label, str(error), fault="unreachable"
                ) from error
        return list(found.values())

    async def of(self, repository: str, digest: str) -> list[Referrer]:
        """Everything that refers to an image, wherever it is listed, each once. Raises RegistryError."""
        found: dict[str, Referrer] = {}
        listed = await self.by_api(repository, digest)
        if listed is None:
            listed = await self._by_fallback_tag(repository, digest)
        for suffix in COSIGN_SUFFIXES:
            tag = fallback_tag(digest) + suffix
            try:
                named, media_type, size_bytes = await self._reader.head_manifest(repository, tag)
            except RegistryError as error:
                if error.fault != "missing":
                    raise
            else:
                listed.append(Referrer(named, media_type, None, size_bytes, "cosign tag", tag))
        for referrer in listed:
            found.setdefault(referrer.digest, referrer)
        return await self._that_name(repository, digest, list(found.values()))

    async def _by_fallback_tag(self, repository: str, digest: str) -> list[Referrer]:
        tag = fallback_tag(digest)
        try:
            manifest = await self._reader.manifest(repository, tag)
        except RegistryError as error:
            if error.fault == "missing":
                return []
            raise
        entries = _index_entries(manifest.body, manifest.media_type) or []
        referrers = (_referrer(entry, "fallback tag", tag) for entry in entries)
        return [referrer for referrer in referrers if referrer is not None and referrer.digest != digest]

    async def _that_name(self, repository: str, digest: str, referrers: list[Referrer]) -> list[Referrer]:
        """Those whose manifest names our subject; cosign's tags name it themselves. One lost is left out."""
        proven = []
        for referrer in referrers:
            if referrer.found_by != "cosign tag":
                try:
                    manifest = await self._reader.manifest(repository, referrer.digest)
                except RegistryError as error:
                    if error.fault == "missing":
                        continue
                    raise
                if _subject(manifest.body) != digest:
                    continue
            proven.append(referrer)
        return proven


def _entries(answer: Answer) -> list[Any] | None:
    return None if is_web_page(answer) else _index_entries(answer.body, answer.media_type)


def _index_entries(body: bytes, content_type: str) -> list[Any] | None:
    """Entries of an index; None for anything else."""
    try:
        content = read_json(body)
    except NotJson:
        return None
    if not isinstance(content, dict):
        return None
    media_type = without_parameters(media_type_in(content.get("mediaType")) or content_type)
    manifests = content.get("manifests")
    if manifests is None and media_type == OCI_INDEX and "layers" not in content:
        manifests = []
    return manifests if is_index(media_type) and isinstance(manifests, list) else None


def _referrer(entry: Any, found_by: HowReferred, tag: str | None) -> Referrer | None:
    if not isinstance(entry, dict) or not is_digest(str(entry.get("digest"))):
        return None
    artifact_type, size = entry.get("artifactType"), entry.get("size")
    return Referrer(
        digest=entry["digest"],
        media_type=str(entry.get("mediaType") or ""),
        artifact_type=artifact_type if isinstance(artifact_type, str) and artifact_type else None,
        size_bytes=size if isinstance(size, int) and not isinstance(size, bool) else None,
        found_by=found_by,
        tag=tag,
    )


def _subject(body: bytes) -> str | None:
    try:
        subject = read_json(body).get("subject")
    except (NotJson, AttributeError):
        return None
    return subject.get("digest") if isinstance(subject, dict) else None
