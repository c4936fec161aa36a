"""Somebody between us and a real registry, who answers in its place, drops connections, or lets something happen."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from resources.registry.transport.messages import MEBIBYTE


@dataclass(frozen=True)
class Deed:
    """What is done with a request. `status` answers without asking the registry, with `body` where one is given; `drop`
    gives no answer: `before` or `after` the registry has done it."""

    status: int | None = None
    code: str = "UNKNOWN"
    headers: dict[str, str] = field(default_factory=dict)
    drop: str = ""
    body: bytes = b""


Rule = Callable[[str, str, int], Deed | None]
"""(method, path, how many of this method came before) → what to do; None: pass it on."""


class Meddler:
    """A reverse proxy for the registry at `url`. `asked` is what came: (method, path)."""

    def __init__(self, url: str, rule: Rule = lambda _method, _path, _count: None) -> None:
        self.rule = rule
        self.rewrite: Callable[[str], str] = lambda path: path  #: how a path is asked of the registry
        self.asked: list[tuple[str, str]] = []
        self._target = urlsplit(url).netloc
        self._lock = threading.Lock()
        meddler = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = 65536

            def handle_one_request(self) -> None:
                self.raw_requestline = self.rfile.readline(65537)
                if not self.raw_requestline or not self.parse_request():
                    self.close_connection = True
                    return
                meddler.answer(self)

            def log_message(self, *_: object) -> None: ...

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 256

            def handle_error(self, *_: object) -> None: ...

        self._server = Server(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def asked_to_delete(self) -> list[str]:
        return [path.rpartition("/")[2] for method, path in self.asked if method == "DELETE"]

    def __enter__(self) -> Meddler:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        body = request.rfile.read(int(request.headers.get("Content-Length") or 0))
        with self._lock:
            count = sum(method == request.command for method, _ in self.asked)
            self.asked.append((request.command, request.path))
        deed = self.rule(request.command, request.path, count)
        if deed is not None and deed.status is not None:
            text = deed.body or b'{"errors":[{"code":"%s","message":"told to"}]}' % deed.code.encode()
            self._reply(request, deed.status, {"Content-Type": "application/json", **deed.headers}, text)
            return
        if deed is not None and deed.drop == "before":
            request.close_connection = True
            return
        connection = http.client.HTTPConnection(self._target, timeout=30)
        headers = {name: value for name, value in request.headers.items() if name.lower() != "host"}
        connection.request(request.command, self.rewrite(request.path), body=body or None, headers=headers)
        answer = connection.getresponse()
        content = answer.read(64 * MEBIBYTE)
        connection.close()
        if deed is not None and deed.drop == "after":
            request.close_connection = True
            return
        self._reply(request, answer.status, dict(answer.getheaders()), content)

    def _reply(self, request: BaseHTTPRequestHandler, status: int, headers: dict[str, str], body: bytes) -> None:
        request.send_response_only(status)
        told = {name.lower() for name in headers}
        for name, value in headers.items():
            if name.lower() not in ("transfer-encoding", "connection"):
                request.send_header(name, value)
        if "content-length" not in told:
            request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        if request.command != "HEAD":
            request.wfile.write(body)
        request.wfile.flush()
