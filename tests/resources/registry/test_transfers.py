"""Blobs on bad lines: cut, resumed, begun again."""

from __future__ import annotations

import tracemalloc

import pytest

from registry_core.errors import RegistryError
from tests.resources.registry.conftest import client_of
from tests.resources.registry.faulty_registry import (
    Answering,
    Asked,
    FaultyRegistry,
    Reply,
    digest_of,
    error_reply,
)

_BLOB = bytes(range(256)) * 400
_DIGEST = digest_of(_BLOB)
_PATH = f"/v2/team/app/blobs/{_DIGEST}"


def _ranged(asked: Asked) -> Reply:
    start = int(asked.headers["range"].removeprefix("bytes=").rstrip("-"))
    return Reply(206, _BLOB[start:], {"Content-Range": f"bytes {start}-{len(_BLOB) - 1}/{len(_BLOB)}"})


def _cut(after: int) -> Answering:
    def answer(asked: Asked) -> Reply:
        whole = _ranged(asked) if "range" in asked.headers else Reply(200, _BLOB)
        return Reply(whole.status, whole.body, whole.headers, cut_after=after)

    return answer


def test_a_download_that_is_cut_goes_on_where_it_ended(faulty: FaultyRegistry) -> None:
    faulty.on("GET", _PATH, _cut(30_000), _cut(30_000), _ranged)
    assert b"".join(client_of(faulty.url).read_blob("team/app", _DIGEST)) == _BLOB
    assert [asked.headers.get("range") for asked in faulty.asked] == [None, "bytes=30000-", "bytes=60000-"]


def test_a_registry_that_ignores_the_range_begins_again_and_nothing_is_twice(faulty: FaultyRegistry) -> None:
    faulty.on("GET", _PATH, _cut(30_000), Reply(200, _BLOB))
    assert b"".join(client_of(faulty.url).read_blob("team/app", _DIGEST)) == _BLOB


def test_a_download_that_never_gets_on_ends(faulty: FaultyRegistry) -> None:
    faulty.on("GET", _PATH, _cut(30_000), Reply(206, _BLOB, {"Content-Range": "bytes 30000-1/1"}, cut_after=0))
    with pytest.raises(RegistryError) as caught:
        list(client_of(faulty.url, retries=0).read_blob("team/app", _DIGEST))
    assert caught.value.fault == "unreachable"
    assert len(faulty.asked) < 10


@pytest.mark.parametrize("body", [b"x" + _BLOB[1:], _BLOB[:-1], _BLOB + b"x", b""])
def test_a_download_of_something_else_is_corrupt(faulty: FaultyRegistry, body: bytes) -> None:
    faulty.on("GET", _PATH, Reply(200, body))
    for size_bytes in (None, len(_BLOB)):
        with pytest.raises(RegistryError) as caught:
            list(client_of(faulty.url).read_blob("team/app", _DIGEST, size_bytes=size_bytes))
        assert caught.value.fault == "corrupt"


def test_an_error_page_is_no_part_of_a_download(faulty: FaultyRegistry) -> None:
    faulty.on("GET", _PATH, Reply(500, b"oops"), Reply(200, _BLOB))
    assert b"".join(client_of(faulty.url).read_blob("team/app", _DIGEST)) == _BLOB
    faulty.on("GET", _PATH, error_reply(404, "BLOB_UNKNOWN"))
    with pytest.raises(RegistryError) as caught:
        list(client_of(faulty.url).read_blob("team/app", _DIGEST))
    assert (caught.value.fault, caught.value.codes) == ("missing", ("BLOB_UNKNOWN",))


def test_a_slow_reader_holds_the_network_back(faulty: FaultyRegistry) -> None:
    blob = bytes(60_000_000)
    faulty.on("GET", f"/v2/a/blobs/{digest_of(blob)}", Reply(200, blob))
    tracemalloc.start()
    chunks = client_of(faulty.url).read_blob("a", digest_of(blob))
    next(chunks)
    for _ in range(50):
        next(chunks)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    chunks.close()
    assert peak < 10_000_000


