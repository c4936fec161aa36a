"""Entries of an index: what each of them is by the media type that it is listed under."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from registry_core.foreign_json import digest_in, media_type_in
from registry_core.media_types import ListedKind, kind_listed


def kinds_listed(entries: Iterable[Mapping[str, Any]]) -> dict[str, ListedKind]:
    """Each digest once, in its order. Listed under several types it is a manifest if one of them says so, else a blob
    only if all of them do. An entry without a digest names nothing and is left out."""
    found: dict[str, ListedKind] = {}
    for entry in entries:
        digest = digest_in(entry)
        if digest is None:
            continue
        kind = kind_listed(media_type_in(entry.get("mediaType")))
        if found.get(digest) != "manifest" and (kind != "blob" or digest not in found):
            found[digest] = kind
    return found


def kinds_of(children: tuple[str, ...], listed_as: tuple[ListedKind, ...]) -> dict[str, ListedKind]:
    """What an index lists (`ManifestFacts.children` and `listed_as`), and what each of it is."""
    kinds: Iterable[ListedKind] = listed_as or ["manifest"] * len(children)
    return dict(zip(children, kinds, strict=True))


def may_be_manifests(children: tuple[str, ...], listed_as: tuple[ListedKind, ...]) -> dict[str, bool]:
    """Of what an index lists (`ManifestFacts`), what is to be read as a manifest; False where only the registry can say
    whether it is one."""
    kinds = kinds_of(children, listed_as)
    return {child: kind == "manifest" for child, kind in kinds.items() if kind != "blob"}
