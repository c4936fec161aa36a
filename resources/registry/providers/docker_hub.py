"""Docker Hub: the Hub API for names and times; the registry itself for everything else.

Sources: docs.docker.com/reference/api/hub, docs.docker.com/docker-hub/usage/pulls. Traps: a limited client is told
when to come back by `X-Retry-After`, a time and not a span; the limit on pulls is another one, which a HEAD does not
touch; a list names its next page with a whole address.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar
from urllib.parse import quote

from registry_core.coverage import Fault
from registry_core.digests import is_digest
from registry_core.errors import RegistryError
from resources.configuration.provider_settings import DockerHubSettings
from resources.configuration.registry_settings import RegistrySettings
from resources.registry.providers.api_client import ApiClient, Query, SignIn
from resources.registry.providers.api_pages import entries_of, pages
from resources.registry.providers.api_refusals import ApiAnswer
from resources.registry.providers.api_sign_in import FetchedTokenSignIn, text_in
from resources.registry.providers.docker_hub_immutability import ImmutableTags
from resources.registry.providers.interface import Capabilities, ImageDetail, Provider, no, unknown, vendor_time, yes
from resources.registry.sign_in.login import CredentialSource, Login
from resources.registry.spent import Spent

_PAGE_SIZE = 100
_TOKEN_SECONDS = 300.0  # the answer does not tell; Hub's own last ten minutes

CAPABILITIES = Capabilities(
    lists_repositories=yes("of the configured namespaces, with those that the user may see"),
    knows_push_time=yes("of every tag and of each of its platforms"),
    knows_last_pull=yes("of every tag and of each of its platforms"),
    removes_single_tags=yes("through the Hub API, as Docker's own client does it"),
    deletes=yes("through the registry by digest, once no tag holds the image"),
    restores=no("what is deleted is gone; push the manifest again while the layers are there"),
    referrers=unknown("the registry is asked; the Hub API does not tell"),
    locks=yes("immutable tags, by the rules of each repository"),
    collection=unknown("Docker frees what is deleted, by itself"),
)


class DockerHub(Provider):
    """Repositories of some namespaces of Docker Hub."""

    name: ClassVar[str] = "docker_hub"
    title: ClassVar[str] = "Docker Hub"
    capabilities: ClassVar[Capabilities] = CAPABILITIES

    def __init__(self, label: str, settings: RegistrySettings, own: DockerHubSettings, sign_in: SignIn) -> None:
        self.client = ApiClient(f"{label}: Docker Hub", own.api, settings, sign_in, explain=explain)
        self._namespaces = own.namespaces

    @property
    def can_list(self) -> bool:
        return bool(self._namespaces)

    def list_repositories(self) -> Iterator[str]:
        if not self._namespaces:
            raise RegistryError(
                f"{self.client.label}: could not list repositories: no namespace is named; write"
                " `provider: {docker_hub: {namespaces: […]}}`",
                fault="missing",
            )
        for namespace in self._namespaces:
            path = f"/v2/namespaces/{quote(namespace, safe='')}/repositories"
            for one in self._results(path, f"list the repositories of {namespace}"):
                if isinstance(one.get("name"), str):
                    yield f"{namespace}/{one['name']}"

    def read_images(self, repository: str) -> Iterator[ImageDetail]:
        namespace, _, name = repository.rpartition("/")
        path = f"/v2/namespaces/{quote(namespace or 'library', safe='')}/repositories/{quote(name, safe='')}"
        immutable = ImmutableTags.read(self.client.get(path, f"read the settings of {repository}").content)
        for tag in self._results(f"{path}/tags", f"list the tags of {repository}"):
            yield from _images_of(tag, immutable)

    @property
    def spent(self) -> Spent:
        return self.client.spent

    def close(self) -> None:
        self.client.close()

    def _results(self, path: str, wanted: str) -> Iterator[dict[str, Any]]:
        size = {"page_size": _PAGE_SIZE, "page": 1}
        for answer in pages(self.client, path, wanted, params=size, following=_next_of):
            yield from entries_of(self.client, answer, wanted, "results")


def hub_sign_in(credentials: CredentialSource) -> FetchedTokenSignIn:
    """A token for the user and access token of `credentials`; nobody in particular without them."""

    def fetch(client: ApiClient) -> tuple[str, float]:
        login = credentials()
        if not isinstance(login, Login):
            return "", _TOKEN_SECONDS
        wanted = f"sign in as {login.username}"
        body = {"identifier": login.username, "secret": login.password}
        answer = client.ask_for_token("/v2/auth/token", Query(wanted, method="POST", json=body, explain=explain))
        return text_in(client, answer.content, "access_token", wanted), _TOKEN_SECONDS

    return FetchedTokenSignIn(fetch)


def explain(answer: ApiAnswer) -> tuple[Fault, str] | None:
    """What Docker Hub means by a refusal, and what to do."""
    if answer.status == 401:
        return (
            "forbidden",
            "user or access token is wrong; make a personal access token with the scope `Public Repo Read`",
        )
    if answer.status == 403:
        return "forbidden", "give the access token the scope `Read` (`Read, Write, Delete` to delete)"
    if answer.status == 404:
        return "missing", "it does not exist, or the user does not see it; check `namespaces`"
    return None


def _next_of(answer: ApiAnswer) -> str | None:
    following = answer.content.get("next") if isinstance(answer.content, dict) else None
    return following if isinstance(following, str) and following else None


def _images_of(tag: dict[str, Any], immutable: ImmutableTags) -> Iterator[ImageDetail]:
    name = tag.get("name")
    listed = tag.get("images")
    platforms = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    digest = tag.get("digest")
    if not isinstance(digest, str) and len(platforms) == 1:
        digest = platforms[0].get("digest")  # the answer of old tags names only their one platform
    if isinstance(digest, str) and is_digest(digest):
        yield ImageDetail(
            digest,
            tags=(name,) if isinstance(name, str) else (),
            pushed_at=vendor_time(tag.get("tag_last_pushed")) or vendor_time(tag.get("last_updated")),
            pulled_at=vendor_time(tag.get("tag_last_pulled")),
            protection=immutable.of(name) if isinstance(name, str) else (),
        )
    for one in platforms:
        found = one.get("digest")
        if isinstance(found, str) and is_digest(found):
            yield ImageDetail(
                found, pushed_at=vendor_time(one.get("last_pushed")), pulled_at=vendor_time(one.get("last_pulled"))
            )
