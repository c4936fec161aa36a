"""The keys of one mapping in a policy file, each read as what it must be, every problem told at its place."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from registry_core.errors import Problem
from registry_core.policy_spans import parse_span, parse_window

_KINDS = {bool: "yes or no", int: "a number", float: "a number", str: "a text", type(None): "nothing"}


def kind_of(value: object) -> str:
    """What a YAML value is, with the value where it is short: `the text 'v*'`, `a list`."""
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, (list, tuple)):
        return "a list"
    kind = _KINDS.get(type(value), f"a {type(value).__name__}")
    return kind if value is None else f"{kind} ({str(value)[:40]!r})"


class Keys:
    """Reads keys of one mapping. A key that is absent or wrong is None; what is wrong goes into `problems`."""

    def __init__(
        self, written: Mapping[Any, Any], *, known: Sequence[str], place: str, problems: list[Problem]
    ) -> None:
        self.place = place
        self._written = written
        self._problems = problems
        for key in written:
            if key not in known:
                near = difflib.get_close_matches(str(key), known, n=1)
                hint = f"did you mean `{near[0]}`?" if near else f"known here: {', '.join(known)}"
                self.refuse(str(key), f"unknown key; {hint}")

    def __contains__(self, key: str) -> bool:
        return key in self._written

    def refuse(self, key: str, message: str) -> None:
        self._problems.append(Problem(f"{self.place}.{key}" if key else self.place, message))

    def require(self, key: str, example: str) -> bool:
        if key not in self._written:
            self.refuse(key, f"this key is needed: write `{key}: {example}`")
        return key in self._written

    def flag(self, key: str) -> bool | None:
        value = self._written.get(key)
        if key in self and not isinstance(value, bool):
            self.refuse(key, f"write `true` or `false`, not {kind_of(value)}")
            return None
        return value

    def count(self, key: str, *, least: int, why: str) -> int | None:
        """A whole number from `least`; `why` says what a smaller one would mean."""
        value = self._written.get(key)
        if key not in self:
            return None
        if isinstance(value, bool) or not isinstance(value, int):
            self.refuse(key, f"write a whole number, {least} or more, not {kind_of(value)}")
            return None
        if value < least:
            self.refuse(key, f"{value} {why}: write {least} or more")
            return None
        return value

    def span(self, key: str) -> timedelta | None:
        if key not in self:
            return None
        try:
            span = parse_span(self._written[key])
        except ValueError as error:
            self.refuse(key, str(error))
            return None
        if not span:
            self.refuse(key, "a span of nothing can never match: write a longer one (`30d`) or leave the key out")
            return None
        return span

    def window(self, key: str) -> timedelta | None:
        """A span, `now` or `forever`."""
        if key not in self:
            return None
        try:
            return parse_window(self._written[key])
        except ValueError as error:
            self.refuse(key, str(error))
            return None

    def choice(self, key: str, options: Sequence[str]) -> str | None:
        value = self._written.get(key)
        if key in self and value not in options:
            near = difflib.get_close_matches(str(value), options, n=1)
            hint = f"; did you mean `{near[0]}`?" if near else ""
            self.refuse(key, f"write one of {', '.join(options)}, not {kind_of(value)}{hint}")
            return None
        return value

    def text(self, key: str, example: str) -> str | None:
        value = self._written.get(key)
        if key in self and not isinstance(value, str):
            self.refuse(key, f"write a text (`{example}`), not {kind_of(value)}")
            return None
        return value

    def texts(self, key: str, example: str) -> tuple[str, ...]:
        """A list of texts with something in it; a wrong item is told by its number and left out."""
        if key not in self:
            return ()
        value = self._written[key]
        if not isinstance(value, (list, tuple)):
            self.refuse(key, f"write a list (`{example}`), not {kind_of(value)}")
            return ()
        if not value:
            self.refuse(key, f"an empty list matches nothing: write a pattern (`{example}`) or leave the key out")
        for number, item in enumerate(value):
            if not isinstance(item, str):
                self.refuse(f"{key}[{number}]", f"write a text in quotes, not {kind_of(item)}")
        return tuple(item for item in value if isinstance(item, str))

    def mapping(self, key: str, *, known: Sequence[str], example: str) -> Keys | None:
        if key not in self:
            return None
        value = self._written[key]
        if not isinstance(value, Mapping):
            self.refuse(key, f"write a mapping (`{example}`), not {kind_of(value)}")
            return None
        return Keys(value, known=known, place=f"{self.place}.{key}", problems=self._problems)
