"""Manifests, kept once by digest: facts, bytes, children."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

import sqlalchemy as sa

from registry_core.catalog import ManifestFacts
from registry_core.foreign_json import storable
from registry_core.index_entries import kinds_of
from resources.database.bulk import insert_new
from resources.database.schema import manifest_children, manifest_documents, manifests
from resources.database.times import maybe_to_micros

#: Facts that come from the config blob: they arrive later when the config could not be read at first.
_FROM_CONFIG = ("created_at", "os", "architecture", "variant", "config_read")

#: Values in one IN list; SQLite of before 2020 takes 999.
IN_LIST = 900


def save_manifests(connection: sa.Connection, batch: Iterable[ManifestFacts]) -> None:
    """Keep what is not kept yet; facts of a config that is read for the first time are added.

    Rows go in the order of their digests, so that two crawls that met the same images wait for each other
    instead of blocking each other.
    """
    by_digest: dict[str, ManifestFacts] = {}
    for facts in batch:
        if facts.digest not in by_digest or facts.config_read:
            by_digest[facts.digest] = facts
    ordered = [by_digest[digest] for digest in sorted(by_digest)]
    learned = ", ".join(f'"{name}" = excluded."{name}"' for name in _FROM_CONFIG)
    insert_new(
        connection,
        manifests,
        [_facts_row(facts) for facts in ordered],
        also=f"ON CONFLICT (digest) DO UPDATE SET {learned} WHERE excluded.config_read AND NOT manifests.config_read",
    )
    documents = [(facts.digest, zlib.compress(facts.document, 6)) for facts in ordered]
    insert_new(connection, manifest_documents, documents)
    children = [
        (facts.digest, place, child, kind)
        for facts in ordered
        for place, (child, kind) in enumerate(kinds_of(facts.children, facts.listed_as).items())
    ]
    insert_new(connection, manifest_children, children)


def _facts_row(facts: ManifestFacts) -> tuple[object, ...]:
    return (
        facts.digest,
        storable(facts.media_type),
        _clean(facts.artifact_type),
        _clean(facts.subject),
        _clean(facts.config_digest),
        facts.size_bytes,
        facts.image_bytes,
        facts.layers,
        maybe_to_micros(facts.created_at),
        _clean(facts.os),
        _clean(facts.architecture),
        _clean(facts.variant),
        facts.config_read,
    )


def _clean(text: str | None) -> str | None:
    return None if text is None else storable(text)


def read_documents(connection: sa.Connection, digests: Iterable[str]) -> Iterator[tuple[str, bytes]]:
    """(digest, bytes as the registry served them) of those that are kept, in no order."""
    table = manifest_documents.c
    for some in in_lists(digests):
        query = sa.select(table.digest, table.document).where(table.digest.in_(some))
        for digest, document in connection.execute(query):
            yield digest, zlib.decompress(document)


def in_lists(values: Iterable[str]) -> Iterator[Sequence[str]]:
    """Values in lists short enough for one statement."""
    source = iter(values)
    while some := list(islice(source, IN_LIST)):
        yield some
