"""Rows as the database takes them: clean texts, and two hashes that stand for key and attributes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import blake2b
from typing import Any

from registry_core.foreign_json import storable
from resources.database.sightings import SightingTable

Row = tuple[Any, ...]
"""One staged row: snapshot, place, key hash, attributes hash, then the columns of its table."""


def row_builder(table: SightingTable) -> Callable[[int, int, Sequence[Any]], Row]:
    """`build(snapshot_id, place_id, values)`; values in the order of `table.columns`, times as microseconds.

    Key hashes are 128 bits, so that no two things are ever taken for one; of attributes 64 bits are enough to
    notice a change. Carried columns are in neither.
    """
    keys, attributes = len(table.key), len(table.key) + len(table.attributes)

    def build(snapshot_id: int, place_id: int, values: Sequence[Any]) -> Row:
        # "=" before each value and nothing for None: with no NUL in any text, no two rows give the same bytes.
        marked = ["" if value is None else f"={value}" for value in values]
        try:
            key = "\x00".join(marked[:keys]).encode()
            rest = "\x00".join(marked[keys:attributes]).encode()
        except UnicodeEncodeError:
            return build(snapshot_id, place_id, _cleaned(values))
        if key.count(0) != keys - 1 or rest.count(0) != max(attributes - keys - 1, 0):
            return build(snapshot_id, place_id, _cleaned(values))
        key_hash = blake2b(key, digest_size=16).digest()
        attributes_hash = int.from_bytes(blake2b(rest, digest_size=8).digest(), "big", signed=True)
        return (snapshot_id, place_id, key_hash, attributes_hash, *values)

    return build


def _cleaned(values: Sequence[Any]) -> list[Any]:
    return [storable(value) if isinstance(value, str) else value for value in values]
