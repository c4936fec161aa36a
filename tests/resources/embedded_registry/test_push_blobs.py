"""Push of blobs (OCI distribution specification v1.1.1, "Pushing blobs"; conformance suite, 02)."""

from __future__ import annotations

import hashlib
import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from resources.embedded_registry import EmbeddedRegistry, Layout, Rejection
from resources.embedded_registry.uploads import PATIENCE, Uploads
from tests.image_builder import digest_of, push_blob
from tests.resources.embedded_registry.conftest import Api, assert_error

BLOB = b"a blob of the test"
DIGEST = digest_of(BLOB)
OCTETS = {"Content-Type": "application/octet-stream"}
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def test_post_then_put_makes_a_blob(api: Api) -> None:
    location = api.start_upload("team/app")
    assert UUID.search(location)
    answer = api.put(f"{location}?digest={DIGEST}", data=BLOB, headers=OCTETS)
    assert answer.status_code == 201
    assert answer.headers["Docker-Content-Digest"] == DIGEST
    assert api.get(answer.headers["Location"]).content == BLOB


def test_a_single_post_makes_a_blob(api: Api) -> None:
    answer = api.post(f"/v2/team/app/blobs/uploads/?digest={DIGEST}", data=BLOB, headers=OCTETS)
    assert answer.status_code == 201
    assert api.get(answer.headers["Location"]).content == BLOB


def test_a_blob_that_is_there_may_be_pushed_again(api: Api) -> None:
    for _ in range(2):
        answer = api.post(f"/v2/team/app/blobs/uploads/?digest={DIGEST}", data=BLOB, headers=OCTETS)
        assert answer.status_code == 201
    assert api.get(f"/v2/team/app/blobs/{DIGEST}").content == BLOB


def test_an_empty_blob_is_a_blob(api: Api) -> None:
    digest = digest_of(b"")
    location = api.start_upload("team/app")
    assert api.put(f"{location}?digest={digest}").status_code == 201
    assert api.get(f"/v2/team/app/blobs/{digest}").content == b""


def test_sha512_is_verified_and_kept_by_that_digest(api: Api) -> None:
    digest = digest_of(BLOB, "sha512")
    assert api.post(f"/v2/a/blobs/uploads/?digest={digest}", data=BLOB, headers=OCTETS).status_code == 201
    assert api.get(f"/v2/a/blobs/{digest}").content == BLOB
    wrong = digest_of(b"else", "sha512")
    assert_error(api.post(f"/v2/a/blobs/uploads/?digest={wrong}", data=BLOB, headers=OCTETS), 400, "DIGEST_INVALID")


@pytest.mark.parametrize("way", ["post", "put"])
def test_bytes_of_another_digest_are_refused_and_nothing_is_kept(api: Api, way: str) -> None:
    wrong = digest_of(b"something else")
    if way == "post":
        answer = api.post(f"/v2/team/app/blobs/uploads/?digest={wrong}", data=BLOB, headers=OCTETS)
    else:
        answer = api.put(f"{api.start_upload('team/app')}?digest={wrong}", data=BLOB, headers=OCTETS)
    assert_error(answer, 400, "DIGEST_INVALID")
    assert answer.json()["errors"][0]["detail"] == {"expected": wrong, "actual": DIGEST}
    assert api.head(f"/v2/team/app/blobs/{wrong}").status_code == 404
    assert api.head(f"/v2/team/app/blobs/{DIGEST}").status_code == 404


def test_closing_without_a_digest_is_refused_and_the_upload_goes_on(api: Api) -> None:
    location = api.start_upload("team/app")
    assert_error(api.put(location, data=BLOB, headers=OCTETS), 400, "DIGEST_INVALID")
    assert api.put(f"{location}?digest={DIGEST}", data=BLOB, headers=OCTETS).status_code == 201


