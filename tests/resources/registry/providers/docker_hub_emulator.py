"""Docker Hub's own API, with state: tokens, numbered pages with whole addresses, tags that vanish when deleted."""

from __future__ import annotations

import re
from typing import Any

from tests.resources.registry.providers.oci_shelf import Shelf, Stored
from tests.resources.registry.providers.vendor_server import Asked, Reply, VendorEmulator

_REPOSITORIES = re.compile(r"/v2/namespaces/([^/]+)/repositories")
_REPOSITORY = re.compile(r"/v2/namespaces/([^/]+)/repositories/([^/]+)")
_TAGS = re.compile(r"/v2/namespaces/([^/]+)/repositories/([^/]+)/tags")
_TAG = re.compile(r"/v2/repositories/([^/]+)/([^/]+)/tags/([^/]+)/")


class DockerHubEmulator(VendorEmulator):
    """One Hub; `logins` are users with their access tokens."""

    def __init__(self) -> None:
        super().__init__()
        self.shelf = Shelf()
        self.logins = {"jane": "dckr_pat_4711"}
        self.immutable: dict[str, list[str]] = {}  #: rules by repository
        self.page_size = 0  #: smaller than asked for, where set

    def answer(self, asked: Asked) -> Reply:
        if asked.path == "/v2/auth/token":
            body = asked.json
            known = self.logins.get(body["identifier"]) == body["secret"]
            return Reply(200, {"access_token": "hub-token-4711"}) if known else Reply(401, {"detail": "Incorrect"})
        if matched := _REPOSITORIES.fullmatch(asked.path):
            names = [name for name in self.shelf.repositories if name.startswith(f"{matched[1]}/")]
            return self._page(asked, names, lambda name: {"name": name.rpartition("/")[2], "namespace": matched[1]})
        if (matched := _REPOSITORY.fullmatch(asked.path)) and self.shelf.live(f"{matched[1]}/{matched[2]}"):
            rules = self.immutable.get(f"{matched[1]}/{matched[2]}")
            settings = {"enabled": rules is not None, "rules": rules or [".*"]}
            return Reply(200, {"name": matched[2], "namespace": matched[1], "immutable_tags_settings": settings})
        if matched := _TAGS.fullmatch(asked.path):
            held = self.shelf.live(f"{matched[1]}/{matched[2]}")
            if not held:
                return Reply(404, {"message": "object not found"})
            return self._page(asked, [(one, tag) for one in held for tag in one.tags], lambda pair: _tag(*pair))
        if (matched := _TAG.fullmatch(asked.path)) and asked.method == "DELETE":
            if asked.headers.get("authorization") != "Bearer hub-token-4711":
                return Reply(403, {"detail": "forbidden"})
            stored = self.shelf.find(f"{matched[1]}/{matched[2]}", matched[3])
            if stored is None:
                return Reply(404, {"detail": "not found"})
            stored.tags.remove(matched[3])
            return Reply(204)
        return self.shelf.pull(asked)

    def _page(self, asked: Asked, entries: list[Any], show: Any) -> Reply:
        size, number = self.page_size or int(asked.query.get("page_size", 10)), int(asked.query.get("page", 1))
        more = number * size < len(entries)
        # Hub names its pages by its public address, whatever stands before it.
        following = f"https://hub.docker.com{asked.path}?page={number + 1}&page_size={size}" if more else None
        shown = [show(one) for one in entries[(number - 1) * size : number * size]]
        return Reply(200, {"count": len(entries), "next": following, "previous": None, "results": shown})


def _tag(stored: Stored, tag: str) -> dict[str, Any]:
    platforms = stored.image.children or (stored.image,)
    return {
        "id": stored.number,
        "name": tag,
        "digest": stored.digest,
        "last_updated": stored.pushed_at,
        "tag_status": "active",
        "tag_last_pushed": stored.pushed_at,
        "tag_last_pulled": stored.pulled_at,
        "images": [
            {"architecture": "amd64", "os": "linux", "size": 1, "digest": one.digest, "status": "active",
             "last_pushed": stored.pushed_at, "last_pulled": stored.pulled_at}
            for one in platforms
        ],
    }  # fmt: skip
