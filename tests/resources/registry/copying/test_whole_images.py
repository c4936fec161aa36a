"""Whole images between real registries: nothing is left behind, nothing is changed, nothing is sent twice."""

from __future__ import annotations

import json
from typing import Any

import pytest
import requests

from registry_core.copying import ImageCopy
from resources.embedded_registry import EmbeddedRegistry
from tests.image_builder import (
    BuiltImage,
    canonical,
    cosign_tag,
    make_cosign_signature,
    make_image,
    make_index,
    make_multi_platform,
    make_referrer,
    push,
)
from tests.registries import DockerRegistry
from tests.resources.registry.copying.conftest import (
    blob_at,
    copier,
    copy_one,
    manifest_at,
    same,
    skopeo,
    skopeo_raw,
    tags_of,
)
from tests.resources.registry.copying.weir import Weir


def everything(built: BuiltImage) -> list[BuiltImage]:
    """The image and all that it lists."""
    return [built, *(one for child in built.children for one in everything(child))]


def assert_there(registry: Any, repository: str, *images: BuiltImage) -> None:
    """Every manifest and every blob, byte for byte."""
    for built in (one for image in images for one in everything(image)):
        assert manifest_at(registry, repository, built.digest) == built.manifest_bytes
        for digest, blob in built.blobs.items():
            assert blob_at(registry, repository, digest) == blob


def fallback_list(*referrers: BuiltImage) -> BuiltImage:
    """The list of referrers as a client keeps it where a registry has no API."""
    return make_index([]) if not referrers else _listing(referrers)


def _listing(referrers: tuple[BuiltImage, ...]) -> BuiltImage:
    entries = [{**one.descriptor, "artifactType": one.artifact_type} for one in referrers]
    document = {**make_index([]).document, "manifests": entries}
    return BuiltImage(canonical(document), "application/vnd.oci.image.index.v1+json")


def referrers_by_api(registry: EmbeddedRegistry, repository: str, digest: str) -> set[str]:
    listed = requests.get(f"{registry.url}/v2/{repository}/referrers/{digest}", timeout=10).json()
    return {entry["digest"] for entry in listed["manifests"]}


class Company:
    """An index of indexes with attestations, a signature of each kind, an SBOM and the signature of the SBOM."""

    def __init__(self, registry: Any, repository: str, *, api: bool) -> None:
        inner = make_multi_platform(attested=True)
        self.image = make_index([inner, make_multi_platform(("linux/s390x",), content=b"s390x")])
        self.sbom = make_referrer(self.image)
        self.sbom_signature = make_referrer(self.sbom, "application/vnd.example.signature", content=b"signed")
        self.child_signature = make_referrer(inner.children[0], "application/vnd.example.signature", content=b"child")
        self.cosign = make_cosign_signature(self.image)
        self.cosign_tags = {cosign_tag(self.image): self.cosign, cosign_tag(inner.children[0], "att"): self.cosign}
        push(registry, repository, self.image, "v1")
        self.referrers = {
            self.image.digest: self.sbom,
            self.sbom.digest: self.sbom_signature,
            inner.children[0].digest: self.child_signature,
        }
        for subject, referrer in self.referrers.items():
            push(registry, repository, referrer)
            if not api:
                push(registry, repository, fallback_list(referrer), subject.replace(":", "-"))
        for tag, signature in self.cosign_tags.items():
            push(registry, repository, signature, tag)

    def assert_copied(self, registry: Any, repository: str, *, api: bool) -> None:
        assert_there(registry, repository, self.image, *self.referrers.values(), self.cosign)
        for tag, signature in self.cosign_tags.items():
            assert manifest_at(registry, repository, tag) == signature.manifest_bytes
        assert manifest_at(registry, repository, "v1") == self.image.manifest_bytes
        for subject, referrer in self.referrers.items():
            if api:
                assert referrers_by_api(registry, repository, subject) == {referrer.digest}
            else:
                listed = json.loads(manifest_at(registry, repository, subject.replace(":", "-")) or b"{}")
                (entry,) = listed["manifests"]
                assert entry["digest"] == referrer.digest
                assert entry["artifactType"] == referrer.artifact_type


