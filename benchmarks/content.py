"""The content of a benchmark registry: deterministic, with shared digests, indexes and referrers."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"

_PLATFORMS = (("linux", "amd64"), ("linux", "arm64"))


def digest_of(body: bytes) -> str:
    return "sha256:" + hashlib.sha256(body).hexdigest()


@dataclass
class Content:
    """Repositories with their tags; bodies by digest, shared by all repositories."""

    tags: dict[str, dict[str, str]] = field(default_factory=dict)  #: repository → tag → digest
    holds: dict[str, set[str]] = field(default_factory=dict)  #: repository → digests of manifests
    blobs_of: dict[str, set[str]] = field(default_factory=dict)  #: repository → digests of configs and layers
    manifests: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    blobs: dict[str, bytes] = field(default_factory=dict)

    @property
    def tag_count(self) -> int:
        return sum(len(tags) for tags in self.tags.values())

    def tagged(self) -> Iterator[tuple[str, str]]:
        for repository, tags in self.tags.items():
            for tag in tags:
                yield repository, tag


def build(*, tags: int, repositories: int, families: int = 50) -> Content:
    """`tags` tags spread evenly. Repositories of one family hold the same images, as copies of a base do.

    Of ten tags, one is an index of two platforms, two name a digest that another tag names, seven are images
    of their own. Each repository has one cosign signature and one index under a fallback tag.
    """
    content = Content()
    each = tags // repositories
    for number in range(repositories):
        name = f"team-{number % 23:02d}/service-{number:05d}"
        content.tags[name], content.holds[name], content.blobs_of[name] = {}, set(), set()
        _fill(content, name, family=number % families, tags=each + (1 if number < tags % repositories else 0))
    return content


def _fill(content: Content, repository: str, *, family: int, tags: int) -> None:
    named = content.tags[repository]
    last = ""
    for serial in range(max(0, tags - 2)):
        tag = f"v1.{serial // 10}.{serial % 10}"
        if serial % 10 == 0:
            children = [_image(content, repository, family, serial, platform) for platform in _PLATFORMS]
            last = _index(content, repository, children)
        elif serial % 10 not in (4, 8) or not last:
            last = _image(content, repository, family, serial, _PLATFORMS[0])
        named[tag] = last
    if tags >= 2:
        subject = last or _image(content, repository, family, 0, _PLATFORMS[0])
        signature = _image(content, repository, family, 100_000, _PLATFORMS[0], subject=subject)
        named[subject.replace(":", "-") + ".sig"] = signature
        named[subject.replace(":", "-")] = _index(content, repository, [signature])


def _image(
    content: Content, repository: str, family: int, serial: int, platform: tuple[str, str], *, subject: str = ""
) -> str:
    os, architecture = platform
    created = f"2024-{serial % 12 + 1:02d}-{family % 28 + 1:02d}T00:00:00Z"
    config = _blob(content, repository, {"created": created, "os": os, "architecture": architecture, "serial": serial})
    layers = [
        {"mediaType": OCI_LAYER, "digest": _layer(content, repository, f"{family}-{serial // 5}-{layer}"), "size": 64}
        for layer in range(4)
    ]
    document = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": {"mediaType": OCI_CONFIG, "digest": config, "size": len(content.blobs[config])},
        "layers": layers,
    }
    if subject:
        media_type, body = content.manifests[subject]
        document["subject"] = {"mediaType": media_type, "digest": subject, "size": len(body)}
    return _manifest(content, repository, OCI_MANIFEST, document)


def _index(content: Content, repository: str, children: list[str]) -> str:
    entries = []
    for child, (os, architecture) in zip(children, _PLATFORMS, strict=False):
        media_type, body = content.manifests[child]
        platform = {"os": os, "architecture": architecture}
        entries.append({"mediaType": media_type, "digest": child, "size": len(body), "platform": platform})
    document = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries}
    return _manifest(content, repository, OCI_INDEX, document)


def _manifest(content: Content, repository: str, media_type: str, document: dict[str, object]) -> str:
    body = json.dumps(document, separators=(",", ":")).encode()
    digest = digest_of(body)
    content.manifests[digest] = (media_type, body)
    content.holds[repository].add(digest)
    return digest


def _blob(content: Content, repository: str, document: dict[str, object]) -> str:
    body = json.dumps(document, separators=(",", ":")).encode()
    digest = digest_of(body)
    content.blobs[digest] = body
    content.blobs_of[repository].add(digest)
    return digest


def _layer(content: Content, repository: str, seed: str) -> str:
    body = hashlib.sha512(seed.encode()).digest()
    digest = digest_of(body)
    content.blobs[digest] = body
    content.blobs_of[repository].add(digest)
    return digest
