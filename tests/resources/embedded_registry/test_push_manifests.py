"""Push of manifests (OCI distribution specification v1.1.1, "Pushing Manifests"; conformance suite, 02)."""

from __future__ import annotations

from typing import Any

import pytest

from resources.embedded_registry import EmbeddedRegistry
from tests.image_builder import (
    OCI_INDEX,
    OCI_MANIFEST,
    BuiltImage,
    blob_descriptor,
    canonical,
    digest_of,
    make_image,
    make_index,
    make_multi_platform,
    make_referrer,
    push,
    push_blob,
)
from tests.resources.embedded_registry.conftest import Api, assert_error


def push_blobs(api: Api, image: BuiltImage) -> None:
    for blob in image.blobs.values():
        push_blob(api, api.url, "team/app", blob)


def changed(image: BuiltImage, **fields: Any) -> bytes:
    return canonical({**image.document, **fields})


@pytest.mark.parametrize("by", ["tag", "digest"])
def test_a_manifest_is_kept_and_its_place_is_told(api: Api, by: str) -> None:
    image = make_image()
    push_blobs(api, image)
    reference = "1.0" if by == "tag" else image.digest
    answer = api.put_manifest("team/app", reference, image.manifest_bytes, OCI_MANIFEST)
    assert answer.status_code == 201
    assert answer.headers["Docker-Content-Digest"] == image.digest
    assert api.get(answer.headers["Location"]).content == image.manifest_bytes
    assert "OCI-Subject" not in answer.headers


def test_a_manifest_without_layers_is_accepted(api: Api) -> None:
    image = make_image([])
    push_blobs(api, image)
    assert api.put_manifest("team/app", "empty", image.manifest_bytes, OCI_MANIFEST).status_code == 201


def test_a_manifest_is_kept_by_its_sha512_digest(api: Api) -> None:
    image = make_image()
    push_blobs(api, image)
    digest = digest_of(image.manifest_bytes, "sha512")
    answer = api.put_manifest("team/app", digest, image.manifest_bytes, OCI_MANIFEST)
    assert (answer.status_code, answer.headers["Docker-Content-Digest"]) == (201, digest)
    assert api.get(f"/v2/team/app/manifests/{digest}").content == image.manifest_bytes


def test_a_tag_moves_and_the_former_image_stays_by_its_digest(api: Api) -> None:
    old, new = make_image([b"old"]), make_image([b"new"])
    push(api.url, "team/app", old, "latest")
    push(api.url, "team/app", new, "latest")
    assert api.head("/v2/team/app/manifests/latest").headers["Docker-Content-Digest"] == new.digest
    assert api.get(f"/v2/team/app/manifests/{old.digest}").content == old.manifest_bytes


@pytest.mark.parametrize("what", ["config", "layer"])
def test_a_manifest_is_refused_while_a_blob_of_it_is_absent(api: Api, what: str) -> None:
    image = make_image([b"layer"])
    absent = image.config_digest if what == "config" else image.layer_digests[0]
    for digest, blob in image.blobs.items():
        if digest != absent:
            push_blob(api, api.url, "team/app", blob)
    answer = api.put_manifest("team/app", "1.0", image.manifest_bytes, OCI_MANIFEST)
    assert_error(answer, 400, "MANIFEST_BLOB_UNKNOWN")
    assert answer.json()["errors"][0]["detail"] == [{"digest": absent}]
    assert api.head(f"/v2/team/app/manifests/{image.digest}").status_code == 404


def test_a_blob_of_another_repository_does_not_count_until_it_is_mounted(api: Api) -> None:
    image = make_image()
    push(api.url, "team/other", image, "1.0")
    answer = api.put_manifest("team/app", "1.0", image.manifest_bytes, OCI_MANIFEST)
    assert_error(answer, 400, "MANIFEST_BLOB_UNKNOWN")
    for digest in image.blobs:
        assert api.post(f"/v2/team/app/blobs/uploads/?mount={digest}&from=team/other").status_code == 201
    assert api.put_manifest("team/app", "1.0", image.manifest_bytes, OCI_MANIFEST).status_code == 201


def test_an_index_is_refused_while_a_child_is_absent(api: Api) -> None:
    index = make_multi_platform()
    push(api.url, "team/app", index.children[0])
    answer = api.put_manifest("team/app", "multi", index.manifest_bytes, OCI_INDEX)
    assert_error(answer, 400, "MANIFEST_BLOB_UNKNOWN")
    assert answer.json()["errors"][0]["detail"] == [{"digest": index.children[1].digest}]


def test_an_index_of_indexes_with_attestations_is_kept(api: Api) -> None:
    outer = make_index([make_multi_platform(attested=True), make_image([b"beside"])])
    push(api.url, "team/app", outer, "outer")
    assert api.get("/v2/team/app/manifests/outer").content == outer.manifest_bytes


