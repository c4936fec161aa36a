"""What a registry still holds of deleted images: which evictions, and the bytes that only a collection frees."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from registry_core.collection import Uncollected
from registry_core.foreign_json import read_object
from registry_core.manifests import BlobDescriptor, descriptors
from resources.connections import Connections
from resources.database.ledger_records import JournalLine, PlanState

Image = tuple[str, str]
"""Repository and digest."""

#: States in which an eviction may have deleted something; one that is under way may delete more.
_BEGUN: tuple[PlanState, ...] = ("executing", "done", "stopped")
_MOST_EVICTIONS = 10_000


def find_uncollected(connections: Connections, registry: str) -> dict[Uncollected, frozenset[Image]]:
    """Evictions whose images the registry has not freed since, the oldest first, with these images.

    Left out are images that were put back or pushed again (as the newest catalog has them), and all that was deleted
    before the last collection that we know of. An image that was deleted twice is the later one's.
    """
    ledger, history = connections.ledger, connections.history
    last = ledger.collections.last_of(registry)
    since = last.begun_at if last is not None else None
    latest: dict[Image, tuple[datetime, str]] = {}
    for record in ledger.plans(registry, _BEGUN, kind="eviction", limit=_MOST_EVICTIONS):
        if since is not None and record.finished_at is not None and record.finished_at < since:
            continue
        for line in ledger.lines(record.fingerprint):
            at = _deleted_at(line, since)
            image = line.repository, line.digest
            if at is not None and (image not in latest or latest[image][0] < at):
                latest[image] = at, record.fingerprint
    catalog = history.latest("catalog", registry)
    if catalog is not None and latest:
        images = history.read_catalog(registry, at=catalog).images
        there = images[images["fault"].ne("missing") | images["fault"].isna()]
        for image in zip(there["repository"], there["digest"], strict=True):
            if image in latest and latest[image][0] <= catalog.as_of:
                del latest[image]
    return _by_eviction(latest)


def _deleted_at(line: JournalLine, since: datetime | None) -> datetime | None:
    """When this entry was deleted; None where it was not, was put back, or was collected already."""
    deleted = line.kind == "delete" and line.outcome is not None and line.outcome.word == "deleted"
    if not deleted or line.ended_at is None or line.restored_at is not None:
        return None
    return line.ended_at if since is None or line.ended_at > since else None


def _by_eviction(latest: dict[Image, tuple[datetime, str]]) -> dict[Uncollected, frozenset[Image]]:
    images: dict[str, set[Image]] = {}
    times: dict[str, datetime] = {}
    for image, (at, eviction) in latest.items():
        images.setdefault(eviction, set()).add(image)
        times[eviction] = max(at, times.get(eviction, at))
    return {
        Uncollected(eviction, times[eviction], len(images[eviction])): frozenset(images[eviction])
        for eviction in sorted(images, key=lambda eviction: (times[eviction], eviction))
    }


def bytes_to_collect(connections: Connections, registry: str, gone: Collection[Image]) -> int:
    """Bytes of the blobs that only these deleted images needed: what collection frees of them.

    Reads the manifest of every stored image; about half a minute for 400,000. What the catalog could not read may
    need some of these blobs, so it is at most this.
    """
    if not gone:
        return 0
    sizes: dict[str, int] = {}
    for digest, document in connections.ledger.kept_documents({digest for _, digest in gone}):
        sizes[digest] = len(document)
        sizes.update({blob.digest: blob.size_bytes for blob in _blobs(document) if not blob.foreign})
    images = connections.history.read_catalog(registry).images
    stays = {digest for repository, digest in zip(images["repository"], images["digest"], strict=True)
             if (repository, digest) not in gone}  # fmt: skip
    for digest, document in connections.history.documents(stays):
        sizes.pop(digest, None)
        for blob in _blobs(document):
            sizes.pop(blob.digest, None)
    return sum(sizes.values())


def _blobs(document: bytes) -> Sequence[BlobDescriptor]:
    return descriptors(read_object(document, what="a kept manifest"))
