"""Garbage with a structure: the shape that a parser expects, with anything at any place of it.

Examples are counted, not timed, and always the same (`derandomize`), so that a failure is one everywhere.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from registry_core.errors import RegistryPipelinesError

DIGEST = "sha256:" + "ab" * 32

#: For parsers that are pure, and for those behind a socket or a file.
QUICK = settings(max_examples=300, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
SLOW = settings(max_examples=60, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))

#: JSON that `json.dumps` does not write.
RAW = (
    "9" * 5000, "-" + "9" * 5000, "1e999", "-1e999", "1e-999", "NaN", "Infinity", "-Infinity", "1E+2", "-0",
    '"\\ud800"', '"\\udfff\\ud800"', '"\\u0000"', '"a\\u0000b"', "[" * 300 + "]" * 300,
    '{"a":' * 300 + "1" + "}" * 300, "[" * 50_000 + "]" * 50_000, '{"a": 1, "a": [], "digest": 7}', '{"": {"": ""}}',
)  # fmt: skip

TEXTS = (
    "", " ", "\t", "a", "A", "0", "-1", "1", "1.5", "1e5", "inf", "nan", "1_000", " 1", "\u0661\u0662", "\u00b2",
    "\u2167", "9" * 5000, "99999999999999999999", "v" + "9" * 5000 + ".0.0", "1.2." + "9" * 5000,
    "1.2.3-" + "9" * 5000, "true", "null", "~", "~nosuchuser/x", "~/x", "..", "../..", "/", "//", "//evil/x", "\\",
    "%", "%00", "%zz", "a%2fb", "http://[::1/x", "http://[::1]:99999/x", "http://h:port/", "http://user:pw@h/",
    "http://", "https:", "://", "ftp://h/x", "http://h\\@evil/", "http://\u00e9.example/", "http://h/\ud800",
    "javascript:alert(1)", "</x>; rel=next", "<", ">", "<http://[::1/x>; rel=\"next\"", "sha256:", DIGEST,
    DIGEST.upper(), DIGEST + "\n", "sha256:" + "z" * 64, "md5:" + "a" * 32, "sha512:" + "a" * 128, "a@b", "a:b",
    "a@" + DIGEST, "a:b@" + DIGEST, "h:1/a:b", "h:99999/a", "docker://x", ":", "@", "registry.example.com/team/app:1",
    "\x00", "a\x00b", "\ud800", "\udcff", "\ufeff", "\u202e", "\x7f", "\r\n", "a\r\nb: c", "e\u0301", "\U0001f600",
    "x" * 300, "x/" * 300, "x" * 100_000, "2026-01-01T00:00:00Z", "0001-01-01T00:00:00+23:59",
    "9999-12-31T23:59:59-23:59", "2026-13-45T99:99:99Z", "Mon, 01 Jan 0001 00:00:00 +9999",
    "Wed, 99 Foo 99999 00:00:00 GMT", "Basic", "Bearer", "Basic !", "Basic Og==", "bytes=0-1", "bytes 0-9/10",
    "bytes " + "9" * 5000 + "-/", "100;w=21600", "9" * 5000 + ";w=1", "1;w=" + "9" * 5000, "linux/amd64",
    "linux/arm64/v9.9", "linux/amd64/v" + "9" * 3000, "a/b/c/d", "{", "}", "[", "]", "{}", "[]", '"', "'", "{semver}",
    "**", "*" * 200, "[" * 200, "?", "a**b", "$", "(?", "{{", "30d", "9" * 12 + "d", "-1d", "1.5h",
)  # fmt: skip

LEAVES: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 2, 255, 65_536, 2**31, 2**63 - 1, 2**63, -(2**63) - 1, 10**30, 10**400, 0.0, -0.5,
    1.5, 1e308, [], {}, [[]], [None], [[], {}], {"": None}, {"a": {"b": {"c": []}}}, [1, "a", None, {}], [""], [0],
)  # fmt: skip


class Raw:
    """A piece of JSON as it is written."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return f"Raw({self.text[:40]!r})"


