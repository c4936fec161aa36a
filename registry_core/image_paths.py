"""Paths to image texts in an object: `.spec.template.spec.containers[].image`.

`.name` steps into a map, `[]` walks a list, `{*}` walks the values of a map, `["a.b/c"]` names a key that holds
dots. The last step leads to a text, or to an image volume (`{reference: TEXT}`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

_STEP = re.compile(
    r"""\.(?P<key>[A-Za-z0-9_/-]+) | \["(?P<quoted>[^"\]]+)"\] | (?P<list>\[\]) | (?P<map>\{\*\})""", re.VERBOSE
)

Names = tuple[str, ...]


class _Key(NamedTuple):
    name: str
    written: str


class FoundImage(NamedTuple):
    """One text at the end of a path."""

    path: str  #: with the positions filled in: `.spec.containers[0].image`
    text: str
    pull_secrets: Names  #: of the nearest object above it that names any


@dataclass(frozen=True, slots=True)
class ImagePath:
    """A path, read and checked once. Make one with `ImagePath.parse`."""

    written: str
    steps: tuple[_Key | str, ...]  #: a key, or `[]` or `{*}`

    @classmethod
    def parse(cls, written: str) -> ImagePath:
        """Raises ValueError with what to write instead."""
        steps: list[_Key | str] = []
        position = 0
        while position < len(written):
            match = _STEP.match(written, position)
            if match is None:
                raise ValueError(
                    f"the path {written!r} cannot be read from {written[position:]!r} on: write it like"
                    " `.spec.template.spec.containers[].image`; `{*}` walks a map"
                )
            name = match["key"] or match["quoted"]
            steps.append(_Key(name, match[0]) if name else match[0])
            position = match.end()
        if not any(isinstance(step, _Key) for step in steps):
            raise ValueError(f"the path {written!r} names no field: write it like `.spec.image`")
        return cls(written, tuple(steps))

    def find(self, item: Mapping[str, Any]) -> Iterator[FoundImage]:
        """Every non-empty text that the path leads to. What is absent or of another type is no image."""
        return _walk(item, self.steps, "", ())


def _walk(node: Any, steps: tuple[_Key | str, ...], path: str, secrets: Names) -> Iterator[FoundImage]:
    if not steps:
        if isinstance(node, Mapping):
            node, path = node.get("reference"), f"{path}.reference"
        if isinstance(node, str) and node.strip():
            yield FoundImage(path, node, secrets)
        return
    step, rest = steps[0], steps[1:]
    if isinstance(step, _Key):
        if isinstance(node, Mapping):
            secrets = pull_secret_names(node) or secrets
            yield from _walk(node.get(step.name), rest, path + step.written, secrets)
    elif step == "[]":
        if isinstance(node, list):
            for position, element in enumerate(node):
                yield from _walk(element, rest, f"{path}[{position}]", secrets)
    elif isinstance(node, Mapping):
        for key, value in node.items():
            yield from _walk(value, rest, f"{path}.{key}", secrets)


def pull_secret_names(pod_spec: Mapping[str, Any]) -> Names:
    """Names in `imagePullSecrets`, in their order."""
    secrets = pod_spec.get("imagePullSecrets")
    if not isinstance(secrets, list):
        return ()
    return tuple(str(one["name"]) for one in secrets if isinstance(one, Mapping) and one.get("name"))
