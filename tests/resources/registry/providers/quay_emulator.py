"""Quay's v1 API with its time machine: tags end, and can be brought back."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from tests.resources.registry.providers.vendor_server import Asked, Reply, VendorEmulator

_TAGS = re.compile(r"/api/v1/repository/(.+)/tag/")
_TAG = re.compile(r"/api/v1/repository/(.+)/tag/([^/]+)(/restore)?")


@dataclass
class QuayTag:
    name: str
    digest: str
    start: int = 1_770_091_506  # 2026-02-03T04:05:06Z
    ended: bool = False
    expiration: str | None = None


@dataclass
class QuayEmulator(VendorEmulator):
    """One Quay; only the OAuth token may change anything."""

    repositories: dict[str, list[QuayTag]] = field(default_factory=dict)
    token: str = "quay-oauth-4711"

    def __post_init__(self) -> None:
        super().__init__()

    def answer(self, asked: Asked) -> Reply:
        if asked.headers.get("authorization") != f"Bearer {self.token}":
            return Reply(401, {"error_message": "Requires authentication", "status": 401})
        if asked.path == "/api/v1/repository":
            names = [name for name in self.repositories if name.startswith(asked.query["namespace"] + "/")]
            start = int(asked.query.get("next_page", "0"))
            shown = [{"namespace": name.partition("/")[0], "name": name.partition("/")[2]} for name in names]
            more = {"next_page": str(start + 50)} if start + 50 < len(names) else {}
            return Reply(200, {"repositories": shown[start : start + 50], **more})
        if matched := _TAGS.fullmatch(asked.path):
            return self._list(asked, matched[1])
        if matched := _TAG.fullmatch(asked.path):
            return self._change(asked, self.repositories.get(matched[1], []), matched[2])
        return Reply(404, {"error_message": "Not Found"})

    def _list(self, asked: Asked, repository: str) -> Reply:
        if repository not in self.repositories:
            return Reply(404, {"error_message": "Not Found"})
        active = asked.query.get("onlyActiveTags") == "true"
        tags = [tag for tag in self.repositories[repository] if not (active and tag.ended)]
        size, number = min(100, int(asked.query.get("limit", 50))), int(asked.query.get("page", 1))
        shown = [_shown(tag) for tag in tags[(number - 1) * size : number * size]]
        return Reply(200, {"tags": shown, "page": number, "has_additional": number * size < len(tags)})

    def _change(self, asked: Asked, tags: list[QuayTag], name: str) -> Reply:
        if asked.method == "DELETE":
            live = [tag for tag in tags if tag.name == name and not tag.ended]
            if not live:
                return Reply(404, {"error_message": "Not Found"})
            live[0].ended = True
            return Reply(204)
        digest = asked.json["manifest_digest"]
        past = next((tag for tag in tags if tag.name == name and tag.digest == digest and tag.ended), None)
        if past is None:
            return Reply(400, {"error_message": "no such state in the past"})
        tags.append(QuayTag(name, digest, past.start + 60))
        return Reply(201, {})


def _shown(tag: QuayTag) -> dict[str, Any]:
    shown: dict[str, Any] = {"name": tag.name, "manifest_digest": tag.digest, "start_ts": tag.start, "reversion": False}
    if tag.expiration:
        shown["expiration"] = tag.expiration
    return shown
