"""Images of an emulated vendor, and the pulling half of the OCI API over them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from tests.image_builder import BuiltImage
from tests.resources.registry.providers.vendor_server import Asked, Reply

_MANIFEST = re.compile(r"/v2/(.+)/manifests/([^/]+)")
_BLOB = re.compile(r"/v2/(.+)/blobs/([^/]+)")
_TAGS = re.compile(r"/v2/(.+)/tags/list")


@dataclass
class Stored:
    """One manifest of a repository and what the vendor keeps about it."""

    number: int
    image: BuiltImage
    tags: list[str] = field(default_factory=list)
    pushed_at: str = "2026-01-02T03:04:05Z"
    pulled_at: str | None = None
    deleted: bool = False
    downloads: int = 0
    locked: bool = False

    @property
    def digest(self) -> str:
        return self.image.digest


@dataclass
class Shelf:
    """Repositories by name, each with its manifests in the order of their push."""

    repositories: dict[str, dict[str, Stored]] = field(default_factory=dict)
    blobs: dict[str, bytes] = field(default_factory=dict)
    numbers: int = 0

    def put(self, repository: str, image: BuiltImage, *tags: str, pushed_at: str | None = None) -> Stored:
        """Store an image with its children; a tag moves here from whatever had it."""
        held = self.repositories.setdefault(repository, {})
        for child in image.children:
            if child.digest not in held:
                self.put(repository, child)
        for other in held.values():
            other.tags = [tag for tag in other.tags if tag not in tags]
        self.numbers += 1
        stored = held.setdefault(image.digest, Stored(self.numbers, image))
        stored.deleted = False
        stored.tags.extend(tag for tag in tags if tag not in stored.tags)
        stored.pushed_at = pushed_at or stored.pushed_at
        self.blobs.update(image.blobs)
        return stored

    def live(self, repository: str) -> list[Stored]:
        return [one for one in self.repositories.get(repository, {}).values() if not one.deleted]

    def find(self, repository: str, reference: str) -> Stored | None:
        return next((one for one in self.live(repository) if reference == one.digest or reference in one.tags), None)

    def pull(self, asked: Asked) -> Reply:
        """GET and HEAD of tags, manifests and blobs."""
        if asked.path == "/v2/":
            return Reply(200, {})
        if matched := _TAGS.fullmatch(asked.path):
            if not self.live(matched[1]):
                return _unknown("NAME_UNKNOWN")
            return Reply(200, {"name": matched[1], "tags": [tag for one in self.live(matched[1]) for tag in one.tags]})
        if matched := _MANIFEST.fullmatch(asked.path):
            stored = self.find(matched[1], matched[2])
            if stored is None:
                return _unknown("MANIFEST_UNKNOWN")
            body = stored.image.manifest_bytes
            headers = {"Content-Type": stored.image.media_type, "Docker-Content-Digest": stored.digest}
            return Reply(200, body=body, headers={**headers, "Content-Length": str(len(body))})
        if (matched := _BLOB.fullmatch(asked.path)) and matched[2] in self.blobs:
            return Reply(200, body=self.blobs[matched[2]], headers={"Content-Type": "application/octet-stream"})
        return _unknown("UNSUPPORTED")


def _unknown(code: str) -> Reply:
    return Reply(404, {"errors": [{"code": code, "message": "not here"}]})
