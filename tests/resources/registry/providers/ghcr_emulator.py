"""GitHub's packages API and GHCR, with state: what is deleted is gone, and can be restored.

Behaviour as in GitHub's OpenAPI document and its answers as users have quoted them: 403 without the scope, 404 for what
a token may not see, 400 with a sentence for versions that may not be deleted, limits by header.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import unquote

from tests.resources.registry.providers.oci_shelf import Shelf, Stored
from tests.resources.registry.providers.vendor_server import Asked, Reply, VendorEmulator

_PACKAGES = re.compile(r"/(orgs|users)/([^/]+)/packages")
_VERSIONS = re.compile(r"/(orgs|users)/([^/]+)/packages/container/([^/]+)/versions")
_VERSION = re.compile(r"/(orgs|users)/([^/]+)/packages/container/([^/]+)/versions/(\d+)(/restore)?")
_AT = "2026-01-02T03:04:05Z"


@dataclass
class Limit:
    """The primary limit: so many requests until then; without a time, it is set when they are spent."""

    left: int = 5000
    resets_at: float = 0.0


class GhcrEmulator(VendorEmulator):
    """One GitHub with some owners. `scopes` are those of each token."""

    def __init__(self, owners: dict[str, str] | None = None) -> None:
        super().__init__()
        self.shelf = Shelf()
        self.owners = owners or {"acme": "Organization"}
        self.scopes = {
            "ghp_reader_4711": {"read:packages"},
            "ghp_janitor_4711": {"read:packages", "delete:packages", "write:packages"},
        }
        self.login = "robot"  #: whose the tokens are
        self.limit: Limit | None = None
        self.span_seconds = 1.0  #: of a limit that begins anew

    def answer(self, asked: Asked) -> Reply:
        if asked.path == "/v2/" or asked.path.startswith("/v2/"):
            return Reply(404, {"errors": []}) if "_catalog" in asked.path else self.shelf.serve(asked)
        refused = self._refused(asked)
        return refused if refused is not None else self._answer(asked)

    def _refused(self, asked: Asked) -> Reply | None:
        token = asked.headers.get("authorization", "").removeprefix("Bearer ")
        if token not in self.scopes:
            return _message(401, "Bad credentials")
        if self.limit is not None:
            if 0 < self.limit.resets_at <= time.time():
                self.limit = Limit()
            elif self.limit.left <= 0 and not self.limit.resets_at:
                self.limit.resets_at = time.time() + self.span_seconds
            if self.limit.left <= 0:
                spent = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(self.limit.resets_at) + 1)}
                return _message(403, "API rate limit exceeded for user ID 1.", spent)
            self.limit.left -= 1
        wanted = {"DELETE": "delete:packages", "POST": "write:packages"}.get(asked.method, "read:packages")
        if "/packages" in asked.path and wanted not in self.scopes[token]:
            return _message(
                403,
                f"You need at least {wanted} scope to do this.",
                {"X-Accepted-OAuth-Scopes": wanted, "X-OAuth-Scopes": ", ".join(sorted(self.scopes[token]))},
            )
        return None

    def _answer(self, asked: Asked) -> Reply:
        if asked.path == "/user":
            return Reply(200, _user(self.login, "User"))
        if asked.path.startswith("/user/"):
            asked = replace(asked, path=f"/users/{self.login}{asked.path.removeprefix('/user')}")
        if asked.path.startswith("/users/") and asked.path.count("/") == 2:
            owner = asked.path.removeprefix("/users/")
            return Reply(200, _user(owner, self.owners[owner])) if owner in self.owners else _message(404, "Not Found")
        if matched := _PACKAGES.fullmatch(asked.path):
            return self._list_packages(asked, matched[1], matched[2])
        if matched := _VERSIONS.fullmatch(asked.path):
            return self._list_versions(asked, f"{matched[2]}/{unquote(matched[3])}")
        if matched := _VERSION.fullmatch(asked.path):
            return self._change(asked, f"{matched[2]}/{unquote(matched[3])}", int(matched[4]), restore=bool(matched[5]))
        return _message(404, "Not Found")

    def _list_packages(self, asked: Asked, place: str, owner: str) -> Reply:
        if self.owners.get(owner) != ("Organization" if place == "orgs" else "User"):
            return _message(404, "Not Found")
        names = [name for name in self.shelf.repositories if name.startswith(f"{owner}/") and self.shelf.live(name)]
        return self._page(asked, names, lambda name: self._package(name, place, owner))

    def _list_versions(self, asked: Asked, repository: str) -> Reply:
        if not self.shelf.live(repository):
            return _message(404, "Package not found.")
        deleted = asked.query.get("state") == "deleted"
        held = [one for one in self.shelf.repositories[repository].values() if one.deleted == deleted]
        return self._page(asked, held[::-1], _version)

    def _change(self, asked: Asked, repository: str, number: int, *, restore: bool) -> Reply:
        held = self.shelf.repositories.get(repository, {}).values()
        stored = next((one for one in held if one.number == number and one.deleted == restore), None)
        if stored is None:
            return _message(404, "Package not found.")
        if restore:
            stored.deleted = False
            return Reply(204)
        if stored.downloads > 5000:
            return _message(
                400,
                "Publicly visible package versions with more than 5000 downloads cannot be deleted. Contact GitHub"
                " support for further assistance.",
            )
        if stored.tags and not [one for one in self.shelf.live(repository) if one.tags and one is not stored]:
            return _message(
                400, "You cannot delete the last tagged version of a package. You must delete the package instead."
            )
        stored.deleted = True
        return Reply(204)

    def _page(self, asked: Asked, entries: list[Any], show: Any) -> Reply:
        size, number = int(asked.query.get("per_page", 30)), int(asked.query.get("page", 1))
        if size * number > 10_000 or size > 100:
            return Reply(400, {"message": "per_page times page is too large"})
        last = max(1, -(-len(entries) // size))
        headers = {}
        if number < last:
            headers["Link"] = f'<{self._at(asked, number + 1)}>; rel="next", <{self._at(asked, last)}>; rel="last"'
        return Reply(200, [show(one) for one in entries[(number - 1) * size : number * size]], headers=headers)

    def _at(self, asked: Asked, number: int) -> str:
        query = "&".join(f"{key}={value}" for key, value in {**asked.query, "page": str(number)}.items())
        return f"{self.url}{asked.path}?{query}"

    def _package(self, name: str, place: str, owner: str) -> dict[str, Any]:
        short = name.partition("/")[2]
        return {
            "id": next(iter(self.shelf.repositories[name].values())).number,
            "name": short,
            "package_type": "container",
            "visibility": "private",
            "url": f"{self.url}/{place}/{owner}/packages/container/{short}",
            "html_url": f"https://github.com/{place}/{owner}/packages/container/package/{short}",
            "version_count": len(self.shelf.live(name)),
            "created_at": _AT,
            "updated_at": _AT,
        }


def _version(stored: Stored) -> dict[str, Any]:
    return {
        "id": stored.number,
        "name": stored.digest,
        "url": f"https://api.github.com/versions/{stored.number}",
        "package_html_url": "https://github.com/packages",
        "created_at": stored.pushed_at,
        "updated_at": stored.pushed_at,
        "metadata": {"package_type": "container", "container": {"tags": list(stored.tags)}},
    }


def _user(login: str, kind: str) -> dict[str, Any]:
    links = ("html_url", "followers_url", "following_url", "gists_url", "starred_url", "subscriptions_url",
             "organizations_url", "repos_url", "events_url", "received_events_url", "url", "avatar_url")  # fmt: skip
    counts = ("public_repos", "public_gists", "followers", "following")
    nothing = ("name", "company", "blog", "location", "email", "hireable", "bio")
    return {
        "login": login, "id": 1, "node_id": "MDQ6VXNlcjE=", "gravatar_id": "", "type": kind, "site_admin": False,
        "created_at": _AT, "updated_at": _AT,
        **dict.fromkeys(links, "https://api.github.com/users/one"), **dict.fromkeys(counts, 0),
        **dict.fromkeys(nothing),
    }  # fmt: skip


def _message(status: int, message: str, headers: dict[str, str] | None = None) -> Reply:
    return Reply(
        status, {"message": message, "documentation_url": "https://docs.github.com/rest"}, headers=headers or {}
    )
