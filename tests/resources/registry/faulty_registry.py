"""A registry on a real socket that does wrong what it is told to do wrong, and writes down what it was asked."""

from __future__ import annotations

import hashlib
import json
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from registry_core.media_types import OCI_CONFIG, OCI_MANIFEST


@dataclass(frozen=True)
class Reply:
    """One answer. `cut_after` bytes of the body the connection is dropped; `drop` says nothing at all."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    cut_after: int | None = None
    drop: bool = False
    delay_seconds: float = 0.0


@dataclass(frozen=True)
class Asked:
    """One request as it came."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def authorization(self) -> str | None:
        return self.headers.get("authorization")


Answering = Reply | Callable[[Asked], Reply]


def json_reply(document: object, status: int = 200, **headers: str) -> Reply:
    return Reply(status, json.dumps(document).encode(), {"Content-Type": "application/json", **headers})


def error_reply(status: int, code: str, message: str = "", **headers: str) -> Reply:
    return json_reply({"errors": [{"code": code, "message": message or code.lower()}]}, status, **headers)


def html_reply(status: int = 200) -> Reply:
    return Reply(
        status, b"<!DOCTYPE html><html><body>Sign in to the portal</body></html>", {"Content-Type": "text/html"}
    )


def digest_of(body: bytes) -> str:
    return "sha256:" + hashlib.sha256(body).hexdigest()


def manifest_reply(body: bytes, media_type: str = OCI_MANIFEST, *, digest: str | None = None) -> Reply:
    return Reply(200, body, {"Content-Type": media_type, "Docker-Content-Digest": digest or digest_of(body)})


def image(config: bytes = b'{"os":"linux","architecture":"amd64"}', **more: Any) -> bytes:
    """The manifest of a small image."""
    document = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": {"mediaType": OCI_CONFIG, "digest": digest_of(config), "size": len(config)},
        "layers": [],
        **more,
    }
    return json.dumps(document).encode()


class FaultyRegistry:
    """Answers each `METHOD /path` (query left out) by its script, the last reply again and again.

    What has no script is answered 404 as a registry would. GET scripts answer HEAD too, without the body.
    """

    def __init__(self, *, certificate: tuple[Path, Path] | None = None) -> None:
        self.asked: list[Asked] = []
        self._scripts: dict[tuple[str, str], list[Answering]] = {}
        self._lock = threading.Lock()
        registry = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = 65536  # headers and body in one packet

            def handle_one_request(self) -> None:
                self.raw_requestline = self.rfile.readline(65537)
                if not self.raw_requestline or not self.parse_request():
                    self.close_connection = True
                    return
                registry._answer(self)

            def log_message(self, *_: object) -> None: ...

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 256

            def handle_error(self, *_: object) -> None: ...

        self._server = Server(("127.0.0.1", 0), Handler)
        self._scheme = "http"
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
            self._scheme = "https"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self._server.server_address[1]}"

    @property
    def url(self) -> str:
        return f"{self._scheme}://{self.host}"

    def __enter__(self) -> FaultyRegistry:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def on(self, method: str, path: str, *replies: Answering) -> None:
        """Script the answers to a path."""
        self._scripts[method, path] = list(replies)

    def holds(self, repository: str, tags: Mapping[str, bytes], *, configs: tuple[bytes, ...] = ()) -> None:
        """Script a healthy repository."""
        self.on("GET", f"/v2/{repository}/tags/list", json_reply({"name": repository, "tags": list(tags)}))
        for tag, body in tags.items():
            self.on("GET", f"/v2/{repository}/manifests/{tag}", manifest_reply(body))
            self.on("GET", f"/v2/{repository}/manifests/{digest_of(body)}", manifest_reply(body))
        for config in configs or (b'{"os":"linux","architecture":"amd64"}',):
            self.on("GET", f"/v2/{repository}/blobs/{digest_of(config)}", Reply(200, config))

    def paths(self, method: str | None = None) -> list[str]:
        return [asked.path for asked in self.asked if method in (None, asked.method)]

    def _answer(self, handler: BaseHTTPRequestHandler) -> None:
        length = int(handler.headers.get("content-length") or 0)
        headers = {name.lower(): value for name, value in handler.headers.items()}
        asked = Asked(handler.command, handler.path, headers, handler.rfile.read(length))
        reply = self._reply_to(asked)
        if reply.delay_seconds:
            time.sleep(reply.delay_seconds)
        if reply.drop:
            handler.close_connection = True
            return
        body = b"" if asked.method == "HEAD" else reply.body
        handler.send_response_only(reply.status)
        for name, value in {"Content-Length": str(len(reply.body)), **reply.headers}.items():
            if value:
                handler.send_header(name, value)
        handler.end_headers()
        if reply.cut_after is not None:
            body = body[: reply.cut_after]
            handler.close_connection = True
        handler.wfile.write(body)
        handler.wfile.flush()

    def _reply_to(self, asked: Asked) -> Reply:
        path = urlsplit(asked.path).path
        with self._lock:
            self.asked.append(asked)
            script = self._scripts.get((asked.method, path))
            if script is None and asked.method == "HEAD":
                script = self._scripts.get(("GET", path))
            if script is None:
                return error_reply(404, "MANIFEST_UNKNOWN")
            answering = script.pop(0) if len(script) > 1 else script[0]
        return answering(asked) if callable(answering) else answering


def self_signed(folder: Path) -> tuple[Path, Path]:
    """Certificate and key for 127.0.0.1, as PEM files."""
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1",
         "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)],
        check=True,
        capture_output=True,
    )  # fmt: skip
    return certificate, key