@pytest.mark.parametrize(
    "media_type",
    [
        "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
        "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
    ],
)
def test_layers_that_lie_elsewhere_need_not_be_pushed(api: Api, media_type: str) -> None:
    image = make_image([])
    push_blobs(api, image)
    foreign = {**blob_descriptor(b"windows", media_type), "urls": ["https://example.com/windows"]}
    manifest = changed(image, layers=[foreign])
    assert api.put_manifest("team/app", "foreign", manifest, OCI_MANIFEST).status_code == 201


def test_a_subject_may_be_absent_and_is_acknowledged(api: Api) -> None:
    nobody = {"mediaType": OCI_MANIFEST, "digest": digest_of(b"nobody"), "size": 6}
    referrer = make_referrer(nobody)
    push_blobs(api, referrer)
    answer = api.put_manifest("team/app", referrer.digest, referrer.manifest_bytes, OCI_MANIFEST)
    assert (answer.status_code, answer.headers["OCI-Subject"]) == (201, nobody["digest"])


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not json",
        b"[]",
        b"[" * 100_000,
        canonical({"schemaVersion": 1, "config": None}),
        changed(make_image(), config=None),
        changed(make_image(), config={"digest": "sha256:short", "size": 1}),
        changed(make_image(), config={"digest": digest_of(b""), "size": -1}),
        changed(make_image(), layers={}),
        changed(make_image(), layers=["text"]),
        changed(make_image(), mediaType=OCI_INDEX),
        changed(make_image(), subject={"digest": "nothing", "size": 1}),
    ],
)
def test_a_manifest_that_is_not_what_its_type_promises_is_refused(api: Api, content: bytes) -> None:
    push_blobs(api, make_image())
    assert_error(api.put_manifest("team/app", "bad", content, OCI_MANIFEST), 400, "MANIFEST_INVALID")
    assert api.head("/v2/team/app/manifests/bad").status_code == 404


def test_parameters_of_the_content_type_are_ignored(api: Api) -> None:
    image = make_image()
    push_blobs(api, image)
    api.put_manifest("team/app", "1.0", image.manifest_bytes, f"{OCI_MANIFEST}; charset=utf-8")
    assert api.head("/v2/team/app/manifests/1.0").headers["Content-Type"] == OCI_MANIFEST


def test_without_a_content_type_the_manifest_itself_tells_its_type(api: Api) -> None:
    image = make_image()
    push_blobs(api, image)
    assert api.put_manifest("team/app", "1.0", image.manifest_bytes, "").status_code == 201
    assert api.head("/v2/team/app/manifests/1.0").headers["Content-Type"] == OCI_MANIFEST
    assert_error(api.put_manifest("team/app", "1.0", b"{}", ""), 400, "MANIFEST_INVALID")


def test_bytes_of_another_digest_are_refused(api: Api) -> None:
    image, other = make_image(), make_image([b"other"])
    push_blobs(api, image)
    answer = api.put_manifest("team/app", other.digest, image.manifest_bytes, OCI_MANIFEST)
    assert_error(answer, 400, "DIGEST_INVALID")


@pytest.mark.parametrize("reference", ["sha256:totallywrong", f"md5:{'0' * 32}"])
def test_a_digest_that_is_none_is_refused(api: Api, reference: str) -> None:
    assert_error(api.put_manifest("team/app", reference, b"{}", OCI_MANIFEST), 400, "DIGEST_INVALID")


@pytest.mark.parametrize("tag", [".hidden", "-dash", "a" * 129, "spa ce", "%C3%A4"])
def test_a_tag_against_the_grammar_is_refused(api: Api, tag: str) -> None:
    image = make_image()
    push_blobs(api, image)
    assert_error(api.put_manifest("team/app", tag, image.manifest_bytes, OCI_MANIFEST), 400, "MANIFEST_INVALID")


def test_four_megabytes_are_accepted_and_more_is_413(api: Api, embedded_registry: EmbeddedRegistry) -> None:
    limit = 4 * 1024 * 1024
    image = make_image()
    push_blobs(api, image)
    room = limit - len(changed(image, annotations={"note": ""}))
    fitting = changed(image, annotations={"note": "x" * room})
    assert len(fitting) == limit
    assert api.put_manifest("team/app", "fitting", fitting, OCI_MANIFEST).status_code == 201
    for excess in (1, 10_000_000):
        too_large = changed(image, annotations={"note": "x" * (room + excess)})
        assert_error(api.put_manifest("team/app", "large", too_large, OCI_MANIFEST), 413, "SIZE_INVALID")
    assert embedded_registry.layout.tags("team/app") == ["fitting"]
