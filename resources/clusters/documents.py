"""The objects in one file of `kubectl get … -o json`, one at a time, with flat memory.

A `List` of any size is read item by item. Files may be gzipped (told by their first bytes, not their name), may
hold several documents one after the other, and may be UTF-16 (what PowerShell's `>` writes).
"""

from __future__ import annotations

import codecs
import gzip
import io
import json
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

_GZIP = b"\x1f\x8b"
_CHUNK = 1 << 20
#: etcd takes 1.5 MiB; indented and escaped by kubectl that is far less than this.
_LONGEST_OBJECT = 64 << 20
_ENDS = frozenset(" \t\r\n,]}")
_BLANK = re.compile(r"[ \t\r\n]*")


class BadDocument(Exception):
    """What is wrong with a file and where: `line 12, column 3: …`. Objects before that place were good."""


def objects_of(path: Path) -> Iterator[dict[str, Any]]:
    """Every object of a file; lists are taken apart. Raises BadDocument."""
    try:
        with path.open("rb") as raw:
            text = _as_text(raw)
            if text is None:
                raise BadDocument("it is empty: the command that should have filled it failed")
            yield from DocumentReader(text).objects()
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise BadDocument("its compressed data ends or breaks in the middle") from error
    except UnicodeDecodeError as error:
        raise BadDocument(f"it is not text (byte {error.start:,} is not {error.encoding})") from error
    except OSError as error:
        raise BadDocument(f"it cannot be read ({error.strerror or type(error).__name__})") from error
    except RecursionError as error:
        raise BadDocument("it is nested deeper than any Kubernetes object") from error


def _as_text(raw: IO[bytes]) -> IO[str] | None:
    stream: IO[bytes] = raw
    if raw.read(2) == _GZIP:
        raw.seek(0)
        stream = io.BufferedReader(gzip.GzipFile(fileobj=raw))
        head = stream.peek(4)[:4]
    else:
        raw.seek(0)
        head = raw.read(4)
        raw.seek(0)
    if not head:
        return None
    wide = head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    return io.TextIOWrapper(stream, encoding="utf-16" if wide else "utf-8-sig", newline="")


class DocumentReader:
    """A JSON reader over a buffer that slides along the file and knows the line it is in."""

    def __init__(self, text: IO[str]) -> None:
        self._text = text
        self._decode = json.JSONDecoder().raw_decode
        self._buffer = ""
        self._at = 0
        self._ended = False
        self._lines = 0  #: that left the buffer
        self._column = 0  #: characters of the buffer's first line that left it

    def objects(self) -> Iterator[dict[str, Any]]:
        found = False
        while self._peek():
            found = True
            yield from self._document()
        if not found:
            raise BadDocument("it is blank: the command that should have filled it failed")

    def _document(self) -> Iterator[dict[str, Any]]:
        """One top-level value: an object, or a list of them."""
        if self._peek() != "{":
            raise self._bad(self._what_it_is())
        self._take("{")
        head: dict[str, Any] = {}
        listed = False
        while self._peek() != "}":
            key = self._value()
            if not isinstance(key, str):
                raise self._bad("a key was expected")
            self._take(":")
            if key == "items" and self._peek() == "[":
                listed = True
                yield from self._items(head)
            else:
                head[key] = self._value()
            if self._peek() == ",":
                self._take(",")
            elif self._peek() != "}":
                raise self._bad("a comma or the end of the object was expected")
        self._take("}")
        kind = head.get("kind")
        if not isinstance(kind, str) or (listed and not kind.endswith("List")):
            raise self._bad("this is JSON, but no Kubernetes object or list (it has no `kind`)")
        if not listed and not kind.endswith("List"):
            yield head

    def _items(self, head: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """What a server lists has no kind on each item (`kubectl get --raw`): then it is the list's."""
        self._take("[")
        while self._peek() != "]":
            item = self._value()
            if not isinstance(item, dict):
                raise self._bad("an object was expected in the list")
            if "kind" not in item and str(head.get("kind", "")).endswith("List"):
                item["kind"] = str(head["kind"]).removesuffix("List")
                item["apiVersion"] = head.get("apiVersion", "")
            yield item
            if self._peek() == ",":
                self._take(",")
            elif self._peek() != "]":
                raise self._bad("a comma or the end of the list was expected")
        self._take("]")

    def _peek(self) -> str:
        """The next character that is not blank; empty at the end."""
        while True:
            match = _BLANK.match(self._buffer, self._at)
            self._at = match.end() if match else self._at
            if self._at < len(self._buffer):
                return self._buffer[self._at]
            if not self._more():
                return ""

    def _take(self, wanted: str) -> None:
        if self._peek() != wanted:
            raise self._bad(f"`{wanted}` was expected")
        self._at += 1

    def _value(self) -> Any:
        if not self._peek():
            raise self._bad("")
        while True:
            try:
                value, end = self._decode(self._buffer, self._at)
            except json.JSONDecodeError as error:
                if len(self._buffer) - self._at <= _LONGEST_OBJECT and self._more():
                    continue
                unfinished = self._ended and error.msg.startswith("Unterminated string")
                self._at = len(self._buffer) if unfinished else error.pos
                raise self._bad(error.msg) from error
            except ValueError as error:  # Python reads no number of thousands of digits
                raise self._bad("a number has more digits than any can have") from error
            # Of `1.5e3`, cut behind the point, `1` would do: a number is whole only before what ends a value.
            if isinstance(value, (int, float)) and self._buffer[end : end + 1] not in _ENDS and self._more():
                continue
            self._at = end
            return value

    def _more(self) -> bool:
        """Slide the buffer on; what is being read doubles it, so that long objects cost no more than twice."""
        if self._ended:
            return False
        chunk = self._text.read(max(_CHUNK, len(self._buffer) - self._at))
        if not chunk:
            self._ended = True
            return False
        gone = self._buffer[: self._at]
        lines = gone.count("\n")
        self._column = len(gone) - gone.rfind("\n") - 1 if lines else self._column + len(gone)
        self._lines += lines
        self._buffer = self._buffer[self._at :] + chunk
        self._at = 0
        return True

    def _bad(self, what: str) -> BadDocument:
        before = self._buffer[: self._at]
        line = self._lines + before.count("\n") + 1
        column = len(before) - before.rfind("\n") if "\n" in before else self._column + len(before) + 1
        if self._ended and not self._buffer[self._at :].strip():
            what = "it ends in the middle of the JSON, so it was cut off"
        return BadDocument(f"line {line}, column {column}: {what}")

    def _what_it_is(self) -> str:
        start = self._buffer[self._at : self._at + 200]
        if re.match(r"(---|apiVersion:|items:|kind:)", start):
            return "this is YAML, not JSON"
        if re.match(r"(NAME|NAMESPACE)\s", start):
            return "this is a table for people, not JSON"
        if start.startswith("<"):
            return "this is HTML or XML, not JSON"
        return "this is not JSON of Kubernetes objects"
