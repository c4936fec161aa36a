"""Deletion (OCI distribution specification v1.1.1, "Content Management"; conformance suite, 04)."""

from __future__ import annotations

from pathlib import Path

import pytest

from resources.embedded_registry import EmbeddedRegistry
from tests.image_builder import digest_of, make_image, make_multi_platform, push, push_blob
from tests.resources.embedded_registry.conftest import Api, assert_error

NOWHERE = digest_of(b"nowhere")


def test_deleting_a_tag_leaves_the_image_and_its_other_tags(api: Api) -> None:
    image = make_image()
    for tag in ("1.0", "latest"):
        push(api.url, "team/app", image, tag)
    assert api.delete("/v2/team/app/manifests/latest").status_code == 202
    assert_error(api.get("/v2/team/app/manifests/latest"), 404, "MANIFEST_UNKNOWN")
    assert api.get("/v2/team/app/tags/list").json()["tags"] == ["1.0"]
    assert api.get(f"/v2/team/app/manifests/{image.digest}").status_code == 200


def test_deleting_a_digest_takes_all_its_tags_and_no_other(api: Api) -> None:
    image, other = make_image(), make_image([b"other"])
    for tag in ("1.0", "latest"):
        push(api.url, "team/app", image, tag)
    push(api.url, "team/app", other, "2.0")
    assert api.delete(f"/v2/team/app/manifests/{image.digest}").status_code == 202
    assert api.get("/v2/team/app/tags/list").json()["tags"] == ["2.0"]
    for reference in ("1.0", "latest", image.digest):
        assert_error(api.get(f"/v2/team/app/manifests/{reference}"), 404, "MANIFEST_UNKNOWN")


def test_a_deleted_manifest_can_be_put_back_as_long_as_its_blobs_are_there(api: Api) -> None:
    image = make_image()
    push(api.url, "team/app", image, "1.0")
    api.delete(f"/v2/team/app/manifests/{image.digest}")
    assert api.put_manifest("team/app", "1.0", image.manifest_bytes, image.media_type).status_code == 201
    assert api.get("/v2/team/app/manifests/1.0").content == image.manifest_bytes


def test_a_manifest_goes_from_one_repository_alone(api: Api) -> None:
    image = make_image()
    for name in ("team/app", "team/other"):
        push(api.url, name, image, "1.0")
    api.delete(f"/v2/team/app/manifests/{image.digest}")
    assert api.get("/v2/team/other/manifests/1.0").content == image.manifest_bytes


def test_a_child_of_an_index_can_be_deleted_and_the_index_still_answers(api: Api) -> None:
    index = make_multi_platform()
    push(api.url, "team/app", index, "multi")
    assert api.delete(f"/v2/team/app/manifests/{index.children[0].digest}").status_code == 202
    assert api.get("/v2/team/app/manifests/multi").status_code == 200
    assert api.get(f"/v2/team/app/manifests/{index.children[0].digest}").status_code == 404


def test_a_deleted_blob_is_gone_from_its_repository_and_stays_in_others(
    api: Api, embedded_registry: EmbeddedRegistry
) -> None:
    digest = push_blob(api, api.url, "team/app", b"shared")
    push_blob(api, api.url, "team/other", b"shared")
    assert api.delete(f"/v2/team/app/blobs/{digest}").status_code == 202
    assert_error(api.get(f"/v2/team/app/blobs/{digest}"), 404, "BLOB_UNKNOWN")
    assert api.get(f"/v2/team/other/blobs/{digest}").content == b"shared"
    api.delete(f"/v2/team/other/blobs/{digest}")
    assert embedded_registry.layout.files.size_bytes(digest) is None


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("team/app/manifests/none", 404, "MANIFEST_UNKNOWN"),
        (f"team/app/manifests/{NOWHERE}", 404, "MANIFEST_UNKNOWN"),
        (f"team/app/blobs/{NOWHERE}", 404, "BLOB_UNKNOWN"),
        ("team/none/manifests/1.0", 404, "NAME_UNKNOWN"),
        (f"team/none/manifests/{NOWHERE}", 404, "NAME_UNKNOWN"),
        (f"team/none/blobs/{NOWHERE}", 404, "BLOB_UNKNOWN"),
        ("team/app/manifests/sha256:short", 400, "DIGEST_INVALID"),
    ],
)
def test_deleting_what_is_not_there_says_so(api: Api, path: str, status: int, code: str) -> None:
    push(api.url, "team/app", make_image(), "1.0")
    assert_error(api.delete(f"/v2/{path}"), status, code)


def test_a_repository_whose_images_are_gone_is_not_in_the_catalog(api: Api) -> None:
    image = make_image()
    push(api.url, "team/app", image, "1.0")
    api.delete(f"/v2/team/app/manifests/{image.digest}")
    assert api.get("/v2/_catalog").json() == {"repositories": []}
    assert api.get("/v2/team/app/tags/list").json()["tags"] == []  # its blobs are still there


def test_deletion_can_be_disabled_and_nothing_goes(tmp_path: Path) -> None:
    image = make_image()
    with EmbeddedRegistry(tmp_path / "r", deletion=False) as registry, Api(registry.url) as api:
        push(registry.layout, "team/app", image, "1.0")
        for place in ("manifests/1.0", f"manifests/{image.digest}", f"blobs/{image.config_digest}"):
            assert_error(api.delete(f"/v2/team/app/{place}"), 405, "UNSUPPORTED")
            assert api.get(f"/v2/team/app/{place}").status_code == 200
        location = api.start_upload("team/app")
        assert api.delete(location).status_code == 204  # an upload is no content
