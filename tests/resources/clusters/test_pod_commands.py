"""Commands in a pod, against an API server that speaks the exec protocol on a real socket."""

from __future__ import annotations

import base64
import hashlib
import json
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from registry_core.errors import ClusterError
from resources.clusters.connection import Connection
from resources.clusters.pod_commands import PodCommands, PodPlace
from resources.configuration.secrets import SecretName
from resources.configuration.settings import ClusterSettings

FAILED = {
    "status": "Failure",
    "reason": "NonZeroExitCode",
    "details": {"causes": [{"reason": "ExitCode", "message": "3"}]},
}


Frames = list[tuple[int, bytes]]


@contextmanager
def api_server(
    frames: Frames | Callable[[list[str]], Frames],
    pods: tuple[str, ...] = ("registry-0",),
    status: int = 101,
    location: str = "",
) -> Iterator[tuple[str, list[str]]]:
    """Lists these pods, and answers an exec with these frames (channel, bytes), or with what they are for a command."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None: ...

        def do_GET(self) -> None:
            asked.append(self.path)
            if urlsplit(self.path).path.endswith("/exec"):
                self._exec()
            else:
                items = [{"metadata": {"name": name}, "status": {"phase": "Running"}} for name in pods]
                self._json(200, {"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": items})

        def _exec(self) -> None:
            if status != 101:
                self._json(status, {"kind": "Status", "message": "pods registry-0 is forbidden"})
                return
            key = self.headers["Sec-WebSocket-Key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
            self.send_response(101)
            self.send_header("Upgrade", "websocket")
            self.send_header("Connection", "Upgrade")
            accept = base64.b64encode(hashlib.sha1(key.encode()).digest()).decode()
            self.send_header("Sec-WebSocket-Accept", accept)
            self.send_header("Sec-WebSocket-Protocol", "v4.channel.k8s.io")
            self.end_headers()
            command = parse_qs(urlsplit(self.path).query)["command"]
            for channel, content in frames(command) if callable(frames) else frames:
                payload = bytes([channel]) + content
                self.wfile.write(b"\x82" + _length(len(payload)) + payload)
            self.wfile.write(b"\x88\x02\x03\xe8")
            self.wfile.flush()
            self.close_connection = True

        def _json(self, code: int, document: dict[str, Any]) -> None:
            body = json.dumps(document).encode()
            self.send_response(code)
            self.send_header("Content-Type", "application/json")
            if location:
                self.send_header("Location", location)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _length(size: int) -> bytes:
    return bytes([size]) if size < 126 else bytes([126]) + struct.pack(">H", size)


def commands(url: str) -> PodCommands:
    settings = ClusterSettings(server=url, token=SecretName(env="TOKEN"))
    return PodCommands(
        Connection("production", settings, lambda _: "secret"), PodPlace("registry", "app=registry", "main")
    )


def test_a_command_is_run_in_the_one_running_pod_and_its_output_told() -> None:
    frames = [(1, b"first li"), (1, b"ne\nsecond"), (2, b"a warning\n"), (1, b" line"), (3, b'{"status":"Success"}')]
    with api_server(frames) as (url, asked):
        ended = commands(url).run(["registry", "garbage-collect"])
    assert ended.status == 0
    assert set(ended.lines) == {"first line", "a warning", "second line"}
    query = parse_qs(urlsplit(asked[-1]).query)
    assert query["command"] == ["registry", "garbage-collect"]
    assert query["container"] == ["main"]
    assert "labelSelector=app%3Dregistry" in asked[0]


def test_the_status_of_a_command_that_fails_is_told() -> None:
    with api_server([(2, b"no such file\n"), (3, json.dumps(FAILED).encode())]) as (url, _):
        ended = commands(url).run(["false"])
    assert (ended.status, ended.lines) == (3, ("no such file",))


@pytest.mark.parametrize("pods", [(), ("registry-0", "registry-1")])
def test_it_must_be_clear_which_pod_is_meant(pods: tuple[str, ...]) -> None:
    with api_server([], pods) as (url, _), pytest.raises(ClusterError, match="one running pod is needed, and there is"):
        commands(url).run(["true"])


def test_a_missing_right_is_named() -> None:
    with api_server([], status=403) as (url, _), pytest.raises(ClusterError, match="create pods/exec") as told:
        commands(url).run(["true"])
    assert "secret" not in str(told.value)


def test_a_connection_that_ends_before_the_command_is_no_success() -> None:
    with api_server([(1, b"half\n")]) as (url, _), pytest.raises(ClusterError, match="ended before the command"):
        commands(url).run(["true"])


def test_a_cluster_that_is_away_is_told_as_that() -> None:
    with pytest.raises(ClusterError, match="could not find pods app=registry in registry") as told:
        commands("http://127.0.0.1:9").run(["true"])
    assert told.value.fault == "unreachable"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("place", ["ws://{there}/exec?command=true", "http://[::1/x", ""])
def test_a_command_follows_no_redirect_and_our_token_goes_nowhere(status: int, place: str) -> None:
    with api_server([(3, b'{"status":"Success"}')]) as (elsewhere, asked_there):
        location = place.replace("{there}", elsewhere.removeprefix("http://"))
        with api_server([], status=status, location=location) as (url, asked), pytest.raises(ClusterError):
            commands(url).run(["true"])
    assert len(asked) == 2
    assert asked_there == []