def test_chunks_in_order_make_a_blob(api: Api) -> None:
    location = api.start_upload("team/app")
    for first, last in ((0, 5), (6, 11), (12, len(BLOB) - 1)):
        answer = api.patch_chunk(location, BLOB[first : last + 1], f"{first}-{last}")
        assert answer.status_code == 202
        assert answer.headers["Range"] == f"0-{last}"
        location = answer.headers["Location"]
    assert api.put(f"{location}?digest={DIGEST}").status_code == 201
    assert api.get(f"/v2/team/app/blobs/{DIGEST}").content == BLOB


def test_the_last_chunk_may_come_with_the_closing_put(api: Api) -> None:
    location = api.start_upload("team/app")
    location = api.patch_chunk(location, BLOB[:7], "0-6").headers["Location"]
    headers = {**OCTETS, "Content-Range": f"7-{len(BLOB) - 1}"}
    assert api.put(f"{location}?digest={DIGEST}", data=BLOB[7:], headers=headers).status_code == 201
    assert api.get(f"/v2/team/app/blobs/{DIGEST}").content == BLOB


def test_a_chunk_out_of_order_is_416_and_the_status_tells_where_to_go_on(api: Api) -> None:
    location = api.start_upload("team/app")
    assert_error(api.patch_chunk(location, BLOB[7:], f"7-{len(BLOB) - 1}"), 416, "BLOB_UPLOAD_INVALID")
    assert api.patch_chunk(location, BLOB[:7], "0-6").status_code == 202
    repeated = api.patch_chunk(location, BLOB[:7], "0-6")
    assert_error(repeated, 416, "BLOB_UPLOAD_INVALID")
    status = api.get(repeated.headers["Location"])
    assert (status.status_code, status.headers["Range"]) == (204, "0-6")
    assert api.patch_chunk(status.headers["Location"], BLOB[7:], f"7-{len(BLOB) - 1}").status_code == 202
    assert api.put(f"{location}?digest={DIGEST}").status_code == 201


def test_a_gap_in_the_closing_put_is_416(api: Api) -> None:
    location = api.start_upload("team/app")
    headers = {**OCTETS, "Content-Range": "3-9"}
    assert_error(api.put(f"{location}?digest={DIGEST}", data=BLOB[3:10], headers=headers), 416, "BLOB_UPLOAD_INVALID")


def test_a_chunk_shorter_than_its_range_is_refused_and_forgotten(api: Api) -> None:
    location = api.start_upload("team/app")
    assert_error(api.patch_chunk(location, BLOB[:4], "0-9"), 400, "SIZE_INVALID")
    assert api.patch_chunk(location, BLOB, f"0-{len(BLOB) - 1}").status_code == 202
    assert api.put(f"{location}?digest={DIGEST}").status_code == 201


def test_a_chunk_longer_than_its_range_is_refused_and_leaves_no_byte(api: Api) -> None:
    location = api.start_upload("team/app")
    assert_error(api.patch_chunk(location, b"x" * 1000, "0-3"), 400, "SIZE_INVALID")
    assert api.patch_chunk(location, BLOB, f"0-{len(BLOB) - 1}").status_code == 202
    assert api.put(f"{location}?digest={DIGEST}").status_code == 201
    assert api.get(f"/v2/team/app/blobs/{DIGEST}").content == BLOB


@pytest.mark.parametrize("header", ["zero-nine", "0", "-5", "5-"])
def test_a_content_range_that_is_none_is_refused(api: Api, header: str) -> None:
    answer = api.patch_chunk(api.start_upload("team/app"), BLOB, header)
    assert_error(answer, 400, "BLOB_UPLOAD_INVALID")


def test_a_stream_without_a_range_or_a_length_is_taken_as_docker_sends_it(api: Api) -> None:
    def stream() -> Iterator[bytes]:
        for _ in range(300):
            yield b"0123456789" * 1000

    location = api.start_upload("team/app")
    answer = api.patch(location, data=stream(), headers=OCTETS)
    assert (answer.status_code, answer.headers["Range"]) == (202, "0-2999999")
    digest = "sha256:" + hashlib.sha256(b"0123456789" * 300_000).hexdigest()
    assert api.put(f"{answer.headers['Location']}?digest={digest}").status_code == 201
    assert api.head(f"/v2/team/app/blobs/{digest}").headers["Content-Length"] == "3000000"


