"""Keep what is about to go: the manifest of each image, byte for byte, with what names it and what refers to it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from registry_core.digests import verify
from registry_core.errors import RegistryError
from registry_core.eviction_entries import Entry
from registry_core.foreign_json import read_object
from registry_core.manifests import media_type_of
from registry_pipelines.eviction.last_look import Seen
from registry_pipelines.eviction.waves import Placed
from resources.connections import Connections
from resources.database.ledger_records import KeptImage
from resources.registry.client import RegistryClient


def documents_of(connections: Connections, registry: str, entries: Iterable[Entry]) -> dict[str, bytes]:
    """The manifest of each entry, by digest and proven: from the history, else read from the registry.

    One that cannot be read is not in the answer.
    """
    wanted = {entry.digest: entry.repository for entry in entries}
    found = {digest: body for digest, body in connections.history.documents(wanted) if verify(body, digest)}
    client = RegistryClient(connections.registry(registry))
    for digest in wanted.keys() - found.keys():
        try:
            body = client.manifest(wanted[digest], digest).body
        except RegistryError as error:
            if error.fault not in ("missing", "corrupt"):
                raise
        else:
            if verify(body, digest):
                found[digest] = body
    return found


def kept_images(wave: Sequence[Placed], seen: Seen, documents: dict[str, bytes]) -> list[KeptImage]:
    """What the journal keeps of the entries that may go."""
    going = {entry.image for entry in seen.shrunk.entries}
    return [
        KeptImage(
            position=one.position,
            entry=one.entry,
            media_type=one.entry.media_type or _media_type(documents[one.entry.digest]),
            document=documents[one.entry.digest],
            tags=seen.tags.get(one.entry.image, ()),
            referrers=seen.referrers.get(one.entry.image, ()),
        )
        for one in wave
        if one.entry.image in going
    ]


def _media_type(document: bytes) -> str:
    """Empty for bytes that are no manifest: they have the digest that they were asked by, and nothing more is known."""
    try:
        return media_type_of(read_object(document, what="manifest", content_type=None))
    except RegistryError:
        return ""
