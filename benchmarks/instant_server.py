"""A registry that answers at once, or after a fixed time: what the client itself can do.

Run in a process of its own. It has every answer ready in memory and does nothing but look it up; with
`latency_seconds` each answer is held back so long, however many wait.
"""

from __future__ import annotations

import json
import select
import socket
import time
from collections import deque
from multiprocessing.connection import Connection

from benchmarks.content import Content, build

_PAGE = 1000


class InstantServer:
    """One thread, epoll, prepared answers."""

    def __init__(self, content: Content, latency_seconds: float = 0.0) -> None:
        self._content = content
        self._latency = latency_seconds
        self._gets: dict[bytes, bytes] = {}
        self._heads: dict[bytes, bytes] = {}
        self._held: deque[tuple[float, socket.socket, bytes]] = deque()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self._prepare()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.listener.getsockname()[1]}"

    def serve(self) -> None:
        self.listener.setblocking(False)
        poll = select.epoll()
        poll.register(self.listener.fileno(), select.EPOLLIN)
        clients: dict[int, socket.socket] = {}
        listening = self.listener.fileno()
        while True:
            for number, _ in poll.poll(self._release()):
                if number == listening:
                    client, _ = self.listener.accept()
                    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    clients[client.fileno()] = client
                    poll.register(client.fileno(), select.EPOLLIN)
                    continue
                client = clients[number]
                try:
                    data = client.recv(65536)
                except ConnectionError:
                    data = b""
                if not data:
                    poll.unregister(number)
                    clients.pop(number).close()
                    continue
                answer = self._answer(data)
                if self._latency:
                    self._held.append((time.monotonic() + self._latency, client, answer))
                else:
                    client.sendall(answer)

    def _release(self) -> float:
        now = time.monotonic()
        while self._held and self._held[0][0] <= now:
            _, client, answer = self._held.popleft()
            if client.fileno() >= 0:
                client.sendall(answer)
        return max(0.0, self._held[0][0] - now) if self._held else -1

    def _answer(self, data: bytes) -> bytes:
        method, path, _ = data.split(b" ", 2)
        known = (self._heads if method == b"HEAD" else self._gets).get(path)
        return known or b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"

    def _prepare(self) -> None:
        content = self._content
        manifests = {
            digest: _pair(body, media_type, digest) for digest, (media_type, body) in content.manifests.items()
        }
        blobs = {digest: _pair(body, "application/octet-stream", digest) for digest, body in content.blobs.items()}
        self._add("/v2/", _pair(b"{}", "application/json"))
        self._page_through("/v2/_catalog", "repositories", list(content.tags))
        for repository, tags in content.tags.items():
            self._page_through(f"/v2/{repository}/tags/list", "tags", list(tags))
            for tag, digest in tags.items():
                self._add(f"/v2/{repository}/manifests/{tag}", manifests[digest])
            for digest in content.holds[repository]:
                self._add(f"/v2/{repository}/manifests/{digest}", manifests[digest])
            for digest in content.blobs_of[repository]:
                self._add(f"/v2/{repository}/blobs/{digest}", blobs[digest])

    def _add(self, path: str, answers: tuple[bytes, bytes]) -> None:
        self._gets[path.encode()], self._heads[path.encode()] = answers

    def _page_through(self, path: str, key: str, names: list[str]) -> None:
        for start in range(0, max(len(names), 1), _PAGE):
            body = json.dumps({key: names[start : start + _PAGE]}).encode()
            address = f"{path}?n={_PAGE}" + (f"&last={start}" if start else "")
            link = ""
            if start + _PAGE < len(names):
                link = f'Link: <{path}?n={_PAGE}&last={start + _PAGE}>; rel="next"\r\n'
            self._add(address, _pair(body, "application/json", extra=link))
            if not start:
                self._add(path, _pair(body, "application/json", extra=link))


def _pair(body: bytes, media_type: str, digest: str = "", extra: str = "") -> tuple[bytes, bytes]:
    head = (
        f"HTTP/1.1 200 OK\r\nContent-Type: {media_type}\r\nContent-Length: {len(body)}\r\n"
        + (f'Docker-Content-Digest: {digest}\r\nEtag: "{digest}"\r\n' if digest else "")
        + f"Docker-Distribution-Api-Version: registry/2.0\r\nX-Content-Type-Options: nosniff\r\n{extra}\r\n"
    ).encode()
    return head + body, head


def run(pipe: Connection, tags: int, repositories: int, latency_seconds: float) -> None:
    """Entry of the server's process: tells its address, then serves until it is killed."""
    server = InstantServer(build(tags=tags, repositories=repositories), latency_seconds)
    pipe.send(server.address)
    server.serve()