def test_an_upload_that_broke_off_goes_on_where_the_registry_says(api: Api) -> None:
    location = api.start_upload("team/app")
    host = urlsplit(api.url)
    with socket.create_connection((host.hostname, host.port)) as broken:
        head = f"PATCH {location} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(BLOB)}\r\n\r\n"
        broken.sendall(head.encode() + BLOB[:7])
    for _ in range(200):
        status = api.get(location)
        if status.headers["Range"] == "0-6":
            break
    assert status.headers["Range"] == "0-6"
    assert api.patch_chunk(location, BLOB[7:], f"7-{len(BLOB) - 1}").status_code == 202
    assert api.put(f"{location}?digest={DIGEST}").status_code == 201


def test_a_cancelled_upload_is_gone(api: Api, embedded_registry: EmbeddedRegistry) -> None:
    location = api.start_upload("team/app")
    api.patch_chunk(location, BLOB, None)
    assert api.delete(location).status_code == 204
    for answer in (api.get(location), api.delete(location), api.put(f"{location}?digest={DIGEST}")):
        assert_error(answer, 404, "BLOB_UPLOAD_UNKNOWN")
    assert list((embedded_registry.layout.root / "uploads").iterdir()) == []


def test_a_finished_upload_is_over_and_leaves_no_file(api: Api, embedded_registry: EmbeddedRegistry) -> None:
    location = api.start_upload("team/app")
    api.put(f"{location}?digest={DIGEST}", data=BLOB, headers=OCTETS)
    assert_error(api.patch_chunk(location, BLOB, None), 404, "BLOB_UPLOAD_UNKNOWN")
    assert list((embedded_registry.layout.root / "uploads").iterdir()) == []


def test_an_upload_belongs_to_its_repository(api: Api) -> None:
    location = api.start_upload("team/app").replace("team/app", "team/other")
    assert_error(api.patch_chunk(location, BLOB, None), 404, "BLOB_UPLOAD_UNKNOWN")


def test_a_blob_is_mounted_from_another_repository(api: Api) -> None:
    push_blob(api, api.url, "team/app", BLOB)
    answer = api.post(f"/v2/team/copy/blobs/uploads/?mount={DIGEST}&from=team/app")
    assert answer.status_code == 201
    assert answer.headers["Docker-Content-Digest"] == DIGEST
    assert api.get(answer.headers["Location"]).content == BLOB
    assert "/team/copy/" in answer.headers["Location"]


@pytest.mark.parametrize(
    "query",
    [
        f"mount={digest_of(b'nowhere')}&from=team/app",
        f"mount={DIGEST}&from=team/none",
        f"mount={DIGEST}",
        "mount=nonsense&from=team/app",
    ],
)
def test_a_mount_that_cannot_be_done_becomes_an_upload(api: Api, query: str) -> None:
    push_blob(api, api.url, "team/app", BLOB)
    answer = api.post(f"/v2/team/copy/blobs/uploads/?{query}")
    assert answer.status_code == 202
    assert api.head(f"/v2/team/copy/blobs/{DIGEST}").status_code == 404
    put = api.put(f"{answer.headers['Location']}?digest={DIGEST}", data=BLOB, headers=OCTETS)
    assert put.status_code == 201


@pytest.mark.parametrize("name", ["Team/app", "team//app", "-team", "team/app-", "te am", "team/%C3%A4", "a" * 256])
def test_a_name_against_the_grammar_is_refused(api: Api, name: str) -> None:
    assert_error(api.post(f"/v2/{name}/blobs/uploads/"), 400, "NAME_INVALID")


def test_an_upload_that_everybody_forgot_is_thrown_away(tmp_path: Path) -> None:
    now = [time.monotonic()]
    with Layout(tmp_path / "r") as layout:
        uploads = Uploads(layout, clock=lambda: now[0])
        forgotten = uploads.start("team/app")
        now[0] += PATIENCE.total_seconds() + 1
        uploads.start("team/app")
        with pytest.raises(Rejection, match="has no upload"):
            uploads.get("team/app", forgotten.id)
        assert not forgotten.path.exists()
