"""Azure Container Registry and Entra: tokens by scope, `/acr/v1`, locks; what is deleted is gone."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import unquote

from tests.resources.registry.providers.oci_shelf import Shelf, Stored
from tests.resources.registry.providers.vendor_server import Asked, Reply, VendorEmulator

_LIST = re.compile(r"/acr/v1/(.+)/_(manifests|tags)")
_TAG = re.compile(r"/acr/v1/(.+)/_tags/([^/]+)")
_MANIFEST = re.compile(r"/v2/(.+)/manifests/([^/]+)")


class AzureEmulator(VendorEmulator):
    """One registry with its tenant. `unlocked` is what may be deleted."""

    def __init__(self) -> None:
        super().__init__()
        self.shelf = Shelf()
        self.locked_repositories: set[str] = set()
        self.locked_tags: set[str] = set()

    def answer(self, asked: Asked) -> Reply:
        if asked.path.endswith("/oauth2/v2.0/token"):
            ok = asked.form.get("client_secret") == "entra-secret-4711"
            return Reply(200, {"access_token": "entra-4711"}) if ok else Reply(401, {"error_description": "bad secret"})
        if asked.path == "/oauth2/exchange":
            ok = asked.form.get("access_token") == "entra-4711" and asked.form["grant_type"] == "access_token"
            return Reply(200, {"refresh_token": "refresh-4711"}) if ok else Reply(401, {"errors": []})
        if asked.path == "/oauth2/token":
            ok = asked.form.get("refresh_token") == "refresh-4711"
            return Reply(200, {"access_token": f"token for {asked.form.get('scope')}"}) if ok else Reply(401, {})
        scope = asked.headers.get("authorization", "").removeprefix("Bearer token for ")
        return self._answer(asked, scope)

    def _answer(self, asked: Asked, scope: str) -> Reply:
        if asked.path == "/acr/v1/_catalog":
            if scope != "registry:catalog:*":
                return _denied()
            names = [name for name in self.shelf.repositories if self.shelf.live(name)]
            return self._page(asked, names, "repositories", str, lambda name: name)
        if (matched := _TAG.fullmatch(asked.path)) and asked.method == "DELETE":
            return self._untag(matched[1], unquote(matched[2]), scope)
        if (matched := _MANIFEST.fullmatch(asked.path)) and asked.method == "DELETE":
            return self._delete(matched[1], matched[2], scope)
        name = matched[1] if (matched := _LIST.fullmatch(asked.path)) else asked.path.removeprefix("/acr/v1/")
        if scope != f"repository:{name}:metadata_read":
            return _denied()
        held = self.shelf.live(name)
        if not held:
            return Reply(404, {"errors": [{"code": "NAME_UNKNOWN", "message": "repository name not known"}]})
        if matched is None:
            locked = name in self.locked_repositories
            return Reply(200, {"imageName": name, "changeableAttributes": _attributes(locked)})
        if matched[2] == "manifests":
            return self._page(asked, held, "manifests", lambda one: one.digest, _manifest)
        tags = [(one, tag) for one in held for tag in one.tags]
        return self._page(asked, tags, "tags", lambda pair: pair[1], lambda pair: self._tag(*pair))

    def _delete(self, name: str, digest: str, scope: str) -> Reply:
        stored = self.shelf.find(name, digest)
        if scope != f"repository:{name}:delete":
            return _denied()
        if stored is None:
            return Reply(404, {"errors": [{"code": "MANIFEST_UNKNOWN", "message": "unknown"}]})
        if stored.locked:
            return Reply(405, {"errors": [{"code": "UNSUPPORTED", "message": "The operation is disallowed, locked"}]})
        stored.deleted = True
        return Reply(202)

    def _untag(self, name: str, tag: str, scope: str) -> Reply:
        stored = self.shelf.find(name, tag)
        if scope != f"repository:{name}:delete":
            return _denied()
        if stored is None:
            return Reply(404, {"errors": []})
        stored.tags.remove(tag)
        return Reply(202)

    def _page(self, asked: Asked, entries: list[Any], key: str, name: Any, show: Any) -> Reply:
        entries = sorted(entries, key=name)
        size, last = int(asked.query["n"]), asked.query.get("last", "")
        rest = [one for one in entries if name(one) > last]
        headers = {}
        if len(rest) > size:
            at = f"{asked.path}?last={name(rest[size - 1])}&n={size}&api-version=2021-07-01"
            at += "" if key == "repositories" else "&orderby="
            headers["Link"] = f'<{at}>; rel="next"'
        return Reply(200, {"registry": "acme.azurecr.io", key: [show(one) for one in rest[:size]]}, headers=headers)

    def _tag(self, stored: Stored, tag: str) -> dict[str, Any]:
        return {"name": tag, "digest": stored.digest, "changeableAttributes": _attributes(tag in self.locked_tags)}


def _manifest(stored: Stored) -> dict[str, Any]:
    return {
        "digest": stored.digest,
        "imageSize": 1,
        "createdTime": stored.pushed_at.replace("Z", ".1234567Z"),
        "lastUpdateTime": "2026-02-28T00:00:00Z",
        "tags": list(stored.tags),
        "changeableAttributes": _attributes(stored.locked),
    }


def _attributes(locked: bool) -> dict[str, bool]:
    return {"deleteEnabled": not locked, "writeEnabled": True, "listEnabled": True, "readEnabled": True}


def _denied() -> Reply:
    return Reply(401, {"errors": [{"code": "UNAUTHORIZED", "message": "authentication required"}]})