anything: st.SearchStrategy[Any] = st.one_of(
    st.sampled_from(LEAVES),
    st.sampled_from(TEXTS),
    st.sampled_from(RAW).map(Raw),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
        lambda below: st.lists(below, max_size=3) | st.dictionaries(st.text(max_size=8), below, max_size=3),
        max_leaves=8,
    ),
)

texts: st.SearchStrategy[str] = (
    st.sampled_from(TEXTS)
    | st.text(max_size=40)
    | st.lists(st.sampled_from(TEXTS).filter(lambda one: len(one) < 400), min_size=2, max_size=4).map("".join)
)

#: As a server writes them: bytes of UTF-8, without what would end the header.
header_values = texts.map(lambda one: one.encode("utf-8", "replace").decode("latin-1")).map(
    lambda one: "".join(character for character in one if character not in "\r\n\0")[:20_000]
)


def error_of(parse: Callable[[], object], *ours: type[Exception]) -> Exception | None:
    """What was raised of our own errors, or of those that the parser documents; everything else goes on."""
    try:
        parse()
    except (RegistryPipelinesError, *ours) as error:
        return error
    return None


def plain(value: Any) -> Any:
    """The same value for parsers that are given no JSON: what is written raw is what Python reads of it, if it can."""
    if isinstance(value, Raw):
        try:
            return json.loads(value.text)
        except (ValueError, RecursionError):
            return value.text
    if isinstance(value, dict):
        return {key: plain(below) for key, below in value.items()}
    return [plain(below) for below in value] if isinstance(value, list) else value


def written(value: Any) -> bytes:
    """The value as JSON."""
    raws: list[str] = []

    def shown(one: object) -> str:
        assert isinstance(one, Raw)
        raws.append(one.text)
        return f"@raw{len(raws) - 1}@"

    text = json.dumps(value, default=shown)
    for number, raw in enumerate(raws):
        text = text.replace(f'"@raw{number}@"', raw)
    return text.encode()


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    below = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(one for key, inner in below for one in places(inner, (*path, key)))]


def put(value: Any, path: tuple[Any, ...], other: Any) -> Any:
    """The value with something else at a place; None there takes a key of an object away half of the time."""
    if not path:
        return other
    copied: Any = dict(value) if isinstance(value, dict) else list(value)
    copied[path[0]] = put(copied[path[0]], path[1:], other)
    return copied


@st.composite
def spoiled(draw: st.DrawFn, *shapes: Any) -> Any:
    """One of the shapes, with something else at up to three places, or without some of its keys."""
    value = draw(st.sampled_from(shapes))
    for _ in range(draw(st.integers(0, 3))):
        path = draw(st.sampled_from(places(value)))
        gone = path and draw(st.integers(0, 4)) == 0
        value = without(value, path) if gone else put(value, path, draw(anything))
    return value


def without(value: Any, path: tuple[Any, ...]) -> Any:
    copied: Any = dict(value) if isinstance(value, dict) else list(value)
    if len(path) == 1:
        del copied[path[0]]
    else:
        copied[path[0]] = without(copied[path[0]], path[1:])
    return copied


@st.composite
def bodies(draw: st.DrawFn, *shapes: Any) -> bytes:
    """A body that is JSON of a shape, spoiled; at times cut, or no JSON at all."""
    body = written(draw(spoiled(*shapes)))
    match draw(st.integers(0, 9)):
        case 0:
            return body[: draw(st.integers(0, max(0, len(body) - 1)))]
        case 1:
            return draw(
                st.sampled_from([b"", b" ", b"\xff\xfe", b"\xef\xbb\xbf{}", b"<html>", b"\x00", b"null", b"[", b"7"])
                | st.binary(max_size=40)
            )
        case _:
            return body
