"""Places in a Kubernetes object: from a path as the inventory writes it to a JSON pointer, and to what stands there.

Source: RFC 6901 (JSON pointers).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

Place = tuple[str | int, ...]
"""Keys and positions that lead to one place: `("spec", "containers", 0, "image")`."""

_STEP = re.compile(r"""\["(?P<quoted>[^"\]]+)"\] | \[(?P<position>[0-9]{1,9})\] | \.(?P<key>[^.\[]+)""", re.VERBOSE)

ABSENT: Any = object()
"""What `value_at` answers where nothing stands; null is a value."""


def place_of(item: Mapping[str, Any], path: str) -> Place | None:
    """The place that a path of an image (`.spec.containers[0].image`) means in this object; None where it has none.

    Trap: a key that a map was walked by may hold dots (`.spec.images.my.app`), so keys are tried against the object.
    """
    steps: list[tuple[str, str | int]] = []
    position = 0
    while position < len(path):
        match = _STEP.match(path, position)
        if match is None:
            return None
        if match["position"] is not None:
            steps.append((match[0], int(match["position"])))
        else:
            steps.append((match[0], match["quoted"] or match["key"]))
        position = match.end()
    return _walk(item, steps)


def value_at(item: Any, place: Place) -> Any:
    """What stands at a place, ABSENT where nothing does."""
    for step in place:
        in_list = isinstance(step, int) and isinstance(item, list) and step < len(item)
        if not in_list and not (isinstance(step, str) and isinstance(item, Mapping) and step in item):
            return ABSENT
        item = item[step]
    return item


def pointer(place: Place) -> str:
    """The place as a JSON pointer: `/spec/containers/0/image`."""
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in place)


def print_place(place: Place) -> str:
    """The place as a person reads it: `.spec.containers[0].image`."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in place)


def _walk(node: Any, steps: Sequence[tuple[str, str | int]]) -> Place | None:
    if not steps:
        return ()
    for taken in range(1, len(steps) + 1):
        key: str | int = steps[0][1]
        if taken > 1:
            if isinstance(key, int):
                return None
            key = "".join(written for written, _ in steps[:taken]).removeprefix(".")
        inner = value_at(node, (key,))
        if inner is not ABSENT:
            rest = _walk(inner, steps[taken:])
            if rest is not None:
                return (key, *rest)
    return None
