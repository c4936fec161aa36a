"""A registry in memory on a real socket, which keeps the truth and may say something else."""

from __future__ import annotations

import json
import re
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType

from tests.registry_pipelines.eviction.lying.truth import Truth

_PATH = re.compile(r"/v2/(?P<repository>.+?)/(?P<kind>tags|manifests|blobs|referrers)/(?P<reference>[^/?]+)")
_REASONS = {200: "OK", 202: "Accepted", 307: "Temporary Redirect", 308: "Permanent Redirect", 404: "Not Found"}
_INDEX = "application/vnd.oci.image.index.v1+json"


@dataclass(frozen=True)
class Asked:
    """One request. `kind` is tags, manifests, blobs, referrers, or empty for the rest of the API."""

    method: str
    path: str
    repository: str = ""
    kind: str = ""
    reference: str = ""

    @classmethod
    def read(cls, method: str, target: str) -> Asked:
        path = target.partition("?")[0].rstrip("/")
        match = _PATH.fullmatch(path)
        return (
            cls(method, path) if match is None else cls(method, path, *match.group("repository", "kind", "reference"))
        )


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Lie:
    """What is answered instead of the truth: `answer` None cuts the connection. `done`: a DELETE is carried out."""

    answer: Answer | None
    done: bool = False


def error(status: int, code: str = "UNKNOWN", **headers: str) -> Answer:
    body = json.dumps({"errors": [{"code": code, "message": "as it pleases"}]}).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, body, {"Content-Type": "application/json", **named})


class LyingRegistry:
    """`truth`, `lie` and `before` may be exchanged between requests. `lie` may answer in place of the truth; `before`
    sees every request first, so that the world can change at that moment. `foreign` takes requests of another registry,
    which nothing may be written to."""

    def __init__(self) -> None:
        self.truth = Truth()
        self.has_referrers = True
        self.lie: Callable[[Asked], Lie | None] = lambda _: None
        self.before: Callable[[Asked], None] = lambda _: None
        self.story: list[str] = []
        self.written_elsewhere: list[str] = []
        self._lock = threading.Lock()
        self._own, self._other = socket.create_server(("127.0.0.1", 0)), socket.create_server(("127.0.0.1", 0))
        self._open: set[socket.socket] = set()

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self._own.getsockname()[1]}"

    @property
    def foreign(self) -> str:
        return f"127.0.0.1:{self._other.getsockname()[1]}"

    def __enter__(self) -> LyingRegistry:
        for server in (self._own, self._other):
            threading.Thread(target=self._accept, args=(server,), daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, at: TracebackType | None) -> None:
        for opened in (self._own, self._other, *list(self._open)):
            opened.close()

    def _accept(self, server: socket.socket) -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._open.add(connection)
            threading.Thread(target=self._serve, args=(connection, server is self._other), daemon=True).start()

    def _serve(self, connection: socket.socket, elsewhere: bool) -> None:
        received = b""
        try:
            while True:
                while b"\r\n\r\n" not in received:
                    more = connection.recv(65536)
                    if not more:
                        return
                    received += more
                head, _, received = received.partition(b"\r\n\r\n")
                method, target, _ = head.partition(b"\r\n")[0].decode().split(" ", 2)
                asked = Asked.read(method, target)
                if elsewhere:
                    answer: Answer | None = self._foreign(asked)
                else:
                    with self._lock:
                        answer = self._answer(asked)
                if answer is None:
                    return
                connection.sendall(_written(answer, method))
        except OSError:
            return
        finally:
            self._open.discard(connection)
            connection.close()

    def _foreign(self, asked: Asked) -> Answer:
        if asked.method not in ("GET", "HEAD"):
            self.written_elsewhere.append(f"{asked.method} {asked.path}")
            return Answer(202)
        return error(404)

    def _answer(self, asked: Asked) -> Answer | None:
        truth = self.truth
        truth.tick += 1
        truth.requests[asked.repository] += 1
        self.before(asked)
        if asked.kind == "tags":
            truth.listed_at[asked.repository] = truth.tick
        lie = self.lie(asked)
        done = asked.method == "DELETE" and (lie is None or lie.done)
        self.story.append(f"{truth.tick} {asked.method} {asked.path} {'' if lie is None else lie}")
        if asked.method == "DELETE":
            return self._delete(asked, done, lie)
        return self._tell(asked) if lie is None else lie.answer

    def _delete(self, asked: Asked, done: bool, lie: Lie | None) -> Answer | None:
        image = asked.repository, asked.reference
        there = image in self.truth.manifests
        self.truth.witness(image, done=done and there)
        if done:
            self.truth.remove(image)
        if lie is not None:
            return lie.answer
        return Answer(202) if there else error(404, "MANIFEST_UNKNOWN")

    def _tell(self, asked: Asked) -> Answer:
        """The truth."""
        truth = self.truth
        if asked.path == "/v2":
            return Answer(200, b"{}")
        if asked.path == "/v2/_catalog":
            return _json({"repositories": truth.repositories()})
        if asked.kind == "tags":
            tags = sorted(tag for repository, tag in truth.tags if repository == asked.repository)
            if asked.repository not in truth.repositories():
                return error(404, "NAME_UNKNOWN")
            return _json({"name": asked.repository, "tags": tags})
        if asked.kind == "blobs":
            blob = truth.blobs.get(asked.reference)
            return error(404, "BLOB_UNKNOWN") if blob is None else Answer(200, blob)
        if asked.kind == "referrers":
            return self._referrers(asked)
        if asked.kind == "manifests":
            digest = truth.tags.get((asked.repository, asked.reference), asked.reference)
            image = truth.manifests.get((asked.repository, digest))
            if image is None:
                return error(404, "MANIFEST_UNKNOWN")
            headers = {"Content-Type": image.media_type, "Docker-Content-Digest": digest}
            return Answer(200, image.manifest_bytes, headers)
        return error(404)

    def _referrers(self, asked: Asked) -> Answer:
        if not self.has_referrers:
            return error(404)
        listed = [one.descriptor for one in self.truth.referrers((asked.repository, asked.reference))]
        body = {"schemaVersion": 2, "mediaType": _INDEX, "manifests": listed}
        return Answer(200, json.dumps(body).encode(), {"Content-Type": _INDEX})


def _json(body: object) -> Answer:
    return Answer(200, json.dumps(body).encode(), {"Content-Type": "application/json"})


def _written(answer: Answer, method: str) -> bytes:
    headers = {"Content-Length": str(len(answer.body)), **answer.headers}
    head = f"HTTP/1.1 {answer.status} {_REASONS.get(answer.status, 'Odd')}\r\n"
    head += "".join(f"{name}: {value}\r\n" for name, value in headers.items()) + "\r\n"
    return head.encode() + (b"" if method == "HEAD" else answer.body)
