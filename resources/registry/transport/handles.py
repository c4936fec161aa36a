"""libcurl handles, kept and used again: options that do not change are set once for each method."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import pycurl

from resources.registry.transport.curl_errors import BodyFailed, TransferFailed
from resources.registry.transport.messages import ERROR_BODY_BYTES, KIBIBYTE, Answer, Readable, Request, Sink
from resources.registry.transport.trust import Trust

USER_AGENT = "registry-pipelines"

#: pycurl takes an empty list for "leave it as it was": the request before may have been signed in.
_PLAIN_HEADERS = ["Accept: */*"]

_LONGEST_ANSWER = 20  # times `timeout`, for one answer that comes drop by drop

#: What libcurl receives and sends at once where a whole blob passes: more costs memory, less processor time.
_STREAM_BUFFER_BYTES = 256 * KIBIBYTE

#: Proxy options depend on the host, so they are set again only when the host changes.
_NO_HOST = object()


class Handle:
    """One libcurl easy handle and what is collected for the request it carries."""

    __slots__ = (
        "_body", "_body_error", "_cut", "_headers", "_limit", "_proxied_for", "_reader", "_received", "_request",
        "_sink", "_trust", "_unbounded", "_url", "curl", "lines", "method", "streaming", "task", "timeout_seconds",
    )  # fmt: skip

    def __init__(self, method: str, trust: Trust, timeout_seconds: float) -> None:
        self.method = method
        self._trust = trust
        self.timeout_seconds = timeout_seconds
        self._proxied_for: object = _NO_HOST
        self.lines: list[bytes] = []
        self.task: Any = None
        self.streaming = False
        self._body: list[bytes] = []
        self._received = self._limit = 0
        self._cut = False
        self._request: Request | None = None
        self._sink: Sink | None = None
        self._reader: Readable = BytesIO()
        self._body_error: BaseException | None = None
        self._url = ""
        self._unbounded: bool | None = None
        self._headers: list[str] = []
        curl = self.curl = pycurl.Curl()
        curl.setopt(pycurl.NOSIGNAL, 1)
        curl.setopt(pycurl.PROTOCOLS, pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS)
        curl.setopt(pycurl.FOLLOWLOCATION, 0)
        curl.setopt(pycurl.PATH_AS_IS, 1)
        curl.setopt(pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_1_1)
        curl.setopt(pycurl.USERAGENT, USER_AGENT)
        curl.setopt(pycurl.NETRC, pycurl.NETRC_IGNORED)
        curl.setopt(pycurl.CONNECTTIMEOUT_MS, int(timeout_seconds * 1000))
        curl.setopt(pycurl.HEADERFUNCTION, self.lines.append)
        curl.setopt(pycurl.WRITEFUNCTION, self._write)
        # `timeout` is for silence: a long list or a large blob may take longer as long as it comes.
        curl.setopt(pycurl.LOW_SPEED_LIMIT, 1)
        curl.setopt(pycurl.LOW_SPEED_TIME, max(1, int(timeout_seconds)))
        trust.prepare(curl)
        if method == "HEAD":
            curl.setopt(pycurl.NOBODY, 1)
        elif method == "GET":
            curl.setopt(pycurl.HTTPGET, 1)
        else:
            curl.setopt(pycurl.UPLOAD, 1)
            curl.setopt(pycurl.READFUNCTION, self._read)
            curl.setopt(pycurl.UPLOAD_BUFFERSIZE, _STREAM_BUFFER_BYTES)
            curl.setopt(pycurl.CUSTOMREQUEST, method)

    def load(self, request: Request, url: str, headers: list[str]) -> None:
        """Make ready for one request."""
        curl = self.curl
        self.lines.clear()
        self._body = []
        self._received, self._limit, self._cut = 0, request.body_limit, False
        self._request, self._sink, self._url = request, None, url
        host = url[: url.find("/", 8)]
        if host != self._proxied_for:
            self._proxied_for = host
            curl.setopt(pycurl.PROXY, self._trust.proxy_of(url))
            curl.setopt(pycurl.NOPROXY, self._trust.not_proxied)
        curl.setopt(pycurl.URL, url)
        unbounded = self.streaming or self.method not in ("GET", "HEAD")
        if unbounded != self._unbounded:
            self._unbounded = unbounded
            curl.setopt(pycurl.BUFFERSIZE, _STREAM_BUFFER_BYTES if self.streaming else 16 * KIBIBYTE)
            curl.setopt(pycurl.TIMEOUT_MS, 0 if unbounded else int(self.timeout_seconds * 1000) * _LONGEST_ANSWER)
        if self.method not in ("GET", "HEAD"):
            body = request.body or b""
            self._body_error = None
            self._reader = BytesIO(body) if isinstance(body, bytes) else body.open()
            curl.setopt(pycurl.INFILESIZE_LARGE, len(body))
            headers = [*headers, "Expect:"]
        headers = headers or _PLAIN_HEADERS
        if headers != self._headers:
            self._headers = headers
            curl.setopt(pycurl.HTTPHEADER, headers)

    def answer(self) -> Answer:
        """What came, of the last header block (a `100 Continue` comes before it)."""
        lines = self.lines
        start = 0
        if b"\r\n" in lines[:-1]:  # each block ends with an empty line
            start = max(at for at, line in enumerate(lines) if line[:5] == b"HTTP/")
        return Answer(_status(lines[start]) if lines else 0, lines[start + 1 :], b"".join(self._body), self._url)

    def failure(self, code: int, message: str) -> Exception | Answer:
        """Why no whole answer came; an error answer whose body we cut at our limit is an answer."""
        if self._body_error is not None:
            failed = BodyFailed(str(self._body_error))
            failed.__cause__ = self._body_error
            return failed
        if self._cut and not 200 <= (answer := self.answer()).status < 300:
            return answer
        if self._cut:
            message = f"the answer is larger than {self._limit} bytes"
        return TransferFailed(TOO_LARGE if self._cut else code, message, self._received)

    def forget(self) -> None:
        """Let go of the request and its body, so that nothing of it stays in memory."""
        self._request, self._sink, self._body = None, None, []
        self._reader, self._body_error = BytesIO(), None

    def _write(self, data: bytes) -> int | None:
        if not self._received:
            self._begin()
        received = self._received
        self._received += len(data)
        if self._sink is not None:
            self._sink.take(data)
            return None
        room = self._limit - received
        if len(data) <= room:
            self._body.append(data)
            return None
        self._body.append(data[: max(0, room)])
        self._cut = True
        return 0  # less than was given: libcurl ends the transfer

    def _read(self, size: int) -> bytes | int:
        """The next of the body. pycurl would print what is raised here, and go on."""
        try:
            return self._reader.read(size)
        except BaseException as error:  # noqa: BLE001 - kept, and raised where the transfer is awaited
            self._body_error = error
            return int(pycurl.READFUNC_ABORT)

    def _begin(self) -> None:
        """Decide by the status where the body goes. (libcurl forbids `getinfo` while it calls us.)"""
        answer = self.answer()
        request = self._request
        if not 200 <= answer.status < 300:
            self._limit = ERROR_BODY_BYTES
        elif request is not None and request.sink is not None:
            self._sink = request.sink
            self._sink.begin(answer)


def _status(line: bytes) -> int:
    words = line.split(None, 2)
    return int(words[1]) if len(words) > 1 and words[1].isdigit() else 0


#: Our own code, beside libcurl's, for a body above `body_limit`.
TOO_LARGE = 10_001


class Handles:
    """The idle handles of one engine, by method."""

    def __init__(self, trust: Trust, timeout_seconds: float) -> None:
        self._trust = trust
        self._timeout_seconds = timeout_seconds
        self._idle: dict[str, list[Handle]] = {}

    def lend(self, method: str) -> Handle:
        idle = self._idle.get(method)
        return idle.pop() if idle else Handle(method, self._trust, self._timeout_seconds)

    def take_back(self, handle: Handle) -> None:
        handle.forget()
        idle = self._idle.get(handle.method)
        if idle is None:
            idle = self._idle[handle.method] = []
        idle.append(handle)