def test_everything_travels_to_a_registry_without_referrers_api_and_back(
    embedded_registry: EmbeddedRegistry, docker_registry: DockerRegistry, tmp_path: Any
) -> None:
    company = Company(embedded_registry, "team/app", api=True)
    there = copy_one(embedded_registry, docker_registry, ImageCopy("team/app", "v1", "moved/app", "v1"))
    assert (there.word, there.digest, there.detail) == ("copied", company.image.digest, "")
    company.assert_copied(docker_registry, "moved/app", api=False)
    back = copy_one(docker_registry, embedded_registry, ImageCopy("moved/app", "v1", "back/app", "v1"))
    assert back.word == "copied"
    company.assert_copied(embedded_registry, "back/app", api=True)
    assert back.manifests == there.manifests == 12


def test_between_two_registries_without_referrers_api_the_lists_keep_their_digests(
    docker_registry: DockerRegistry, other_docker_registry: DockerRegistry
) -> None:
    company = Company(docker_registry, "team/app", api=False)
    assert copy_one(docker_registry, other_docker_registry, same("team/app", "v1")).word == "copied"
    company.assert_copied(other_docker_registry, "team/app", api=False)
    assert tags_of(other_docker_registry, "team/app") == tags_of(docker_registry, "team/app")
    for tag in tags_of(docker_registry, "team/app"):
        assert manifest_at(other_docker_registry, "team/app", tag) == manifest_at(docker_registry, "team/app", tag)


def test_skopeo_sees_the_same_image_and_can_copy_all_of_it_on(
    docker_registry: DockerRegistry, other_docker_registry: DockerRegistry, embedded_registry: EmbeddedRegistry
) -> None:
    push(docker_registry, "team/app", make_multi_platform(form="docker"), "v1")
    assert copy_one(docker_registry, embedded_registry, same("team/app", "v1")).word == "copied"
    assert skopeo_raw(embedded_registry, "team/app:v1") == skopeo_raw(docker_registry, "team/app:v1")
    skopeo(
        "copy", "--all", "--preserve-digests", "--src-tls-verify=false", "--dest-tls-verify=false",
        f"docker://{embedded_registry.host}/team/app:v1", f"docker://{other_docker_registry.host}/team/app:v1",
    )  # fmt: skip
    assert skopeo_raw(other_docker_registry, "team/app:v1") == skopeo_raw(docker_registry, "team/app:v1")
    assert copy_one(docker_registry, other_docker_registry, same("team/app", "v1")).word == "already there"


def test_a_second_copy_writes_nothing(embedded_registry: EmbeddedRegistry, weir: Weir) -> None:
    Company(embedded_registry, "team/app", api=True)
    assert copy_one(embedded_registry, weir, same("team/app", "v1")).word == "copied"
    first = len(weir.asked)
    again = copy_one(embedded_registry, weir, same("team/app", "v1"))
    assert (again.word, again.sent_bytes, again.sent_blobs) == ("already there", 0, 0)
    assert {method for method, _ in weir.asked[first:]} == {"GET", "HEAD"}


def test_the_tag_is_written_last(embedded_registry: EmbeddedRegistry, weir: Weir) -> None:
    company = Company(embedded_registry, "team/app", api=True)
    copy_one(embedded_registry, weir, same("team/app", "v1"))
    put = [path.rpartition("/")[2] for method, path in weir.asked if method == "PUT" and "/manifests/" in path]
    assert put[-1] == "v1"
    assert put.index(company.image.digest) > max(put.index(one.digest) for one in everything(company.image)[1:])
    assert put.index(company.sbom.digest) > put.index(company.image.digest)


def test_what_belongs_to_an_image_goes_by_choice(
    embedded_registry: EmbeddedRegistry, docker_registry: DockerRegistry
) -> None:
    company = Company(embedded_registry, "team/app", api=True)
    for name, choice, signed, referred in (
        ("bare", {"referrers": False, "signatures": False}, False, False),
        ("signed", {"referrers": False}, True, False),
        ("referred", {"signatures": False}, False, True),
    ):
        outcome = copy_one(embedded_registry, docker_registry, ImageCopy("team/app", "v1", name, "v1"), **choice)
        assert outcome.word == "copied"
        assert (cosign_tag(company.image) in tags_of(docker_registry, name)) == signed
        assert (manifest_at(docker_registry, name, company.sbom.digest) is not None) == referred


def test_referrers_that_the_destination_lists_already_stay_listed(
    embedded_registry: EmbeddedRegistry, docker_registry: DockerRegistry
) -> None:
    image = make_image()
    push(docker_registry, "app", image, "v1")
    theirs = make_referrer(image, content=b"made at the destination")
    push(docker_registry, "app", theirs)
    tag = image.digest.replace(":", "-")
    push(docker_registry, "app", fallback_list(theirs), tag)
    push(embedded_registry, "app", image, "v1")
    ours = make_referrer(image, content=b"made at the source")
    push(embedded_registry, "app", ours)
    assert copy_one(embedded_registry, docker_registry, same("app", "v1")).word == "copied"
    listed = json.loads(manifest_at(docker_registry, "app", tag) or b"{}")["manifests"]
    assert [entry["digest"] for entry in listed] == [theirs.digest, ours.digest]


