"""Pull (OCI distribution specification v1.1.1, "Pull"; conformance suite, 01)."""

from __future__ import annotations

import json

import pytest

from tests.image_builder import (
    BuiltImage,
    canonical,
    digest_of,
    make_image,
    make_multi_platform,
    push,
    push_blob,
)
from tests.resources.embedded_registry.conftest import Api, assert_error

NOWHERE = digest_of(b"nowhere")


@pytest.fixture
def image(api: Api) -> BuiltImage:
    image = make_image([b"first", b"second"])
    push(api.url, "team/app", image, "1.0")
    return image


def test_the_base_says_that_this_is_a_registry(api: Api) -> None:
    for path in ("/v2/", "/v2"):
        answer = api.get(path)
        assert answer.status_code == 200
        assert answer.json() == {}
        assert answer.headers["Docker-Distribution-Api-Version"] == "registry/2.0"


@pytest.mark.parametrize("by", ["tag", "digest"])
def test_a_manifest_comes_back_byte_for_byte_with_its_type_and_digest(api: Api, image: BuiltImage, by: str) -> None:
    reference = "1.0" if by == "tag" else image.digest
    answer = api.get(f"/v2/team/app/manifests/{reference}")
    assert answer.status_code == 200
    assert answer.content == image.manifest_bytes
    assert answer.headers["Content-Type"] == image.media_type
    assert answer.headers["Docker-Content-Digest"] == image.digest


@pytest.mark.parametrize("by", ["tag", "digest"])
def test_head_of_a_manifest_has_the_headers_of_get_and_no_body(api: Api, image: BuiltImage, by: str) -> None:
    path = f"/v2/team/app/manifests/{'1.0' if by == 'tag' else image.digest}"
    head, get = api.head(path), api.get(path)
    assert head.status_code == 200
    assert head.content == b""
    for name in ("Content-Type", "Content-Length", "Docker-Content-Digest", "ETag"):
        assert head.headers[name] == get.headers[name]


def test_a_manifest_known_by_its_etag_is_not_sent_again(api: Api, image: BuiltImage) -> None:
    path = "/v2/team/app/manifests/1.0"
    answer = api.get(path, headers={"If-None-Match": api.head(path).headers["ETag"]})
    assert (answer.status_code, answer.content) == (304, b"")


def test_a_manifest_is_served_as_it_was_pushed_whatever_accept_says(api: Api) -> None:
    index = make_multi_platform()
    push(api.url, "team/app", index, "multi")
    answer = api.get(
        "/v2/team/app/manifests/multi", headers={"Accept": "application/vnd.docker.distribution.manifest.v2+json"}
    )
    assert answer.headers["Docker-Content-Digest"] == index.digest
    assert answer.content == index.manifest_bytes


@pytest.mark.parametrize("reference", ["2.0", NOWHERE, ".INVALID_MANIFEST_NAME", "sha256:short"])
def test_an_unknown_manifest_is_404(api: Api, image: BuiltImage, reference: str) -> None:
    assert_error(api.get(f"/v2/team/app/manifests/{reference}"), 404, "MANIFEST_UNKNOWN")
    assert api.head(f"/v2/team/app/manifests/{reference}").status_code == 404


def test_a_manifest_of_an_unknown_repository_is_404(api: Api) -> None:
    assert_error(api.get("/v2/team/none/manifests/1.0"), 404, "MANIFEST_UNKNOWN")


def test_a_manifest_of_one_repository_is_not_in_another(api: Api, image: BuiltImage) -> None:
    push(api.url, "team/other", make_image([b"other"]), "1.0")
    assert api.get(f"/v2/team/other/manifests/{image.digest}").status_code == 404


def test_a_blob_comes_back_with_its_digest(api: Api, image: BuiltImage) -> None:
    digest = digest_of(b"first")
    answer = api.get(f"/v2/team/app/blobs/{digest}")
    assert (answer.status_code, answer.content) == (200, b"first")
    assert answer.headers["Docker-Content-Digest"] == digest
    assert answer.headers["Content-Type"] == "application/octet-stream"
    head = api.head(f"/v2/team/app/blobs/{digest}")
    assert (head.status_code, head.content, head.headers["Content-Length"]) == (200, b"", "5")


def test_an_unknown_blob_is_404(api: Api, image: BuiltImage) -> None:
    assert_error(api.get(f"/v2/team/app/blobs/{NOWHERE}"), 404, "BLOB_UNKNOWN")
    assert api.head(f"/v2/team/app/blobs/{NOWHERE}").status_code == 404


def test_a_blob_of_one_repository_is_not_in_another(api: Api, image: BuiltImage) -> None:
    assert_error(api.get(f"/v2/team/other/blobs/{digest_of(b'first')}"), 404, "BLOB_UNKNOWN")


def test_a_digest_that_is_none_is_told_so(api: Api, image: BuiltImage) -> None:
    assert_error(api.get("/v2/team/app/blobs/sha256:short"), 400, "DIGEST_INVALID")
    assert_error(api.get(f"/v2/team/app/blobs/md5:{'0' * 32}"), 400, "DIGEST_INVALID")


