"""Globs: the patterns of a policy, over whole repository names and tags.

`*` is any characters but `/`, `?` is one character but `/`, `**` is any characters. As a whole segment, `**/`
is any number of segments, none included: `**/app` matches `app`. `base/**` is everything below `base`, not
`base` itself. Case matters. There is nothing else: no `[…]`, `{…}` or `!`, and a pattern that uses a character
which no name can hold is refused, because a rule that silently matches nothing would keep nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd


_ALLOWED = re.compile(r"[A-Za-z0-9._/*?-]+")
_TOKEN = re.compile(r"(?:^|(?<=/))\*\*/|\*\*|\*|\?|[^*?]+")
_ACROSS = {"**/": "(?:.*?/)??", "**": ".*?"}


@dataclass(frozen=True)
class Matcher:
    """Several patterns as one question. Made by `compile_globs`; of no patterns it matches nothing."""

    patterns: tuple[str, ...]
    _each: tuple[re.Pattern[str], ...] = field(repr=False)
    _any: re.Pattern[str] = field(repr=False)

    def matches(self, text: str) -> bool:
        """Whether any pattern matches the whole of `text`."""
        return self._any.fullmatch(text) is not None

    def first(self, text: str) -> str | None:
        """The first pattern that matches, as it was written, to name in a reason; None where none does."""
        for pattern, compiled in zip(self.patterns, self._each, strict=True):
            if compiled.fullmatch(text):
                return pattern
        return None

    def match_series(self, series: pd.Series) -> pd.Series:
        """`matches` for each text, as bools with the same index; missing values match nothing.

        Each distinct text is tried once, so a column of repositories costs as many tries as there are names.
        """
        import numpy as np  # not for who matches single names: the command line starts without pandas
        import pandas as pd

        codes, distinct = pd.factorize(series)
        answers = [self.matches(text) for text in distinct] + [False]  # code -1, a missing value, is the last
        return pd.Series(np.array(answers, dtype=bool)[codes], index=series.index)


def compile_globs(patterns: Iterable[str]) -> Matcher:
    """Compile patterns, of which any may match. Raises ValueError, naming the pattern, for one that is no glob."""
    given = tuple(patterns)
    for pattern in given:
        _check(pattern)
    sources = [_regex(pattern) for pattern in given]
    either = "|".join(f"(?:{source})" for source in sources) if sources else r"(?!)"
    return Matcher(given, tuple(re.compile(source) for source in sources), re.compile(either))


def _check(pattern: str) -> None:
    if not pattern:
        raise ValueError("an empty pattern matches nothing: write `**` for everything")
    if "***" in pattern:
        raise ValueError(f"the pattern {pattern!r} has three stars: write `*` (one segment) or `**` (any)")
    if not _ALLOWED.fullmatch(pattern):
        odd = next(character for character in pattern if not _ALLOWED.fullmatch(character))
        raise ValueError(
            f"the pattern {pattern!r} holds {odd!r}, which no repository or tag can: only `*`, `**` and `?` are"
            " special, and a pattern names neither host, `:tag` nor `@digest`"
        )


def _regex(pattern: str) -> str:
    """The pattern as a regular expression that takes at most quadratic time, however many stars it has.

    A star before another star that reaches as far takes its first way to match and never reconsiders (an atomic
    group): what it leaves, the later star takes. That holds for `*` before any star, and for everything from
    one `**` up to the next. Only what follows the last `**` may have to reconsider.
    """
    blocks: list[list[str]] = [[]]
    for part in _TOKEN.findall(pattern):
        if part in _ACROSS:
            blocks.append([])
        blocks[-1].append(part)
    atomic = "".join(f"(?>{_block(block, last=False)})" for block in blocks[:-1])
    return f"(?s:{atomic}{_block(blocks[-1], last=True)})"


def _block(tokens: list[str], *, last: bool) -> str:
    """At most one `**`, at the beginning, and what follows up to the next; `last` if no star comes after it."""
    source, position = "", 0
    while position < len(tokens):
        part, position = tokens[position], position + 1
        if part != "*":
            source += _plain(part)
            continue
        chunk = ""
        while position < len(tokens) and tokens[position] != "*":
            chunk += _plain(tokens[position])
            position += 1
        final = last and position == len(tokens)
        source += f"[^/]*{chunk}" if final else f"(?>[^/]*?{chunk})"
    return source


def _plain(part: str) -> str:
    return "[^/]" if part == "?" else _ACROSS.get(part) or re.escape(part)
