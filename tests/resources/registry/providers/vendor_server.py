"""A vendor's API on a real socket: an emulator answers, every exchange is kept for the vendor's own document."""

from __future__ import annotations

import json
import threading
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any
from urllib.parse import parse_qsl, urlsplit


@dataclass
class Asked:
    """One request as it came; the path is not unquoted, as `%2F` and `%252F` matter."""

    method: str
    path: str
    query: dict[str, str]
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def form(self) -> dict[str, str]:
        return dict(parse_qsl(self.body.decode()))


@dataclass
class Reply:
    """What the emulator answers: `content` as JSON, or `body` as it is."""

    status: int = 200
    content: Any = None
    body: bytes | None = None
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def bytes(self) -> bytes:
        if self.body is not None:
            return self.body
        return b"" if self.content is None else json.dumps(self.content).encode()


def web_page(status: int = 200) -> Reply:
    """What a proxy answers that wants somebody to sign in."""
    return Reply(
        status, body=b"<!DOCTYPE html><html><body>Sign in</body></html>", headers={"Content-Type": "text/html"}
    )


class VendorEmulator(ABC):
    """State of a vendor and its answers. `with` starts the server; `faults` may answer instead, one request each."""

    def __init__(self) -> None:
        self.asked: deque[tuple[Asked, Reply]] = deque(maxlen=20_000)
        self.count = 0
        self.faults: list[Callable[[Asked], Reply | None]] = []
        self.lock = threading.RLock()
        self.url = ""
        self._server: ThreadingHTTPServer | None = None

    @abstractmethod
    def answer(self, asked: Asked) -> Reply:
        """The vendor's answer."""

    def fail(self, when: Callable[[Asked], bool], reply: Reply, times: int = 1) -> None:
        """Answer `reply` for the next `times` requests that `when` chooses."""
        left = [times]

        def fault(asked: Asked) -> Reply | None:
            if left[0] and when(asked):
                left[0] -= 1
                return reply
            return None

        self.faults.append(fault)

    def paths(self, method: str = "GET") -> list[str]:
        return [asked.path for asked, _ in self.asked if asked.method == method]

    def __enter__(self) -> Any:
        emulator = self

        class Handler(_Handler):
            vendor = emulator

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        assert self._server is not None
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True
    vendor: VendorEmulator

    def _serve(self) -> None:
        parts = urlsplit(self.path)
        length = int(self.headers.get("Content-Length") or 0)
        headers = {name.lower(): value for name, value in self.headers.items()}
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        asked = Asked(self.command, parts.path, query, headers, self.rfile.read(length))
        with self.vendor.lock:
            self.vendor.count += 1
            reply = next((found for fault in self.vendor.faults if (found := fault(asked)) is not None), None)
            if reply is None:
                reply = self.vendor.answer(asked)
            self.vendor.asked.append((asked, reply))
        body = reply.bytes
        self.send_response(reply.status)
        for name, value in {"Content-Type": "application/json", **reply.headers}.items():
            self.send_header(name, value)
        if "Content-Length" not in reply.headers and reply.status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD" and reply.status != 204:
            self.wfile.write(body)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = _serve

    def log_message(self, format: str, *arguments: Any) -> None:
        """Nothing: tests look at what was asked."""