@pytest.mark.parametrize(
    ("asked", "served", "content_range"),
    [
        ("bytes=0-3", b"0123", "bytes 0-3/10"),
        ("bytes=4-", b"456789", "bytes 4-9/10"),
        ("bytes=-2", b"89", "bytes 8-9/10"),
        ("bytes=8-100", b"89", "bytes 8-9/10"),
        ("bytes=-100", b"0123456789", "bytes 0-9/10"),
        ("BYTES=0-3", b"0123", "bytes 0-3/10"),
        ("bytes=0-3 ", b"0123", "bytes 0-3/10"),
        ("bytes=,0-3 ,", b"0123", "bytes 0-3/10"),
        ("bytes=0003-0004", b"34", "bytes 3-4/10"),
        ("bytes=9-" + "9" * 5000, b"9", "bytes 9-9/10"),
        ("bytes=-" + "9" * 5000, b"0123456789", "bytes 0-9/10"),
    ],
)
def test_a_range_of_a_blob_is_served_alone(api: Api, asked: str, served: bytes, content_range: str) -> None:
    digest = push_blob(api, api.url, "team/app", b"0123456789")
    answer = api.get(f"/v2/team/app/blobs/{digest}", headers={"Range": asked})
    assert (answer.status_code, answer.content) == (206, served)
    assert answer.headers["Content-Range"] == content_range


@pytest.mark.parametrize("asked", ["bytes=10-", "bytes=10-12", "bytes=-0", f"bytes={'9' * 5000}-"])
def test_a_range_that_has_nothing_of_the_blob_is_416(api: Api, asked: str) -> None:
    digest = push_blob(api, api.url, "team/app", b"0123456789")
    answer = api.get(f"/v2/team/app/blobs/{digest}", headers={"Range": asked})
    assert_error(answer, 416, "SIZE_INVALID")
    assert answer.headers["Content-Range"] == "bytes */10"


@pytest.mark.parametrize(
    "asked",
    [
        "bytes=500-0", "bytes=3-1", "bytes=abc", "bytes=a-b", "bytes=-", "bytes=", "bytes", "", "0-3", "bytes 0-3",
        "bytes=0-1,3-4", "bytes=0-1,100-", "bytes=-1,-2", "bytes=0-0,0-0,0-0", "bytes=1.5-3",
        "bytes=+1-3", "bytes=0--1",
        "bytes=\u0661-\u0663", "items=0-3", "seconds=1-2", "bytes=0x0-0x3", "bytes=1-2-3",
    ],
)  # fmt: skip
def test_a_range_that_is_not_understood_is_the_whole_blob(api: Api, asked: str) -> None:
    digest = push_blob(api, api.url, "team/app", b"0123456789")
    answer = api.get(f"/v2/team/app/blobs/{digest}", headers={"Range": asked.encode()})
    assert (answer.status_code, answer.content) == (200, b"0123456789")
    assert "Content-Range" not in answer.headers
    assert answer.headers["Accept-Ranges"] == "bytes"


@pytest.mark.parametrize("asked", ["bytes=0-3", "bytes=100-", "bytes=abc"])
def test_a_range_means_nothing_to_head(api: Api, asked: str) -> None:
    digest = push_blob(api, api.url, "team/app", b"0123456789")
    answer = api.head(f"/v2/team/app/blobs/{digest}", headers={"Range": asked})
    assert (answer.status_code, answer.headers["Content-Length"]) == (200, "10")


def test_a_range_of_an_empty_blob(api: Api) -> None:
    digest = push_blob(api, api.url, "team/app", b"")
    asked = {"bytes=0-": 416, "bytes=0-0": 416, "bytes=-5": 200, "bytes=500-0": 200}
    assert {one: api.get(f"/v2/team/app/blobs/{digest}", headers={"Range": one}).status_code for one in asked} == asked


def test_a_range_of_another_blob_than_was_begun_is_the_whole(api: Api) -> None:
    digest = push_blob(api, api.url, "team/app", b"0123456789")
    for etag, status in ((f'"{digest}"', 206), ('"sha256:other"', 200), (f'W/"{digest}"', 200)):
        answer = api.get(f"/v2/team/app/blobs/{digest}", headers={"Range": "bytes=0-3", "If-Range": etag})
        assert answer.status_code == status


def test_a_broken_download_is_resumed_to_the_same_bytes(api: Api) -> None:
    blob = bytes(range(256)) * 20_000
    digest = push_blob(api, api.url, "team/app", blob)
    with api.get(f"/v2/team/app/blobs/{digest}", stream=True) as answer:
        first = next(answer.iter_content(1_000_000))
    rest = api.get(f"/v2/team/app/blobs/{digest}", headers={"Range": f"bytes={len(first)}-"})
    assert digest_of(first + rest.content) == digest


def test_a_type_nobody_knows_is_kept_and_served_as_bytes(api: Api) -> None:
    content = canonical({"anything": ["at", "all"], "subject": "not a descriptor"})
    media_type = "application/vnd.example.unheard-of.v9+json"
    assert api.put_manifest("team/app", "odd", content, media_type).status_code == 201
    answer = api.get("/v2/team/app/manifests/odd")
    assert answer.content == content
    assert answer.headers["Content-Type"] == media_type


def test_a_docker_manifest_list_keeps_its_docker_types(api: Api) -> None:
    index = make_multi_platform(form="docker")
    push(api.url, "team/app", index, "docker")
    answer = api.get("/v2/team/app/manifests/docker")
    assert answer.headers["Content-Type"] == "application/vnd.docker.distribution.manifest.list.v2+json"
    for child in json.loads(answer.content)["manifests"]:
        served = api.get(f"/v2/team/app/manifests/{child['digest']}")
        assert served.headers["Content-Type"] == "application/vnd.docker.distribution.manifest.v2+json"


def test_nested_repositories_and_names_like_endpoints_are_served(api: Api) -> None:
    image = make_image([b"nested"])
    for name in ("a/b/c/d", "manifests/x", "tags/list/deep", "my.host/app"):
        push(api.url, name, image, "1")
        assert api.get(f"/v2/{name}/manifests/1").content == image.manifest_bytes
        assert api.get(f"/v2/{name}/tags/list").json() == {"name": name, "tags": ["1"]}
