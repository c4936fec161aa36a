"""Docker's first manifest format: its digest is of the document without the signatures that it carries."""

from __future__ import annotations

from base64 import urlsafe_b64decode

from registry_core.foreign_json import read_json


def payload_of(body: bytes) -> bytes:
    """The signed part of a schema1 manifest, or `body` where it carries no signatures.

    Source: docker/libtrust `jsonsign.go`: `protected` tells how many bytes were signed and how they end.
    """
    try:
        protected = read_json(_decode(read_json(body)["signatures"][0]["protected"]))
        length, tail = protected["formatLength"], _decode(protected["formatTail"])
        return body[:length] + tail
    except (ValueError, KeyError, IndexError, TypeError):
        return body


def _decode(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