def test_a_blob_that_many_images_share_travels_once_and_is_mounted(
    embedded_registry: EmbeddedRegistry, weir: Weir
) -> None:
    shared = bytes(range(256)) * 12_000
    images = []
    for at in range(6):
        repository = f"team/app-{at % 3}"
        push(embedded_registry, repository, make_image([shared, f"layer {at}".encode()]), f"v{at}")
        images.append(same(repository, f"v{at}"))
    outcomes = list(copier(embedded_registry, weir).copy(images))
    assert {outcome.word for outcome in outcomes} == {"copied"}
    assert sum(outcome.mounted_blobs for outcome in outcomes) == 2
    assert weir.uploaded_bytes < len(shared) + 50_000
    assert sum(outcome.sent_bytes for outcome in outcomes) < len(shared) + 50_000


def test_in_one_registry_nothing_travels(weir: Weir, docker_registry: DockerRegistry) -> None:
    image = make_image([bytes(range(256)) * 4000])
    push(docker_registry, "team/app", image, "v1")
    (outcome,) = copier(weir, weir).copy([ImageCopy("team/app", "v1", "promoted/app", "stable")])
    assert (outcome.word, outcome.sent_bytes, outcome.mounted_blobs) == ("copied", 0, 2)
    assert_there(docker_registry, "promoted/app", image)
    assert not weir.uploads()


def test_an_image_is_copied_by_digest_without_a_tag(
    embedded_registry: EmbeddedRegistry, docker_registry: DockerRegistry
) -> None:
    image = make_multi_platform()
    push(embedded_registry, "app", image, "v1")
    outcome = copy_one(embedded_registry, docker_registry, same("app", image.digest))
    assert outcome.word == "copied"
    assert_there(docker_registry, "app", image)
    assert tags_of(docker_registry, "app") == set()


def test_a_destination_that_lost_a_blob_is_repaired_by_choice(
    docker_registry: DockerRegistry, embedded_registry: EmbeddedRegistry
) -> None:
    image = make_image()
    push(embedded_registry, "app", image, "v1")
    assert copy_one(embedded_registry, docker_registry, same("app", "v1")).word == "copied"
    requests.delete(f"{docker_registry.url}/v2/app/blobs/{image.layer_digests[0]}", timeout=10).raise_for_status()
    assert copy_one(embedded_registry, docker_registry, same("app", "v1")).word == "already there"
    repaired = copy_one(embedded_registry, docker_registry, same("app", "v1"), repair=True)
    assert (repaired.word, repaired.sent_blobs) == ("copied", 1)
    assert_there(docker_registry, "app", image)


def test_a_destination_that_lost_a_child_and_its_blob_gets_them_again(
    docker_registry: DockerRegistry, embedded_registry: EmbeddedRegistry
) -> None:
    image = make_multi_platform()
    push(embedded_registry, "app", image, "v1")
    assert copy_one(embedded_registry, docker_registry, same("app", "v1")).word == "copied"
    child = image.children[0]
    requests.delete(f"{docker_registry.url}/v2/app/manifests/{child.digest}", timeout=10).raise_for_status()
    requests.delete(f"{docker_registry.url}/v2/app/blobs/{child.layer_digests[0]}", timeout=10).raise_for_status()
    assert copy_one(embedded_registry, docker_registry, same("app", "v1")).word == "copied"
    assert_there(docker_registry, "app", image)


@pytest.mark.parametrize("media_type", ["application/vnd.oci.image.layer.v1.tar+zstd", "application/x-nobody-knows"])
def test_layers_of_any_type_pass_as_bytes(
    embedded_registry: EmbeddedRegistry, docker_registry: DockerRegistry, media_type: str
) -> None:
    built = make_image([b"\x28\xb5\x2f\xfd compressed otherwise"])
    document = built.document
    document["layers"][0]["mediaType"] = media_type
    image = BuiltImage(canonical(document), built.media_type, built.blobs)
    push(embedded_registry, "app", image, "v1")
    assert copy_one(embedded_registry, docker_registry, same("app", "v1")).word == "copied"
    assert_there(docker_registry, "app", image)
