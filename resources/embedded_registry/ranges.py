"""The part of a blob that a `Range` header asks for (RFC 9110, section 14).

What the header does not say properly is ignored, as the RFC allows, so that the whole blob comes: an unknown unit, a
range that ends before it begins, no number at all, and several ranges at once, which no puller of blobs asks for. A
range that is well written and has nothing of the blob is 416.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import FileResponse
from starlette.types import Receive, Scope, Send

_BYTES = re.compile(r"bytes=(.*)", re.IGNORECASE)
_RANGE = re.compile(r"([0-9]*)-([0-9]*)")
_MOST_DIGITS = 18  # int() refuses thousands of them, and no blob is as long as 18 say
_BEYOND = 10**_MOST_DIGITS


class NothingInRange(Exception):
    """The range is well written, and the blob has no byte of it."""


def byte_range(header: str, size_bytes: int) -> tuple[int, int] | None:
    """First and last byte, both included; None for the whole blob. Raises NothingInRange."""
    written = _BYTES.fullmatch(header)
    ranges = [one for one in (part.strip(" \t") for part in written[1].split(",")) if one] if written else []
    found = _RANGE.fullmatch(ranges[0]) if len(ranges) == 1 else None
    if found is None or found[0] == "-":
        return None
    first, last = _number(found[1]), _number(found[2])
    if first is None:
        return _suffix(last or 0, size_bytes)
    if last is not None and last < first:
        return None
    if first >= size_bytes:
        raise NothingInRange
    return first, size_bytes - 1 if last is None else min(last, size_bytes - 1)


def _suffix(length: int, size_bytes: int) -> tuple[int, int] | None:
    if not length:
        raise NothingInRange
    return (max(0, size_bytes - length), size_bytes - 1) if size_bytes else None


def _number(digits: str) -> int | None:
    if not digits:
        return None
    digits = digits.lstrip("0")
    return _BEYOND if len(digits) > _MOST_DIGITS else int(digits or "0")


def part_asked_for(request: Request, size_bytes: int, *, etag: str) -> tuple[int, int] | None:
    """The range of a request, as `byte_range` does. HEAD, a header that is sent twice, and `If-Range` of another blob
    ask for the whole. Raises NothingInRange.
    """
    written = request.headers.getlist("range")
    if request.method != "GET" or len(written) != 1 or request.headers.get("if-range", etag) != etag:
        return None
    return byte_range(written[0].strip(" \t"), size_bytes)


class RangedFile(FileResponse):
    """A file, or one part of it. Starlette is given a `Range` that it cannot misunderstand."""

    def __init__(self, path: Path, *, part: tuple[int, int] | None, **options: Any) -> None:
        super().__init__(path, **options)
        self._part = part

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = [(name, value) for name, value in scope["headers"] if name not in (b"range", b"if-range")]
        if self._part is not None:
            headers.append((b"range", b"bytes=%d-%d" % self._part))
        await super().__call__({**scope, "headers": headers}, receive, send)
