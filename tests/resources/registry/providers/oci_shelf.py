"""Images of an emulated vendor, and so much of the OCI API over them as reading and putting back needs."""

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
    hides_blobs: bool = False  #: only blobs of images that are not deleted are given

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
        if (matched := _BLOB.fullmatch(asked.path)) and self._gives(matched[2]):
            return Reply(200, body=self.blobs[matched[2]], headers={"Content-Type": "application/octet-stream"})
        return _unknown("UNSUPPORTED")

    def serve(self, asked: Asked) -> Reply:
        """As `pull`, and PUT of a manifest that was here before."""
        matched = _MANIFEST.fullmatch(asked.path)
        if asked.method != "PUT" or not matched:
            return self.pull(asked)
        held = self.repositories.get(matched[1], {}).values()
        stored = next((one for one in held if one.image.manifest_bytes == asked.body), None)
        if stored is None:
            return _unknown("MANIFEST_INVALID")
        if stored.deleted:
            stored.deleted, stored.tags = False, []
        if ":" not in matched[2]:
            self.put(matched[1], stored.image, matched[2])
        return Reply(201, headers={"Docker-Content-Digest": stored.digest})

    def _gives(self, digest: str) -> bool:
        if not self.hides_blobs:
            return digest in self.blobs
        return any(digest in one.image.blobs for name in self.repositories for one in self.live(name))


def _unknown(code: str) -> Reply:
    return Reply(404, {"errors": [{"code": code, "message": "not here"}]})
