"""Harbor 2 with state: projects, repositories, artifacts, tags, immutable rules, retention, collection.

Behaviour as in Harbor's swagger.yaml and its code: lists carry `X-Total-Count` and a relative `Link`; a repository's
name is decoded twice; 412 for a child of an index and for what an immutable tag holds.
"""

from __future__ import annotations

import base64
import re
from typing import Any
from urllib.parse import unquote

from tests.resources.registry.providers.harbor_collector import HarborCollector
from tests.resources.registry.providers.oci_shelf import Shelf, Stored
from tests.resources.registry.providers.vendor_server import Asked, Reply, VendorEmulator

API = "/api/v2.0"
_REPOSITORIES = re.compile(rf"{API}/projects/([^/]+)/repositories")
_ARTIFACTS = re.compile(rf"{API}/projects/([^/]+)/repositories/([^/]+)/artifacts")
_ARTIFACT = re.compile(rf"{API}/projects/([^/]+)/repositories/([^/]+)/artifacts/([^/]+)")
_TAG = re.compile(rf"{API}/projects/([^/]+)/repositories/([^/]+)/artifacts/([^/]+)/tags/([^/]+)")
_NEVER = "0001-01-01T00:00:00.000Z"


class HarborEmulator(VendorEmulator):
    """One Harbor. `logins` are its accounts; the robot may not collect."""

    def __init__(self) -> None:
        super().__init__()
        self.shelf = Shelf()
        self.logins = {"robot$pipelines": "robot-secret-4711", "admin": "admin-secret-4711"}
        self.rules: dict[str, list[dict[str, Any]]] = {}  #: immutable rules by project
        self.retention: dict[str, dict[str, Any]] = {}  #: policy by project
        self.immutable: set[tuple[str, str]] = set()  #: (repository, tag)
        self.accessories: dict[str, list[str]] = {}  #: digests of accessories by that of their subject
        self.collector = HarborCollector(self.shelf)
        self._known: list[str] = []
        self._counted = 0

    def answer(self, asked: Asked) -> Reply:
        user = self._user(asked)
        if user is None:
            refused = _error(401, "UNAUTHORIZED", "unauthorized")
            refused.headers["WWW-Authenticate"] = 'Basic realm="harbor"'
            return refused
        if not asked.path.startswith(API):
            return Reply(404, {"errors": []}) if "_catalog" in asked.path else self.shelf.pull(asked)
        if asked.path == f"{API}/projects":
            return self._page(asked, self._projects(), self._project)
        if matched := _REPOSITORIES.fullmatch(asked.path):
            if matched[1] not in self._projects():
                return _error(404, "NOT_FOUND", f"project {matched[1]} not found")
            names = [name for name in self._live() if name.startswith(f"{matched[1]}/")]
            return self._page(asked, names, self._repository)
        if matched := _ARTIFACTS.fullmatch(asked.path):
            name = _name(matched)
            if not self.shelf.live(name):
                return _error(404, "NOT_FOUND", f"repository {name} not found")
            return self._page(asked, self.shelf.live(name)[::-1], lambda one: self._artifact(name, one))
        if matched := _TAG.fullmatch(asked.path):
            return self._untag(_name(matched), matched[3], matched[4])
        if matched := _ARTIFACT.fullmatch(asked.path):
            return self._delete(_name(matched), unquote(matched[3]))
        return self._of_project(asked, user)

    def _of_project(self, asked: Asked, user: str) -> Reply:
        parts = asked.path.removeprefix(f"{API}/").split("/")
        if parts[0] == "projects" and parts[1] in self._projects():
            return Reply(200, self.rules.get(parts[1], [])) if len(parts) == 3 else Reply(200, self._project(parts[1]))
        if parts[0] == "retentions":
            project = self._projects()[int(parts[1]) - 1]
            return (
                Reply(200, self.retention[project]) if project in self.retention else _error(404, "NOT_FOUND", "none")
            )
        if asked.path.startswith(f"{API}/system/gc"):
            return self.collector.answer(asked) if user == "admin" else _error(403, "FORBIDDEN", "forbidden")
        return _error(404, "NOT_FOUND", "no such path")

    def _delete(self, name: str, reference: str) -> Reply:
        stored = self.shelf.find(name, reference)
        if stored is None:
            return _error(404, "NOT_FOUND", f"artifact {reference} not found")
        parents = [one for one in self.shelf.live(name) if stored.image in one.image.children]
        if parents:
            return _error(412, "PRECONDITION", f"the artifact {stored.digest} is referenced by {parents[0].digest}")
        if any((name, tag) in self.immutable for tag in stored.tags):
            return _error(412, "PRECONDITION", "the artifact has an immutable tag")
        stored.deleted = True
        return Reply(200)

    def _untag(self, name: str, reference: str, tag: str) -> Reply:
        stored = self.shelf.find(name, unquote(reference))
        if stored is None or tag not in stored.tags:
            return _error(404, "NOT_FOUND", f"tag {tag} not found")
        if (name, tag) in self.immutable:
            return _error(412, "PRECONDITION", f"the tag {tag} is immutable")
        stored.tags.remove(tag)
        return Reply(200)

    def _user(self, asked: Asked) -> str | None:
        written = asked.headers.get("authorization", "").removeprefix("Basic ")
        user, _, password = base64.b64decode(written or b"").decode().partition(":")
        return user if self.logins.get(user) == password else None

    def _live(self) -> list[str]:
        return [name for name in self.shelf.repositories if self.shelf.live(name)]

    def _projects(self) -> list[str]:
        if self._counted != len(self.shelf.repositories):
            self._counted = len(self.shelf.repositories)
            self._known = list(dict.fromkeys(name.partition("/")[0] for name in self.shelf.repositories))
        return self._known

    def _page(self, asked: Asked, entries: list[Any], show: Any) -> Reply:
        size, number = int(asked.query.get("page_size", 10)), int(asked.query.get("page", 1))
        if size > 100:
            return _error(422, "UNPROCESSABLE", "page_size should be less than or equal to 100")
        headers = {"X-Total-Count": str(len(entries))}
        if number * size < len(entries):
            query = "&".join(f"{key}={value}" for key, value in {**asked.query, "page": str(number + 1)}.items())
            headers["Link"] = f'<{asked.path}?{query}>; rel="next"'
        return Reply(200, [show(one) for one in entries[(number - 1) * size : number * size]], headers=headers)

    def _project(self, name: str) -> dict[str, Any]:
        number = self._projects().index(name) + 1
        metadata = {"public": "false", "retention_id": str(number) if name in self.retention else None}
        return {"project_id": number, "name": name, "metadata": metadata, "repo_count": 1}

    def _repository(self, name: str) -> dict[str, Any]:
        number = int(next(iter(self.shelf.repositories[name].values())).number)
        return {
            "id": number,
            "project_id": 1,
            "name": name,
            "artifact_count": len(self.shelf.live(name)),
            "pull_count": 0,
        }

    def _artifact(self, name: str, stored: Stored) -> dict[str, Any]:
        return {
            "id": stored.number,
            "type": "IMAGE",
            "digest": stored.digest,
            "manifest_media_type": stored.image.media_type,
            "size": len(stored.image.manifest_bytes),
            "push_time": stored.pushed_at,
            "pull_time": stored.pulled_at or _NEVER,
            "labels": [{"id": 1, "name": "keep"}] if stored.locked else [],
            "tags": [
                {"id": n, "name": tag, "push_time": stored.pushed_at, "immutable": (name, tag) in self.immutable}
                for n, tag in enumerate(stored.tags)
            ]
            or None,
            "accessories": [
                {"id": 1, "digest": digest, "type": "signature.cosign", "subject_artifact_digest": stored.digest,
                 "creation_time": stored.pushed_at}
                for digest in self.accessories.get(stored.digest, ())
            ],
        }  # fmt: skip


def _name(matched: re.Match[str]) -> str:
    return f"{matched[1]}/{unquote(unquote(matched[2]))}"


def _error(status: int, code: str, message: str) -> Reply:
    return Reply(status, {"errors": [{"code": code, "message": message}]})
