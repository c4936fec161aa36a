"""Whether some bytes are a manifest, by what they say themselves."""

from __future__ import annotations

from registry_core import media_types as types
from registry_core.foreign_json import NotJson, media_type_in, read_json
from registry_core.manifests import media_type_of


def is_manifest_body(body: bytes) -> bool:
    """Whether these bytes are a manifest by what they say themselves: for an entry of an index without a known type.

    The shape alone is not enough: BuildKit's cache config has `layers` too.
    """
    try:
        document = read_json(body)
    except NotJson:
        return False
    if not isinstance(document, dict):
        return False
    written = types.without_parameters(media_type_in(document.get("mediaType")))
    return types.is_manifest(written or (media_type_of(document) if document.get("schemaVersion") in (1, 2) else ""))
