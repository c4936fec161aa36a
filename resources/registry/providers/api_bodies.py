"""Bodies of vendors' answers: never without end, and JSON where they are JSON."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from registry_core.errors import RegistryError
from registry_core.foreign_json import NotJson, read_json
from resources.registry.transport.messages import MEBIBYTE

_LARGEST_BYTES = 32 * MEBIBYTE


def bounded(chunks: Iterable[bytes], label: str, wanted: str) -> Iterator[bytes]:
    """The chunks, as long as they are no more than any page of an API is. Raises RegistryError."""
    received = 0
    for chunk in chunks:
        received += len(chunk)
        if received > _LARGEST_BYTES:
            raise RegistryError(
                f"{label}: could not {wanted}: the answer is larger than {_LARGEST_BYTES // MEBIBYTE} MiB, which"
                " no page of this API is; check the `api` address",
                fault="corrupt",
            )
        yield chunk


def content_of(body: bytes) -> Any:
    """JSON as Python has it; None for none, and for what is no JSON."""
    if not body:
        return None
    try:
        return read_json(body)
    except NotJson:
        return None
