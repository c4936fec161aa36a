"""GHCR through GitHub's packages API: a package is a repository, a version is a manifest with all its tags.

Sources: docs.github.com/rest/packages/packages, docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api.
Traps: `/` of a package name is written `%2F`; `per_page` times `page` may not exceed 10,000; what a token may not see
is 404, and the Actions token answers 400 to lists of packages. There is no referrers API and no fallback tag: a
signature without a tag is found only by reading every version's `subject`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar
from urllib.parse import parse_qs, quote

from registry_core.coverage import Fault
from registry_core.digests import is_digest
from registry_core.errors import RegistryError
from registry_core.foreign_json import whole_number
from resources.configuration.provider_settings import GhcrSettings
from resources.configuration.registry_settings import RegistrySettings
from resources.registry.providers.api_client import ApiClient, SignIn
from resources.registry.providers.api_pages import MovingList, numbered_pages
from resources.registry.providers.api_refusals import ApiAnswer
from resources.registry.providers.interface import Capabilities, ImageDetail, Provider, no, unknown, vendor_time, yes
from resources.registry.spent import Spent

_PAGE_SIZE = 100
_MOST_LISTED = 10_000
_VERSION = {"X-GitHub-Api-Version": "2022-11-28", "Accept": "application/vnd.github+json"}

CAPABILITIES = Capabilities(
    lists_repositories=yes("all container packages of the configured owner, 10,000 at most"),
    knows_push_time=yes("when the version was made; moving a tag to it does not change that"),
    knows_last_pull=no("GitHub counts downloads and does not tell when the last was"),
    removes_single_tags=no("a version goes with all its tags"),
    deletes=yes(
        "through the API with `delete:packages`; not a public version of more than 5,000 downloads, nor the last tagged"
    ),
    restores=yes("for 30 days after the deletion, unless a new package took the name"),
    referrers=no("found by reading the subject of every version"),
    locks=no("versions cannot be locked"),
    collection=unknown("GitHub frees what is deleted after 30 days, by itself"),
)


class Ghcr(Provider):
    """The container packages of one owner, or of the owner that a repository's name begins with."""

    name: ClassVar[str] = "ghcr"
    title: ClassVar[str] = "GHCR"
    capabilities: ClassVar[Capabilities] = CAPABILITIES
    names_every_image: ClassVar[bool] = True

    def __init__(self, label: str, settings: RegistrySettings, own: GhcrSettings, sign_in: SignIn) -> None:
        self.packages = Packages(ApiClient(f"{label}: GitHub", own.api, settings, sign_in, explain=explain), own)
        self._owner = own.owner

    @property
    def can_list(self) -> bool:
        return self._owner is not None

    def list_repositories(self) -> Iterator[str]:
        if self._owner is None:
            raise RegistryError(
                f"{self.packages.client.label}: could not list packages: no owner is named; write"
                " `provider: {ghcr: {owner: …}}`",
                fault="missing",
            )
        for package in self.packages.listed(self._owner):
            yield f"{self._owner.lower()}/{package}"

    def read_images(self, repository: str) -> Iterator[ImageDetail]:
        for version in self.packages.versions(repository):
            digest = version.get("name")
            if isinstance(digest, str) and is_digest(digest):
                yield ImageDetail(digest, tags=tags_of(version), pushed_at=vendor_time(version.get("created_at")))

    @property
    def spent(self) -> Spent:
        return self.packages.client.spent

    def close(self) -> None:
        self.packages.client.close()


