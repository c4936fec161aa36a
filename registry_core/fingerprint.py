"""Fingerprints: the SHA-256 of a value of ours, so that a person approves exactly what is then done.

The canonical form is JSON with sorted keys and no spaces. Everything that could be written in two ways is
either written in one (times) or refused (NaN, sets, unknown types): a fingerprint that depends on the run is
worse than none.
"""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from typing import Any


def canonical_json(value: Any) -> bytes:
    """`value` as JSON in UTF-8: keys sorted by code point, no spaces, times in UTC as `2026-04-01T00:00:00Z`.

    Takes dicts with text keys, lists and tuples (the same thing here), texts, ints, bools, None, finite floats
    and aware datetimes. `1` and `1.0` differ. Raises TypeError for any other type (a set has no order, a frozen
    dataclass no agreed form: convert first), ValueError for NaN, infinities, naive times and lone surrogates.
    """
    text = json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False, default=_time_as_text
    )
    _refuse_other_keys(value)
    return text.encode("utf-8")


def fingerprint(value: Any) -> str:
    """SHA-256 of the canonical JSON of `value`, 64 lower case hexadecimal characters. Raises as `canonical_json`."""
    return hashlib.sha256(canonical_json(value)).hexdigest()


def _time_as_text(value: object) -> str:
    if not isinstance(value, datetime):
        raise TypeError(
            f"cannot fingerprint a {type(value).__name__}: make it of dicts, lists, texts, numbers and times"
        )
    if value.utcoffset() is None:
        raise ValueError(f"cannot fingerprint the time {value}: it has no time zone; use an aware UTC datetime")
    if getattr(value, "nanosecond", 0):
        raise ValueError(f"cannot fingerprint the time {value}: it has nanoseconds; round it to microseconds")
    return value.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"


def _refuse_other_keys(value: object) -> None:
    """`json` writes the keys 1 and None as texts, so that two values would have one fingerprint."""
    waiting: list[object] = [value]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            for key in part:
                if not isinstance(key, str):
                    raise TypeError(f"cannot fingerprint the key {key!r}: keys must be texts")
            waiting.extend(inner for inner in part.values() if isinstance(inner, (dict, list, tuple)))
        elif isinstance(part, (list, tuple)):
            waiting.extend(inner for inner in part if isinstance(inner, (dict, list, tuple)))
