"""Azure Container Registry: names, times and locks by `/acr/v1`.

Source: Azure/azure-rest-api-specs containerregistry.json (2021-07-01). Traps: each repository wants a token of its own
scope (`metadata_read`); `createdTime` is the first push, `lastUpdateTime` moves with every tag and lock.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar
from urllib.parse import quote

from registry_core.coverage import Fault
from registry_core.digests import is_digest
from resources.configuration.provider_settings import AzureSettings
from resources.configuration.registry_settings import RegistrySettings
from resources.registry.providers.api_client import ApiClient, SignIn
from resources.registry.providers.api_pages import by_link, entries_of, pages
from resources.registry.providers.api_refusals import ApiAnswer
from resources.registry.providers.interface import Capabilities, ImageDetail, Provider, no, vendor_time, yes
from resources.registry.spent import Spent

API = "/acr/v1"
VERSION = "2021-07-01"
_PAGE_SIZE = 100

CAPABILITIES = Capabilities(
    lists_repositories=yes("all that the sign-in may see"),
    knows_push_time=yes("the first push of every manifest"),
    knows_last_pull=no("this API does not tell it"),
    removes_single_tags=yes("the image stays, without that tag"),
    deletes=yes("by digest; not what is locked"),
    restores=no("soft delete is a preview that this API does not reach"),
    referrers=yes("the OCI API"),
    locks=yes("of repositories, manifests and tags"),
    collection=no("Azure collects by itself"),
)


class Azure(Provider):
    """One Azure registry."""

    name: ClassVar[str] = "azure"
    title: ClassVar[str] = "Azure Container Registry"
    capabilities: ClassVar[Capabilities] = CAPABILITIES
    names_every_image: ClassVar[bool] = True

    def __init__(self, label: str, settings: RegistrySettings, own: AzureSettings, sign_in: SignIn) -> None:
        self.client = ApiClient(f"{label}: Azure", settings.url, settings, sign_in, explain=explain)

    def list_repositories(self) -> Iterator[str]:
        wanted = "list the repositories"
        first: dict[str, str | int] = {"n": _PAGE_SIZE, "api-version": VERSION}
        for answer in pages(self.client, f"{API}/_catalog", wanted, params=first, following=by_link):
            names = answer.content.get("repositories") if isinstance(answer.content, dict) else ()
            if names is not None and not isinstance(names, list):
                raise self.client.nonsense(wanted, answer, "the answer holds no list of repositories")
            yield from (name for name in names or () if isinstance(name, str))

    def read_images(self, repository: str) -> Iterator[ImageDetail]:
        whole = self.client.get(
            repository_path(repository), f"read the locks of {repository}", params={"api-version": VERSION}
        )
        held = _locked(whole.content, "the repository")
        wanted = f"list the manifests of {repository}"
        first: dict[str, str | int] = {"n": _PAGE_SIZE, "api-version": VERSION}
        path = f"{repository_path(repository)}/_manifests"
        for answer in pages(self.client, path, wanted, params=first, following=by_link):
            for one in entries_of(self.client, answer, wanted, "manifests"):
                digest = one.get("digest")
                if isinstance(digest, str) and is_digest(digest):
                    yield _image_of(digest, one, held)
        wanted = f"list the tags of {repository}"
        for answer in pages(
            self.client, f"{repository_path(repository)}/_tags", wanted, params=first, following=by_link
        ):
            for tag in entries_of(self.client, answer, wanted, "tags"):
                digest, locked = tag.get("digest"), _locked(tag, f"the tag {tag.get('name')}")
                if isinstance(digest, str) and locked and is_digest(digest):
                    yield ImageDetail(digest, protection=locked)

    @property
    def spent(self) -> Spent:
        return self.client.spent

    def close(self) -> None:
        self.client.close()


def repository_path(repository: str) -> str:
    return f"{API}/{quote(repository, safe='/')}"


def explain(answer: ApiAnswer) -> tuple[Fault, str] | None:
    """What Azure means by a refusal, and what to do."""
    if answer.status in (401, 403):
        return "forbidden", "give the principal the role `AcrPull` with metadata read (`AcrDelete` to delete)"
    if answer.status == 404:
        return "missing", "it does not exist, or the sign-in does not see it"
    if answer.status in (405, 409):
        return "forbidden", "it is locked; unlock it with `az acr repository update --delete-enabled true`"
    return None


def _image_of(digest: str, one: dict[str, Any], held: tuple[str, ...]) -> ImageDetail:
    tags = one.get("tags")
    return ImageDetail(
        digest,
        tags=tuple(tag for tag in tags if isinstance(tag, str)) if isinstance(tags, list) else (),
        pushed_at=vendor_time(one.get("createdTime")),
        protection=(*held, *_locked(one, "the manifest")),
    )


def _locked(holder: object, what: str) -> tuple[str, ...]:
    attributes = holder.get("changeableAttributes") if isinstance(holder, dict) else None
    if not isinstance(attributes, dict):
        return ()
    return tuple(
        f"{what} is locked ({key}: false)" for key in ("deleteEnabled", "writeEnabled") if attributes.get(key) is False
    )
