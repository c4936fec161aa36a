"""Fields of a body that somebody else wrote: what does not fit is as good as not there, or Unreadable."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from registry_core.digests import is_digest
from registry_core.push_events import Unreadable
from registry_core.reference_grammar import is_host, is_repository, is_tag

_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_FIRST_LIKELY = datetime(2013, 3, 20, tzinfo=UTC)  # docker's first release


def object_in(value: object, name: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise Unreadable(f"it has no `{name}`")
    return value


def object_or_none(value: object, key: str) -> Mapping[str, Any] | None:
    """The object under a key of what may be no object itself."""
    below = value.get(key) if isinstance(value, dict) else None
    return below if isinstance(below, dict) else None


def text_in(body: Mapping[str, Any], key: str) -> str:
    value = body.get(key)
    return value if isinstance(value, str) else ""


def repository_of(value: object) -> str:
    """Names are lower case in every registry; GitHub writes them as the owner does."""
    name = value.lower() if isinstance(value, str) else ""
    if not is_repository(name):
        raise Unreadable("it names no repository")
    return name


def tag_of(value: object) -> str | None:
    return value if isinstance(value, str) and is_tag(value) else None


def digest_of_text(value: object) -> str | None:
    return value if isinstance(value, str) and is_digest(value) else None


def host_of_text(value: object) -> str | None:
    return value if isinstance(value, str) and len(value) <= 255 and is_host(value) else None


def time_of_seconds(value: object) -> datetime | None:
    """Seconds since 1970; a float from some."""
    if type(value) not in (int, float) or not 0 < value < 1e11:  # type: ignore[operator]
        return None
    return datetime.fromtimestamp(value, UTC)  # type: ignore[arg-type]


def likely(at: datetime | None) -> datetime | None:
    return at if at is not None and at >= _FIRST_LIKELY else None


def uuid_of(value: str | None) -> str | None:
    return value if value is not None and _UUID.fullmatch(value) else None


def one_of_several(delivery: str | None, number: int) -> str | None:
    return delivery if delivery is None or not number else f"{delivery} {number}"
