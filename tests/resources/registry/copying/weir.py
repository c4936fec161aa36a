"""A proxy before a real registry: it counts what passes, and breaks what it is told to break."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

_PIECE_BYTES = 64 * 1024


@dataclass
class Fault:
    """What goes wrong, how often, for requests that match. `cut_after` bytes of the body the connection is dropped:
    of the answer's body for GET, of the request's for others; else `status` is answered."""

    matches: Callable[[str, str], bool]
    times: int = 1
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b'{"errors":[{"code":"UNKNOWN","message":"as told"}]}'
    cut_after: int | None = None
    lost: bool = False  #: the request is done, and its answer never arrives


class Weir:
    """Forwards to `host`; one request after the other on each connection."""

    def __init__(self, host: str) -> None:
        self.faults: list[Fault] = []
        self.asked: list[tuple[str, str]] = []
        self.uploaded_bytes = 0
        self.downloaded_bytes = 0
        self._host = host
        self._lock = threading.Lock()
        weir = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_one_request(self) -> None:
                self.raw_requestline = self.rfile.readline(65537)
                if not self.raw_requestline or not self.parse_request():
                    self.close_connection = True
                    return
                weir._pass(self)

            def log_message(self, *_: object) -> None: ...

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_: object) -> None: ...

        self._server = Server(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self._server.server_address[1]}"

    @property
    def url(self) -> str:
        return f"http://{self.host}"

    def __enter__(self) -> Weir:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def fail(self, method: str, part: str, **fault: Any) -> Fault:
        """Let requests of this method whose address holds `part` go wrong."""
        told = Fault(lambda asked, path: asked == method and part in path, **fault)
        self.faults.append(told)
        return told

    def uploads(self) -> list[str]:
        """Addresses of the requests that closed an upload."""
        return [path for method, path in self.asked if method == "PUT" and "/blobs/uploads/" in path]

    def _fault(self, method: str, path: str) -> Fault | None:
        with self._lock:
            self.asked.append((method, path))
            for fault in self.faults:
                if fault.times and fault.matches(method, path):
                    fault.times -= 1
                    return fault
        return None

    def _pass(self, handler: BaseHTTPRequestHandler) -> None:
        fault = self._fault(handler.command, handler.path)
        length = int(handler.headers.get("content-length") or 0)
        if fault is not None and fault.cut_after is None and not fault.lost:
            self._refuse(handler, fault, length)
            return
        upstream = http.client.HTTPConnection(self._host, timeout=60)
        upstream.putrequest(handler.command, handler.path, skip_host=True, skip_accept_encoding=True)
        for name, value in handler.headers.items():
            if name.lower() != "connection":
                upstream.putheader(name, value)
        upstream.endheaders()
        cut = fault.cut_after if fault is not None else None
        if not self._send(handler, upstream, length, cut if handler.command != "GET" else None):
            handler.close_connection = True
            upstream.close()
            return
        answer = upstream.getresponse()
        if fault is not None and fault.lost:
            handler.close_connection = True
            upstream.close()
            return
        handler.send_response_only(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in ("connection", "transfer-encoding"):
                handler.send_header(name, value)
        handler.end_headers()
        self._bring(handler, answer, cut if handler.command == "GET" else None)
        upstream.close()

    def _send(
        self, handler: BaseHTTPRequestHandler, upstream: http.client.HTTPConnection, length: int, cut: int | None
    ) -> bool:
        sent = 0
        while sent < length:
            piece = handler.rfile.read(min(_PIECE_BYTES, length - sent))
            if not piece or (cut is not None and sent >= cut):
                return False
            upstream.send(piece)
            sent += len(piece)
            with self._lock:
                self.uploaded_bytes += len(piece)
        return True

    def _bring(self, handler: BaseHTTPRequestHandler, answer: http.client.HTTPResponse, cut: int | None) -> None:
        brought = 0
        while piece := answer.read(_PIECE_BYTES):
            if cut is not None and brought >= cut:
                handler.close_connection = True
                return
            handler.wfile.write(piece)
            brought += len(piece)
            with self._lock:
                self.downloaded_bytes += len(piece)

    def _refuse(self, handler: BaseHTTPRequestHandler, fault: Fault, length: int) -> None:
        while length > 0 and (piece := handler.rfile.read(min(_PIECE_BYTES, length))):
            length -= len(piece)
        handler.send_response_only(fault.status)
        for name, value in {"Content-Length": str(len(fault.body)), **fault.headers}.items():
            handler.send_header(name, value)
        handler.end_headers()
        if handler.command != "HEAD":
            handler.wfile.write(fault.body)
