"""The content of the copy benchmark: images of realistic size that share their bases."""

from __future__ import annotations

import gzip
import json
import random
from pathlib import Path

from benchmarks import registry_storage
from benchmarks.content import OCI_CONFIG, OCI_LAYER, OCI_MANIFEST, Content, digest_of

_REPOSITORIES = 4
_BASES = 4


def write_source(folder: Path, size_bytes: int, images: int) -> tuple[list[str], int, int]:
    """Write the storage of the source; the images, the bytes of all blobs, and their number."""
    content = build(size_bytes, images)
    registry_storage.write_storage(content, folder)
    names = [f"{repository}:{tag}" for repository, tag in content.tagged()]
    return names, sum(len(body) for body in content.blobs.values()), len(content.blobs)


def build(size_bytes: int, images: int) -> Content:
    """Images in a few repositories: half of the bytes are bases that several share, the rest is their own."""
    content, chance = Content(), random.Random(7)
    base_bytes, own_bytes = size_bytes // 2 // _BASES, size_bytes // 2 // images
    bases = [[layer(content, chance, base_bytes * share // 10) for share in (6, 3, 1)] for _ in range(_BASES)]
    for at in range(images):
        repository, base = f"team/app-{at % _REPOSITORIES}", bases[at // 2 % _BASES]
        own = [layer(content, chance, own_bytes * share // 10) for share in (7, 2, 1)]
        config = json.dumps({"os": "linux", "architecture": "amd64", "config": {"Labels": {"at": str(at)}}}).encode()
        content.blobs[digest_of(config)] = config
        described = [described_as(digest, content.blobs[digest], OCI_LAYER) for digest in (*base, *own)]
        manifest = json.dumps(
            {
                "schemaVersion": 2,
                "mediaType": OCI_MANIFEST,
                "config": described_as(digest_of(config), config, OCI_CONFIG),
                "layers": described,
            }
        ).encode()
        digest = digest_of(manifest)
        content.manifests[digest] = OCI_MANIFEST, manifest
        content.tags.setdefault(repository, {})[f"v{at}"] = digest
        content.holds.setdefault(repository, set()).add(digest)
        content.blobs_of.setdefault(repository, set()).update((digest_of(config), *base, *own))
    return content


def layer(content: Content, chance: random.Random, size_bytes: int) -> str:
    """A gzip file that cannot be made smaller, as most layers."""
    body = gzip.compress(chance.randbytes(size_bytes), compresslevel=0, mtime=0)
    digest = digest_of(body)
    content.blobs[digest] = body
    return digest


def described_as(digest: str, body: bytes, media_type: str) -> dict[str, object]:
    return {"mediaType": media_type, "digest": digest, "size": len(body)}
