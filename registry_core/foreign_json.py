"""JSON that somebody else wrote: manifests and configs of which no field can be trusted to be there or to fit.

What comes out of here can be compared, put into a URL and stored in any database.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from math import isfinite
from typing import Any

from registry_core.digests import is_content_address
from registry_core.errors import RegistryError

#: No document of a registry, a vendor or a cluster nests deeper, and code that walks one need not fear for its stack.
DEEPEST = 200

LARGEST_SIZE = 2**63 - 1
LONGEST_TEXT = 255
_MOST_DIGITS = 20

#: An escape that may be half a pair: whole pairs are rare, and checking them costs little.
_HALF = re.compile(r"\\u[dD][89a-fA-F]")


class NotJson(ValueError):
    """What was written is no JSON that we take. The message continues "its body …"."""


def read_json(text: bytes | str) -> Any:
    """The value of a JSON text. Raises NotJson, and nothing else.

    Also for numbers of thousands of digits, and for nesting above DEEPEST. What Python takes for a number and nothing
    else does (`NaN`, `Infinity`, `1e999`) is None; halves of surrogate pairs (`"\\ud800"`), which cannot be sent or
    stored, are U+FFFD.
    """
    try:
        value = json.loads(text, parse_constant=_nothing, parse_float=_finite)
    except RecursionError:
        raise NotJson("is nested too deeply") from None
    except ValueError:
        raise NotJson("is not JSON") from None
    opened = (text.count(b"[") + text.count(b"{")) if isinstance(text, bytes) else (text.count("[") + text.count("{"))
    if opened > DEEPEST and is_deeper_than(value, DEEPEST):
        raise NotJson("is nested too deeply")
    return _encodable(value) if _HALF.search(text if isinstance(text, str) else text.decode("latin-1")) else value


def _encodable(value: Any) -> Any:
    """The same value with texts that have an encoding. Nesting has a bound by now."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, dict):
        return {_encodable(key): _encodable(below) for key, below in value.items()}
    return [_encodable(below) for below in value] if isinstance(value, list) else value


def is_deeper_than(value: object, most: int) -> bool:
    """Whether lists and objects nest more than `most` times."""
    level: list[object] = [value]
    for _ in range(most + 1):
        level = [
            below
            for one in level
            for below in (one.values() if isinstance(one, dict) else one if isinstance(one, list) else ())
        ]
        if not level:
            return False
    return True


def whole_number(text: object) -> int | None:
    """A number written in ASCII digits alone, as headers and queries hold it; None for anything else.

    Python's `int` takes signs, spaces, underscores and digits of every script, and raises for thousands of digits. Here
    more than LARGEST_SIZE is LARGEST_SIZE: more than anything is.
    """
    if not isinstance(text, str) or not text.isascii() or not text.isdigit():
        return None
    digits = text.lstrip("0")
    return min(int(digits or "0"), LARGEST_SIZE) if len(digits) < _MOST_DIGITS else LARGEST_SIZE


def _nothing(_name: str) -> None:
    return None


def _finite(text: str) -> float | None:
    number = float(text)
    return number if isfinite(number) else None


def read_object(body: bytes, *, what: str, content_type: str | None = None) -> dict[str, Any]:
    """The JSON object in `body`. Raises RegistryError with the fault `corrupt` that names `what` it should be."""
    reason = "is not a JSON object"
    document: object = None
    try:
        document = read_json(body)
    except NotJson as error:
        reason = str(error)
    if not isinstance(document, dict):
        told = f", told to be {content_type}" if content_type else ""
        raise RegistryError(
            f"cannot read {what}: its body ({len(body)} bytes{told}) {reason}; look at the registry's storage and"
            " at any proxy before it, and push the image again if it is damaged",
            fault="corrupt",
        )
    return document


def entries_of(document: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    """The objects of a list; null, a missing key and entries that are no objects are nothing."""
    listed = document.get(key)
    return [entry for entry in listed if isinstance(entry, dict)] if isinstance(listed, list) else []


def texts_of(document: Mapping[str, Any], key: str) -> tuple[str, ...]:
    """The texts of a list; anything else in it, and anything else than a list, is nothing."""
    listed = document.get(key)
    return tuple(one for one in listed if isinstance(one, str)) if isinstance(listed, list) else ()


def digest_in(descriptor: object) -> str | None:
    """The digest of a descriptor, of whatever algorithm; None where there is none that could name anything."""
    digest = descriptor.get("digest") if isinstance(descriptor, dict) else None
    return digest if is_address(digest) else None


def is_address(value: object) -> bool:
    """Whether `value` is a text that could name a blob or a manifest."""
    return isinstance(value, str) and len(value) <= LONGEST_TEXT and is_content_address(value)


def size_in(descriptor: Mapping[str, Any] | None) -> int:
    """Bytes, as a descriptor tells; 0 where it does not, or where no database could hold the number."""
    size = descriptor.get("size") if descriptor else None
    return size if type(size) is int and 0 <= size <= LARGEST_SIZE else 0


def media_type_in(value: object) -> str:
    """A media type as written; empty for what cannot be one."""
    return value if isinstance(value, str) and _is_plain(value) else ""


def short_text(value: object) -> str | None:
    """A text of at most 255 printable characters, cut and cleaned where needed; None for anything else or empty.

    NUL, which PostgreSQL refuses, and lone surrogates, which have no UTF-8, do not survive.
    """
    if not isinstance(value, str) or not value:
        return None
    if _is_plain(value):
        return value
    return "".join(character for character in value[:LONGEST_TEXT] if character.isprintable()) or None


def storable(text: str) -> str:
    """The same text without what no database keeps: PostgreSQL has no NUL, and neither keeps half a surrogate pair."""
    if text.isascii():
        return text.replace("\0", "\ufffd")
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()


def _is_plain(value: str) -> bool:
    return value.isascii() and value.isprintable() and len(value) <= LONGEST_TEXT
