"""`WWW-Authenticate`: which ways to sign in a registry offers (RFC 9110, section 11.6.1).

Several challenges may come in several header lines or in one, joined by commas; quoted values hold commas
(`scope="repository:a:pull,push"`), may be empty, and escape with a backslash; names come in any case.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

_TOKEN = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"  # noqa: S105 - RFC 9110 `token`, no secret
_SEPARATORS = re.compile(r"[\s,]*")
_PARAMETER = re.compile(rf'({_TOKEN})\s*=\s*(?:"((?:[^"\\]|\\.)*)(?:"|\\?$)|([^\s,"]*))', re.DOTALL)
_SCHEME = re.compile(_TOKEN)
_TOKEN68 = re.compile(r"[ \t]+[A-Za-z0-9\-._~+/]+=*[ \t]*(?=,|$)")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Challenge:
    """One way to sign in: scheme and parameter names in lower case, values unescaped."""

    scheme: str
    parameters: Mapping[str, str]


def parse_challenges(lines: Iterable[str]) -> tuple[Challenge, ...]:
    """All challenges of all `WWW-Authenticate` lines, in order. What cannot be read is passed over."""
    found: list[Challenge] = []
    for line in lines:
        found.extend(_parse_line(line))
    return tuple(found)


def _parse_line(line: str) -> list[Challenge]:
    found: list[tuple[str, dict[str, str]]] = []
    position = 0
    while position < len(line):
        position = _end(_SEPARATORS.match(line, position), position)
        parameter = _PARAMETER.match(line, position)
        scheme = _SCHEME.match(line, position)
        if parameter and found:
            name, quoted, plain = parameter.groups()
            value = plain if quoted is None else _ESCAPED.sub(r"\1", quoted)
            found[-1][1].setdefault(name.lower(), value)
            position = parameter.end()
        elif scheme:
            found.append((scheme[0].lower(), {}))
            position = _end(_TOKEN68.match(line, scheme.end()), scheme.end())
        else:
            position += 1
    return [Challenge(scheme, parameters) for scheme, parameters in found]


def _end(match: re.Match[str] | None, otherwise: int) -> int:
    return match.end() if match else otherwise


def choose(challenges: Iterable[Challenge]) -> Challenge | None:
    """The challenge to answer: Bearer before Basic, as Azure offers both; None where neither is offered."""
    by_scheme: dict[str, Challenge] = {}
    for challenge in challenges:
        by_scheme.setdefault(challenge.scheme, challenge)
    return by_scheme.get("bearer") or by_scheme.get("basic")
