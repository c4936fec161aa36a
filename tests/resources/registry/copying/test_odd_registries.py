"""Destinations that cannot do everything, and images that are not as usual."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from registry_core.copying import ImageCopy
from resources.embedded_registry import EmbeddedRegistry
from resources.registry.copying import Copier, carrying
from tests.image_builder import OCI_INDEX, BuiltImage, make_image, make_referrer, push
from tests.registries import DockerRegistry
from tests.resources.registry.conftest import connection_to
from tests.resources.registry.copying.conftest import copy_one, same
from tests.resources.registry.copying.test_whole_images import assert_there
from tests.resources.registry.copying.weir import Weir
from tests.resources.registry.faulty_registry import (
    Asked,
    FaultyRegistry,
    Reply,
    digest_of,
    error_reply,
    manifest_reply,
)

_IMAGE = make_image([random.Random(5).randbytes(24_000_000), b"small"])


class _PlainRegistry:
    """A destination that knows neither chunks nor mounts."""

    def __init__(self, registry: FaultyRegistry) -> None:
        self.blobs: dict[str, bytes] = {}
        self.manifests: dict[str, bytes] = {}
        self._registry = registry
        registry.on("PATCH", "/upload", error_reply(405, "UNSUPPORTED"))
        registry.on("PUT", "/upload", self._close)
        for repository in ("app", "other"):
            registry.on("POST", f"/v2/{repository}/blobs/uploads/", self._begin)

    def _begin(self, asked: Asked) -> Reply:
        return error_reply(404, "UNSUPPORTED") if "mount=" in asked.path else Reply(202, b"", {"Location": "/upload"})

    def _close(self, asked: Asked) -> Reply:
        digest = asked.path.rpartition("digest=")[2]
        if digest_of(asked.body) != digest:
            return error_reply(400, "DIGEST_INVALID")
        self.blobs[digest] = asked.body
        return Reply(201)

    def takes(self, repository: str, tag: str) -> None:
        path = f"/v2/{repository}/manifests/{tag}"

        def put(asked: Asked) -> Reply:
            self.manifests[f"{repository}:{tag}"] = asked.body
            self._registry.on("GET", path, manifest_reply(asked.body))
            return Reply(201)

        self._registry.on("PUT", path, put)


def test_a_destination_without_chunks_or_mounts_gets_whole_blobs(
    docker_registry: DockerRegistry, faulty: FaultyRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(carrying, "PART_BYTES", 8_000_000)
    plain = _PlainRegistry(faulty)
    images = []
    for repository in ("app", "other"):
        push(docker_registry, repository, _IMAGE, "v1")
        plain.takes(repository, "v1")
        images.append(same(repository, "v1"))
    outcomes = list(Copier(connection_to(docker_registry.url), connection_to(faulty.url)).copy(images))
    assert {outcome.word for outcome in outcomes} == {"copied"}, outcomes
    assert plain.blobs == dict(_IMAGE.blobs)
    assert set(plain.manifests.values()) == {_IMAGE.manifest_bytes}


def test_a_destination_that_calls_every_digest_wrong_refuses_and_is_not_unreachable(
    docker_registry: DockerRegistry, faulty: FaultyRegistry
) -> None:
    image = make_image([b"small"])
    push(docker_registry, "app", image, "v1")
    plain = _PlainRegistry(faulty)
    plain.takes("app", "v1")
    faulty.on("PUT", "/upload", error_reply(400, "DIGEST_INVALID", "provided digest did not match uploaded content"))
    outcome = copy_one(docker_registry, faulty, same("app", "v1"))
    assert (outcome.word, outcome.fault) == ("failed", "forbidden")
    assert "DIGEST_INVALID" in outcome.detail


def test_foreign_layers_are_named_and_fetched_only_when_asked(
    faulty: FaultyRegistry, elsewhere: FaultyRegistry, embedded_registry: EmbeddedRegistry
) -> None:
    body = b"a layer of windows" * 40_000
    elsewhere.on("GET", "/layers/windows", Reply(200, body))
    foreign = {
        "mediaType": "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
        "digest": digest_of(body), "size": len(body), "urls": [f"{elsewhere.url}/layers/windows"],
    }  # fmt: skip
    document = {**_IMAGE.document, "layers": [foreign, *_IMAGE.document["layers"][1:]]}
    image = BuiltImage(json.dumps(document).encode(), _IMAGE.media_type)
    faulty.holds("app", {"v1": image.manifest_bytes})
    for digest, blob in _IMAGE.blobs.items():
        faulty.on("GET", f"/v2/app/blobs/{digest}", Reply(200, blob))
    named = copy_one(faulty, embedded_registry, same("app", "v1"))
    assert (named.word, named.foreign_layers) == ("copied", (digest_of(body),))
    assert not elsewhere.asked
    fetched = copy_one(faulty, embedded_registry, ImageCopy("app", "v1", "whole", "v1"), foreign_layers=True)
    assert (fetched.word, fetched.foreign_layers) == ("copied", ())
    assert_there(embedded_registry, "whole", BuiltImage(image.manifest_bytes, "", {digest_of(body): body}))
    assert all(asked.authorization is None for asked in elsewhere.asked)


def test_an_image_of_schema_1_passes_as_bytes(faulty: FaultyRegistry) -> None:
    layer = b"a layer" * 1000
    body = json.dumps(
        {
            "schemaVersion": 1, "name": "app", "tag": "v1", "architecture": "amd64",
            "fsLayers": [{"blobSum": digest_of(layer)}], "history": [{"v1Compatibility": "{}"}],
        }
    ).encode()  # fmt: skip
    media_type = "application/vnd.docker.distribution.manifest.v1+json"
    faulty.on("GET", "/v2/app/manifests/v1", manifest_reply(body, media_type))
    faulty.on("GET", f"/v2/app/blobs/{digest_of(layer)}", Reply(200, layer))
    with FaultyRegistry() as destination:
        plain = _PlainRegistry(destination)
        plain.takes("app", "v1")
        assert copy_one(faulty, destination, same("app", "v1")).word == "copied"
        assert plain.blobs == {digest_of(layer): layer}
        assert plain.manifests == {"app:v1": body}
        (put,) = [asked for asked in destination.asked if asked.method == "PUT" and "/manifests/" in asked.path]
        assert put.headers["content-type"] == media_type


def test_what_a_registry_forgot_to_list_is_stored_once_more(
    docker_registry: DockerRegistry, embedded_registry: EmbeddedRegistry
) -> None:
    """A registry that rewrote its list for two referrers at once has one of them, and its API lists it not."""
    image = make_image([b"subject"])
    referrer = make_referrer(image)
    push(embedded_registry.layout, "app", image, "v1")
    push(embedded_registry.layout, "app", referrer)
    with EmbeddedRegistry(docker_registry.storage.parent / "target", durable=False) as target:
        assert copy_one(embedded_registry, target, same("app", "v1")).word == "copied"
        with Weir(target.host) as weir:
            empty = json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": []}).encode()
            forgets: dict[str, Any] = {"status": 200, "headers": {"Content-Type": OCI_INDEX}, "body": empty}
            weir.fail("GET", f"/referrers/{image.digest}", times=2, **forgets)
            again = copy_one(embedded_registry, weir, same("app", "v1"))
            assert again.word == "copied", again
            puts = [path for method, path in weir.asked if method == "PUT"]
            assert puts == [f"/v2/app/manifests/{referrer.digest}"]
            weir.fail("GET", f"/referrers/{image.digest}", times=9, **forgets)
            failed = copy_one(embedded_registry, weir, same("app", "v1"))
            assert (failed.word, failed.fault) == ("failed", "corrupt")
            assert "does not list it under" in failed.detail
