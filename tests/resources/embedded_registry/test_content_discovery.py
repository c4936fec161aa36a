"""Content discovery (OCI distribution specification v1.1.1; conformance suite, 03), and Docker's catalog."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from resources.embedded_registry import EmbeddedRegistry
from tests.image_builder import (
    OCI_INDEX,
    OCI_MANIFEST,
    canonical,
    digest_of,
    make_image,
    make_index,
    make_multi_platform,
    make_referrer,
    push,
)
from tests.resources.embedded_registry.conftest import Api, assert_error

SBOM, SIGNATURE = "application/vnd.example.sbom.v1", "application/vnd.example.signature.v1"


def pages(api: Api, path: str, key: str) -> Iterator[list[str]]:
    """Follow Link to the end, as a client does."""
    while path:
        answer = api.get(path)
        assert answer.status_code == 200
        yield answer.json()[key]
        link = re.fullmatch(r'<(.+)>; rel="next"', answer.headers.get("Link", ""))
        path = link[1] if link else ""


def fill(registry: EmbeddedRegistry, *tags: str, repository: str = "team/app") -> None:
    for tag in tags:
        push(registry.layout, repository, make_image(), tag)


def test_tags_come_in_lexical_order_whatever_their_case(api: Api, embedded_registry: EmbeddedRegistry) -> None:
    fill(embedded_registry, "v2", "V1", "b", "A", "a", "10", "9", "_x")
    tags = api.get("/v2/team/app/tags/list").json()
    assert tags == {"name": "team/app", "tags": ["10", "9", "_x", "A", "a", "b", "V1", "v2"]}


@pytest.mark.parametrize("n", [1, 2, 3, 7, 8, 100])
def test_pages_of_tags_are_the_whole_list_cut(api: Api, embedded_registry: EmbeddedRegistry, n: int) -> None:
    fill(embedded_registry, "v2", "V1", "b", "A", "a", "10", "9", "_x")
    whole = api.get("/v2/team/app/tags/list").json()["tags"]
    cut = list(pages(api, f"/v2/team/app/tags/list?n={n}", "tags"))
    assert [tag for page in cut for tag in page] == whole
    assert all(len(page) == n for page in cut[:-1])
    assert cut[-1]


def test_last_may_stand_alone_and_need_not_exist(api: Api, embedded_registry: EmbeddedRegistry) -> None:
    fill(embedded_registry, "a", "c", "e")
    assert api.get("/v2/team/app/tags/list?last=a").json()["tags"] == ["c", "e"]
    assert api.get("/v2/team/app/tags/list?n=1&last=b").json()["tags"] == ["c"]
    assert api.get("/v2/team/app/tags/list?last=z").json()["tags"] == []


@pytest.mark.parametrize("n", ["", "-1", "many", "²", "9" * 5000])
def test_a_page_size_that_is_none_means_the_whole_list(api: Api, embedded_registry: EmbeddedRegistry, n: str) -> None:
    fill(embedded_registry, "a", "b")
    answer = api.get("/v2/team/app/tags/list", params={"n": n})
    assert answer.json()["tags"] == ["a", "b"]
    assert "Link" not in answer.headers


def test_no_tags_asked_for_is_an_empty_page_without_a_link(api: Api, embedded_registry: EmbeddedRegistry) -> None:
    fill(embedded_registry, "a")
    answer = api.get("/v2/team/app/tags/list?n=0")
    assert answer.json()["tags"] == []
    assert "Link" not in answer.headers


def test_a_repository_without_tags_has_an_empty_list_and_an_unknown_one_none(
    api: Api, embedded_registry: EmbeddedRegistry
) -> None:
    push(embedded_registry.layout, "team/untagged", make_image())
    assert api.get("/v2/team/untagged/tags/list").json() == {"name": "team/untagged", "tags": []}
    assert_error(api.get("/v2/team/none/tags/list"), 404, "NAME_UNKNOWN")
    assert_error(api.get("/v2/Team/none/tags/list"), 400, "NAME_INVALID")


def test_the_catalog_lists_repositories_with_images_in_pages(api: Api, embedded_registry: EmbeddedRegistry) -> None:
    names = ["a", "a/b", "a-b", "team/app", "team/app/deep", "z"]
    for name in names:
        fill(embedded_registry, "1", repository=name)
    embedded_registry.layout.put_blob("only/a-blob", b"alone")
    assert api.get("/v2/_catalog").json() == {"repositories": sorted(names)}
    for n in (1, 2, 6, 50):
        cut = list(pages(api, f"/v2/_catalog?n={n}", "repositories"))
        assert [name for page in cut for name in page] == sorted(names)


def test_referrers_are_descriptors_with_their_type_and_annotations(
    api: Api, embedded_registry: EmbeddedRegistry
) -> None:
    image = make_image()
    push(api.url, "team/app", image, "1.0")
    sbom = make_referrer(image, SBOM, annotations={"org.example.format": "json"})
    push(api.url, "team/app", sbom)
    answer = api.get(f"/v2/team/app/referrers/{image.digest}")
    assert answer.headers["Content-Type"] == OCI_INDEX
    assert answer.json() == {
        "schemaVersion": 2,
        "mediaType": OCI_INDEX,
        "manifests": [
            {
                "mediaType": OCI_MANIFEST,
                "digest": sbom.digest,
                "size": len(sbom.manifest_bytes),
                "artifactType": SBOM,
                "annotations": {"org.example.format": "json"},
            }
        ],
    }
    assert "OCI-Filters-Applied" not in answer.headers


def test_without_an_artifact_type_the_type_of_the_config_stands_for_it(
    api: Api, embedded_registry: EmbeddedRegistry
) -> None:
    image = make_image()
    referrer = make_image([b"signature"], subject=image.descriptor)
    push(api.url, "team/app", referrer)
    (descriptor,) = api.get(f"/v2/team/app/referrers/{image.digest}").json()["manifests"]
    assert descriptor["artifactType"] == "application/vnd.oci.image.config.v1+json"


def test_an_index_that_refers_has_its_own_artifact_type_or_none(api: Api, embedded_registry: EmbeddedRegistry) -> None:
    image = make_image()
    plain = make_index([make_image([b"x"])], subject=image.descriptor)
    typed = make_index([make_image([b"y"])], subject=image.descriptor, artifactType=SBOM)
    push(api.url, "team/app", plain)
    push(api.url, "team/app", typed, "typed")
    listed = api.get(f"/v2/team/app/referrers/{image.digest}").json()["manifests"]
    assert {entry["digest"]: entry.get("artifactType") for entry in listed} == {
        plain.digest: None,
        typed.digest: SBOM,
    }


def test_referrers_are_filtered_by_type_and_the_answer_says_so(api: Api, embedded_registry: EmbeddedRegistry) -> None:
    image = make_multi_platform()
    sbom, signature = make_referrer(image, SBOM), make_referrer(image, SIGNATURE, content=b"sig")
    for built in (image, sbom, signature):
        push(api.url, "team/app", built)
    answer = api.get(f"/v2/team/app/referrers/{image.digest}", params={"artifactType": SIGNATURE})
    assert [entry["digest"] for entry in answer.json()["manifests"]] == [signature.digest]
    assert answer.headers["OCI-Filters-Applied"] == "artifactType"
    nothing = api.get(f"/v2/team/app/referrers/{image.digest}", params={"artifactType": "text/plain"})
    assert (nothing.status_code, nothing.json()["manifests"]) == (200, [])


def test_whoever_has_no_referrers_has_an_empty_list_never_404(api: Api) -> None:
    for name in ("team/app", "team/none"):
        answer = api.get(f"/v2/{name}/referrers/{digest_of(b'nobody')}")
        assert (answer.status_code, answer.json()["manifests"]) == (200, [])


def test_referrers_of_what_is_no_digest_is_400(api: Api) -> None:
    assert_error(api.get("/v2/team/app/referrers/latest"), 400, "DIGEST_INVALID")


def test_referrers_pushed_before_their_subject_are_listed(api: Api) -> None:
    image = make_image()
    referrer = make_referrer(image)
    push(api.url, "team/app", referrer)
    push(api.url, "team/app", image, "1.0")
    (descriptor,) = api.get(f"/v2/team/app/referrers/{image.digest}").json()["manifests"]
    assert descriptor["digest"] == referrer.digest


def test_referrers_belong_to_their_repository_and_go_with_their_manifest(api: Api) -> None:
    image = make_image()
    referrer = make_referrer(image)
    push(api.url, "team/app", referrer)
    path = f"referrers/{image.digest}"
    assert api.get(f"/v2/team/other/{path}").json()["manifests"] == []
    assert api.delete(f"/v2/team/app/manifests/{referrer.digest}").status_code == 202
    assert api.get(f"/v2/team/app/{path}").json()["manifests"] == []


def test_unicode_and_enormous_annotations_come_back_whole(api: Api) -> None:
    notes = {"org.example.名前": "Größe 🐋 " * 1000, "quote": '"\\\n'}
    image = make_image()
    push(api.url, "team/app", make_referrer(image, annotations=notes))
    (descriptor,) = api.get(f"/v2/team/app/referrers/{image.digest}").json()["manifests"]
    assert descriptor["annotations"] == notes


def test_what_is_no_endpoint_is_404_in_the_words_of_the_specification(api: Api) -> None:
    assert_error(api.get("/v2/team/app/nothing"), 404, "NAME_UNKNOWN")
    assert_error(api.get("/"), 404, "NAME_UNKNOWN")
    assert_error(api.post("/v2/team/app/tags/list", data=canonical({})), 405, "UNSUPPORTED")
