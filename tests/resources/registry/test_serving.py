"""An image is served for a platform when a node of it could pull all of it."""

from __future__ import annotations

import shutil

import pytest

from registry_core.errors import RegistryError
from resources.registry.serving import look_whether_served
from tests.image_builder import make_image, make_index, make_multi_platform, make_referrer, push
from tests.registries import DockerRegistry
from tests.resources.registry.conftest import client_of
from tests.resources.registry.faulty_registry import FaultyRegistry, Reply, error_reply, manifest_reply

BOTH = ("linux/amd64", "linux/arm64")


def lose(registry: DockerRegistry, digest: str) -> None:
    """Remove the bytes of a blob or manifest behind the registry's back."""
    for folder in registry.storage.rglob(digest.removeprefix("sha256:")):
        shutil.rmtree(folder)


def test_a_whole_index_is_served_for_each_platform_that_it_lists(docker_registry: DockerRegistry) -> None:
    multi = make_multi_platform(BOTH, attested=True)
    push(docker_registry, "shop/cart", multi, "1")
    served = look_whether_served(client_of(docker_registry.url), "shop/cart", "1", (*BOTH, "linux/s390x"))
    assert served.digest == multi.digest
    assert dict(served.lacking) == {
        "linux/s390x": f"{multi.digest} lists no image for it (it lists: linux/amd64, linux/arm64, unknown/unknown)"
    }
    assert served.is_certain
    assert served.contains >= {child.digest for child in multi.children[:2]}


def test_a_lost_layer_child_or_config_is_lacking_for_its_platform_alone(docker_registry: DockerRegistry) -> None:
    amd64, arm64 = make_multi_platform(BOTH).children
    for lost, word in (
        (arm64.layer_digests[0], "a layer: "),
        (arm64.config_digest, "its config: "),
        (arm64.digest, "its child: "),
    ):
        push(docker_registry, "shop/cart", make_index([amd64, arm64]), "1")
        lose(docker_registry, lost)
        served = look_whether_served(client_of(docker_registry.url), "shop/cart", "1", BOTH)
        assert list(served.lacking) == ["linux/arm64"]
        assert served.lacking["linux/arm64"].startswith(word)
        assert served.is_certain


def test_a_single_image_is_for_the_platform_of_its_config(docker_registry: DockerRegistry) -> None:
    push(docker_registry, "shop/cart", make_image(platform="linux/amd64"), "1")
    push(docker_registry, "shop/cart", make_image(platform="linux/386"), "2")
    client = client_of(docker_registry.url)
    assert look_whether_served(client, "shop/cart", "1", BOTH).lacking == {"linux/arm64": "it is for linux/amd64"}
    assert look_whether_served(client, "shop/cart", "2", ["linux/amd64"]).lacking == {}


def test_an_index_that_lies_about_a_platform_is_found_out(docker_registry: DockerRegistry) -> None:
    lying = make_image(platform="linux/amd64")
    index = make_index([lying])
    document = index.manifest_bytes.replace(b'"architecture":"amd64"', b'"architecture":"arm64"')
    push(docker_registry, "shop/cart", type(index)(document, index.media_type, children=index.children), "1")
    served = look_whether_served(client_of(docker_registry.url), "shop/cart", "1", ["linux/arm64"])
    assert served.lacking == {"linux/arm64": "it is for linux/amd64"}


def test_an_artifact_is_no_image(docker_registry: DockerRegistry) -> None:
    image = make_image()
    push(docker_registry, "shop/cart", image)
    push(docker_registry, "shop/cart", make_referrer(image), "sbom")
    served = look_whether_served(client_of(docker_registry.url), "shop/cart", "sbom", ["linux/amd64"])
    assert "linux/amd64" in served.lacking


def test_an_index_in_an_index_is_walked(docker_registry: DockerRegistry) -> None:
    inner = make_multi_platform(BOTH)
    outer = make_index([inner])
    push(docker_registry, "shop/cart", outer, "1")
    assert look_whether_served(client_of(docker_registry.url), "shop/cart", "1", BOTH).lacking == {}


def test_what_is_not_there_at_all_raises(docker_registry: DockerRegistry) -> None:
    with pytest.raises(RegistryError) as caught:
        look_whether_served(client_of(docker_registry.url), "shop/cart", "1", BOTH)
    assert caught.value.fault == "missing"


def test_a_registry_that_fails_is_not_one_that_lacks(faulty: FaultyRegistry) -> None:
    image = make_image()
    faulty.on("GET", f"/v2/shop/cart/manifests/{image.digest}", manifest_reply(image.manifest_bytes))
    faulty.on("GET", f"/v2/shop/cart/blobs/{image.config_digest}", Reply(200, image.blobs[image.config_digest]))
    for method in ("HEAD", "GET"):
        faulty.on(method, f"/v2/shop/cart/blobs/{image.layer_digests[0]}", error_reply(500, "UNKNOWN"))
    served = look_whether_served(client_of(faulty.url), "shop/cart", image.digest, ["linux/amd64"])
    assert served.lacking["linux/amd64"].startswith("a layer: ")
    assert (served.faults, served.is_certain) == ({"unreachable"}, False)