class Packages:
    """The read side of the packages API, shared with what deletes."""

    def __init__(self, client: ApiClient, own: GhcrSettings) -> None:
        self.client = client
        self._own = own
        self._places: dict[str, str] = {}

    def place_of(self, owner: str) -> str:
        """`/orgs/acme`, `/user` or `/users/jane`: GitHub is asked for what the settings do not say.

        `/user` is whoever the token belongs to. Only that place is documented to page the versions of a user's
        package; of another user's, `page` is sent all the same.
        """
        if owner not in self._places:
            name = quote(owner, safe="")
            if self._kind_of(owner) == "organization":
                self._places[owner] = f"/orgs/{name}"
            else:
                self._places[owner] = "/user" if self._is_ours(owner) else f"/users/{name}"
        return self._places[owner]

    def _kind_of(self, owner: str) -> str:
        own = self._own
        if own.kind is not None and own.owner and own.owner.lower() == owner.lower():
            return own.kind
        wanted = f"find the owner {owner}"
        answer = self.client.get(f"/users/{quote(owner, safe='')}", wanted, headers=_VERSION)
        kind = answer.content.get("type") if isinstance(answer.content, dict) else None
        if not isinstance(kind, str):
            raise self.client.nonsense(wanted, answer, "the answer does not tell its type")
        return kind.lower()

    def _is_ours(self, owner: str) -> bool:
        answer = self.client.get("/user", "ask whose the token is", headers=_VERSION, expects=(403,))
        login = answer.content.get("login") if isinstance(answer.content, dict) else None
        return isinstance(login, str) and login.lower() == owner.lower()

    def path_of(self, repository: str) -> str:
        """Path of the package of a repository `owner/name`; the name may hold more slashes."""
        owner, _, name = repository.partition("/")
        return f"{self.place_of(owner)}/packages/container/{quote(name, safe='')}"

    def listed(self, owner: str) -> Iterator[str]:
        """Names of all container packages of an owner."""
        path, wanted = f"{self.place_of(owner)}/packages", f"list the packages of {owner}"
        listed = 0
        for package in self._entries(path, wanted, {"package_type": "container"}):
            if isinstance(package.get("name"), str):
                listed += 1
                yield package["name"]
        if listed >= _MOST_LISTED:
            raise RegistryError(
                f"{self.client.label}: could not {wanted} beyond {_MOST_LISTED:,}: GitHub lists no more; name the"
                " others in `repositories`",
                fault="forbidden",
            )

    def versions(self, repository: str, *, state: str = "active") -> Iterator[dict[str, Any]]:
        """All versions of a package; `state` may be `deleted`, for those that can be restored."""
        path = f"{self.path_of(repository)}/versions"
        wanted = f"list the {'deleted ' if state == 'deleted' else ''}versions of {repository}"
        params: dict[str, str | int] = {"state": state}
        return self._entries(path, wanted, params)

    def _entries(self, path: str, wanted: str, params: dict[str, str | int]) -> Iterator[dict[str, Any]]:
        listed = MovingList(
            self.client,
            wanted,
            read=lambda: numbered_pages(
                self.client, path, wanted, size_key="per_page", size=_PAGE_SIZE, params=params, headers=_VERSION
            ),
            count=lambda: self._count(path, wanted, params),
        )
        return listed.entries("id")

    def _count(self, path: str, wanted: str, params: dict[str, str | int]) -> int | None:
        """How many there are, for one small request: `Link` of a page of one names the last page."""
        answer = self.client.get(path, wanted, params={**params, "per_page": 1, "page": 1}, headers=_VERSION)
        for part in answer.headers.get("link", "").split(","):
            if 'rel="last"' in part:
                query = parse_qs(part[part.find("<") + 1 : part.find(">")].partition("?")[2])
                return whole_number(query.get("page", ["0"])[0])
        return len(answer.content) if isinstance(answer.content, list) else None


def tags_of(version: dict[str, Any]) -> tuple[str, ...]:
    metadata = version.get("metadata")
    container = metadata.get("container") if isinstance(metadata, dict) else None
    tags = container.get("tags") if isinstance(container, dict) else None
    return tuple(tag for tag in tags if isinstance(tag, str)) if isinstance(tags, list) else ()


def explain(answer: ApiAnswer) -> tuple[Fault, str] | None:
    """What GitHub means by a refusal, and what to do."""
    said = answer.said.lower()
    told = f"{answer.headers.get('x-accepted-oauth-scopes', '')} {said}"
    scope = next((one for one in ("delete:packages", "write:packages") if one in told), "read:packages")
    if answer.status == 401:
        return "forbidden", "the token is wrong, expired or revoked; make a new one with the scope `read:packages`"
    if "more than 5000 downloads" in said or "more than 5,000 downloads" in said:
        return "forbidden", "GitHub keeps public versions of more than 5,000 downloads; ask GitHub support to delete it"
    if "last tagged version" in said or "last version" in said:
        return "forbidden", "GitHub keeps the last version of a package; delete the package itself at GitHub"
    if answer.status == 400 and "invalid argument" in said:
        return (
            "forbidden",
            "the token of GitHub Actions cannot list packages; use a personal token with `read:packages`",
        )
    if answer.status == 403:
        return (
            "forbidden",
            f"give the token the scope `{scope}` (and authorize it for the organization's single sign-on)",
        )
    if answer.status == 404:
        return "missing", (
            "it does not exist, or the token may not see it: check `owner` and `kind`, and that the token has the scope"
            f" `{scope}`"
        )
    return None
