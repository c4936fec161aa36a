"""A request as we make it and an answer as it came."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Protocol
from urllib.parse import SplitResult, urlsplit

KIBIBYTE = 1024
MEBIBYTE = 1024 * KIBIBYTE

ERROR_BODY_BYTES = 8 * KIBIBYTE


class Sink(Protocol):
    """Takes the body of a 2xx answer as it comes."""

    def begin(self, answer: Answer) -> None:
        """Status and headers, before the first piece of each answer."""

    def take(self, data: bytes) -> None:
        """The next piece."""


class Readable(Protocol):
    """What a streamed body is read from, while it is sent."""

    def read(self, size: int, /) -> bytes:
        """The next bytes, at most `size`; none at the end."""


class StreamedBody(Protocol):
    """A body too large for memory. It may have to be sent again: each `open` begins anew."""

    def __len__(self) -> int:
        """Bytes that will be sent."""

    def open(self) -> Readable:
        """Called before every attempt."""


@dataclass(frozen=True, slots=True)
class Request:
    """One question to a registry.

    `wanted` is the rest of the sentence "could not …" of every error about it. DELETE is not among `methods`:
    what reads, copies and plans cannot delete.
    """

    methods: ClassVar[frozenset[str]] = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH"})

    method: str
    url: str
    wanted: str
    scope: str = ""  #: of the token, `repository:team/app:pull`; several joined by a space
    headers: tuple[str, ...] = ()  #: `Name: value`
    body: bytes | StreamedBody | None = None
    expects: tuple[int, ...] = ()  #: statuses beside 2xx that the caller understands
    body_limit: int = 4 * MEBIBYTE
    sink: Sink | None = None  #: takes the body of a 2xx answer, unbounded
    repeatable: bool = True  #: asking twice does no harm: retried when the connection fails

    def __post_init__(self) -> None:
        if self.method not in self.methods:
            raise ValueError(f"{type(self).__name__} cannot be a {self.method}: only {sorted(self.methods)}")


class Answer:
    """Status, headers and body of an answer. Headers are looked up, not parsed in advance: most go unread."""

    __slots__ = ("body", "lines", "status", "url")

    def __init__(self, status: int, lines: list[bytes], body: bytes, url: str) -> None:
        self.status = status
        self.lines = lines  #: raw header lines of the last header block
        self.body = body
        self.url = url  #: that answered, after redirects

    def header(self, name: str) -> str | None:
        """First header of this name, or None."""
        wanted = name.lower().encode() + b":"
        size = len(wanted)
        for line in self.lines:
            if line[:size].lower() == wanted:
                return line[size:].decode("utf-8", "replace").strip()
        return None

    def header_lines(self, name: str) -> list[str]:
        """All headers of this name, one text a line."""
        wanted = name.lower().encode() + b":"
        return [
            line[len(wanted) :].decode("utf-8", "replace").strip()
            for line in self.lines
            if line.lower().startswith(wanted)
        ]

    @property
    def media_type(self) -> str:
        """`Content-Type` without parameters, in lower case; empty where none was sent."""
        return (self.header("content-type") or "").split(";", 1)[0].strip().lower()

    def __repr__(self) -> str:
        return f"Answer({self.status}, {len(self.body)} bytes, {redacted(self.url)})"


Origin = tuple[str, str, int | None]


def origin(url: str) -> Origin:
    """Scheme, host and port: what must be the same for credentials to travel along."""
    parts = urlsplit(url)
    return parts.scheme.lower(), (parts.hostname or "").lower(), parts.port or _default_port(parts)


def _default_port(parts: SplitResult) -> int | None:
    return {"http": 80, "https": 443}.get(parts.scheme.lower())


def redacted(url: str) -> str:
    """The address without user, query and fragment: these may hold signatures, tokens and upload states."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "an address that cannot be read"
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path}" if parts.scheme else f"{host}{parts.path}"