class _Uploads:
    """Takes an upload in chunks, loses the connection as told."""

    def __init__(self, registry: FaultyRegistry, *, lose: int, forgets: bool = False) -> None:
        self.data = b""
        self.begun = 0
        self._lose = lose
        self._forgets = forgets
        registry.on("POST", "/v2/team/app/blobs/uploads/", self._begin)
        registry.on("PATCH", "/upload", self._patch)
        registry.on("GET", "/upload", self._status)
        registry.on("PUT", "/upload", self._close)

    def _begin(self, asked: Asked) -> Reply:
        self.begun += 1
        self.data = b""
        return Reply(202, b"", {"Location": "/upload?state=0"})

    def _patch(self, asked: Asked) -> Reply:
        start = int(asked.headers["content-range"].partition("-")[0])
        if start != len(self.data):
            return Reply(416)
        if self._lose:
            self._lose -= 1
            self.data += asked.body[: len(asked.body) // 2]
            return Reply(drop=True)
        self.data += asked.body
        return Reply(202, b"", {"Location": f"/upload?state={len(self.data)}", "Range": f"0-{len(self.data) - 1}"})

    def _status(self, asked: Asked) -> Reply:
        if self._forgets and self.begun == 1:
            return error_reply(404, "BLOB_UPLOAD_UNKNOWN")
        return Reply(204, b"", {"Location": f"/upload?state={len(self.data)}", "Range": f"0-{len(self.data) - 1}"})

    def _close(self, asked: Asked) -> Reply:
        self.data += asked.body
        good = digest_of(self.data) in asked.path and "state=" in asked.path
        return Reply(201) if good else error_reply(400, "DIGEST_INVALID")


def test_an_upload_that_is_cut_goes_on_where_the_registry_stands(faulty: FaultyRegistry) -> None:
    uploads = _Uploads(faulty, lose=2)
    assert client_of(faulty.url).upload_blob("team/app", _DIGEST, _BLOB, chunk_bytes=40_000) == "uploaded"
    assert (uploads.data, uploads.begun) == (_BLOB, 1)


def test_an_upload_that_the_registry_forgot_is_begun_again(faulty: FaultyRegistry) -> None:
    uploads = _Uploads(faulty, lose=1, forgets=True)
    assert client_of(faulty.url).upload_blob("team/app", _DIGEST, lambda: [_BLOB], chunk_bytes=40_000) == "uploaded"
    assert (uploads.data, uploads.begun) == (_BLOB, 2)


def test_an_upload_that_never_gets_on_ends(faulty: FaultyRegistry) -> None:
    _Uploads(faulty, lose=1000)
    with pytest.raises(RegistryError) as caught:
        client_of(faulty.url, retries=0).upload_blob("team/app", _DIGEST, _BLOB, chunk_bytes=40_000)
    assert caught.value.fault == "unreachable"
    assert len(faulty.asked) < 60


def test_a_lost_answer_to_the_last_request_is_looked_up(faulty: FaultyRegistry) -> None:
    _Uploads(faulty, lose=0)
    faulty.on("PUT", "/upload", Reply(drop=True))
    faulty.on("HEAD", _PATH, Reply(200))
    assert client_of(faulty.url).upload_blob("team/app", _DIGEST, _BLOB) == "uploaded"


def test_a_manifest_that_reads_back_otherwise_is_corrupt(faulty: FaultyRegistry) -> None:
    faulty.on("PUT", "/v2/team/app/manifests/v1", Reply(201))
    faulty.on("HEAD", "/v2/team/app/manifests/v1", Reply(200, b"", {"Docker-Content-Digest": digest_of(b"other")}))
    with pytest.raises(RegistryError, match="the registry holds") as caught:
        client_of(faulty.url).put_manifest("team/app", "v1", b"{}", "application/json")
    assert caught.value.fault == "corrupt"
