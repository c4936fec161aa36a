"""Quay (quay.io and Red Hat Quay): repositories by namespace, active tags with their start and end.

Sources: Quay's /api/v1/discovery, quay/quay endpoints/api/tag.py. Traps: only an OAuth token may ask, a robot account
may not; without `onlyActiveTags` the list is the whole history; `has_additional` says whether a page follows.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar
from urllib.parse import quote, urlencode

from registry_core.coverage import Fault
from registry_core.digests import is_digest
from registry_core.errors import RegistryError
from resources.configuration.provider_settings import QuaySettings
from resources.configuration.registry_settings import RegistrySettings
from resources.registry.providers.api_client import ApiClient, SignIn
from resources.registry.providers.api_pages import entries_of, pages
from resources.registry.providers.api_refusals import ApiAnswer
from resources.registry.providers.interface import (
    Capabilities,
    ImageDetail,
    Provider,
    no,
    unix_time,
    unknown,
    vendor_time,
    yes,
)
from resources.registry.spent import Spent

API = "/api/v1"
_PAGE_SIZE = 100

CAPABILITIES = Capabilities(
    lists_repositories=yes("of the configured namespaces"),
    knows_push_time=yes("when each tag began to name its image"),
    knows_last_pull=no("Quay counts pulls by day and does not tell the last of an image"),
    removes_single_tags=yes("a tag ends, and its history remains"),
    deletes=yes("when all tags of an image have ended, it goes by itself"),
    restores=yes("by the time machine, within its span (two weeks by default)"),
    referrers=yes("the OCI API of Quay 3.12 and later"),
    locks=unknown("immutable tags are told by new versions only"),
    collection=no("Quay collects by itself, when the time machine has forgotten"),
)


class Quay(Provider):
    """Repositories of some namespaces of one Quay."""

    name: ClassVar[str] = "quay"
    title: ClassVar[str] = "Quay"
    capabilities: ClassVar[Capabilities] = CAPABILITIES

    def __init__(self, label: str, settings: RegistrySettings, own: QuaySettings, sign_in: SignIn) -> None:
        self.client = ApiClient(f"{label}: Quay", own.api or settings.url, settings, sign_in, explain=explain)
        self._namespaces = own.namespaces

    @property
    def can_list(self) -> bool:
        return bool(self._namespaces)

    def list_repositories(self) -> Iterator[str]:
        if not self._namespaces:
            raise RegistryError(
                f"{self.client.label}: could not list repositories: no namespace is named; write"
                " `provider: {quay: {namespaces: […]}}`",
                fault="missing",
            )
        for namespace in self._namespaces:
            wanted = f"list the repositories of {namespace}"
            params = {"namespace": namespace, "last_modified": "true"}

            def following(answer: ApiAnswer, params: dict[str, str] = params) -> str | None:
                token = answer.content.get("next_page") if isinstance(answer.content, dict) else None
                return f"{API}/repository?{urlencode({**params, 'next_page': token})}" if token else None

            for answer in pages(self.client, f"{API}/repository", wanted, params=params, following=following):
                for one in entries_of(self.client, answer, wanted, "repositories"):
                    if isinstance(one.get("name"), str):
                        yield f"{one.get('namespace') or namespace}/{one['name']}"

    def read_images(self, repository: str) -> Iterator[ImageDetail]:
        for tag in self.tags(repository):
            digest = tag.get("manifest_digest")
            if isinstance(digest, str) and is_digest(digest):
                yield _image_of(digest, tag)

    def tags(self, repository: str, *, active: bool = True) -> Iterator[dict[str, Any]]:
        """Tags of a repository; with `active` false the ended ones too, newest first."""
        path, wanted = f"{repository_path(repository)}/tag/", f"list the tags of {repository}"
        first: dict[str, str | int] = {"onlyActiveTags": "true" if active else "false", "limit": _PAGE_SIZE, "page": 1}
        number = 1

        def following(answer: ApiAnswer) -> str | None:
            nonlocal number
            number += 1
            more = isinstance(answer.content, dict) and answer.content.get("has_additional") is True
            return f"{path}?{urlencode({**first, 'page': number})}" if more else None

        for answer in pages(self.client, path, wanted, params=first, following=following):
            yield from entries_of(self.client, answer, wanted, "tags")

    @property
    def spent(self) -> Spent:
        return self.client.spent

    def close(self) -> None:
        self.client.close()


def repository_path(repository: str) -> str:
    return f"{API}/repository/{quote(repository, safe='/')}"


def explain(answer: ApiAnswer) -> tuple[Fault, str] | None:
    """What Quay means by a refusal, and what to do."""
    if answer.status in (401, 403):
        return (
            "forbidden",
            "give `provider.quay.token` an OAuth token with the scope `repo:read` (`repo:write` to change)",
        )
    if answer.status == 404:
        return "missing", "it does not exist, or the token does not see it; check `namespaces`"
    return None


def _image_of(digest: str, tag: dict[str, Any]) -> ImageDetail:
    name = str(tag.get("name", ""))
    ends = tag.get("expiration")
    return ImageDetail(
        digest,
        tags=(name,),
        pushed_at=unix_time(tag.get("start_ts")) or vendor_time(tag.get("last_modified")),
        protection=(f"immutable tag: {name}",) if tag.get("immutable") is True else (),
        labels=(f"{name} ends {ends}",) if isinstance(ends, str) else (),
    )
