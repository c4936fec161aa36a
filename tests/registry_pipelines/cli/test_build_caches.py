"""An index that lists blobs (a BuildKit cache) beside images, on real registries: read, checked, planned, copied.

docker-registry 2.8 answers a blob that is asked for under `/manifests/` with 500, so that one such index made all of
the registry unreadable; others answer 404, so that the blobs counted as lost children.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests

from resources.embedded_registry import EmbeddedRegistry
from tests.dumps import cluster_of
from tests.image_builder import (
    DOCKER_CONFIG,
    OCI_INDEX,
    OCI_LAYER,
    OCI_MANIFEST,
    BuiltImage,
    blob_descriptor,
    canonical,
    digest_of,
    make_build_cache,
    make_image,
    make_multi_platform,
    push,
)
from tests.registries import DockerRegistry
from tests.registry_pipelines.cli.calling import call

_CACHE = make_build_cache()


def listing(
    *entries: dict[str, Any], blobs: tuple[bytes, ...] = (), children: tuple[BuiltImage, ...] = ()
) -> BuiltImage:
    """An index of whatever entries."""
    document = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": list(entries)}
    return BuiltImage(canonical(document), OCI_INDEX, {digest_of(blob): blob for blob in blobs}, children)


@pytest.fixture(params=["docker-registry", "embedded"])
def registry(request: pytest.FixtureRequest) -> DockerRegistry | EmbeddedRegistry:
    return request.getfixturevalue("docker_registry" if request.param == "docker-registry" else "embedded_registry")


@pytest.fixture
def site(registry: DockerRegistry | EmbeddedRegistry, tmp_path: Path) -> Path:
    production = cluster_of(tmp_path / "production.json", {"web": "registry.example.com/team/web:v1"})
    path = tmp_path / "site.yaml"
    path.write_text(
        json.dumps(
            {
                "clusters": {"production": production},
                "registries": {"main": {"url": registry.url, "hosts": ["registry.example.com"], "retries": 0}},
                "database": {"url": f"sqlite:///{tmp_path}/history.db"},
                "policies": [{"repositories": ["**"], "keep_last": 1, "keep_in_use": {"rollbacks": 1}}],
                "limits": {"min_images_in_use": 1},
            }
        )
    )
    push(registry.url, "team/web", make_image([b"web"]), "v1")
    return path


def test_a_build_cache_is_read_checked_and_planned_around(
    registry: DockerRegistry | EmbeddedRegistry, site: Path
) -> None:
    push(registry.url, "ci/cache", _CACHE, "buildcache")
    assert call("--config", site, "inventory").code == 0
    for _ in range(2):  # the second time from memory
        ended = call("--config", site, "catalog", "--json")
        assert ended.code == 0, ended.err
    (row,) = json.loads(ended.out)
    assert row["images"] == 2
    ended = call("--config", site, "check", "main", "--all", "--json")
    assert (ended.code, json.loads(ended.out)) == (0, []), ended.err
    ended = call("--config", site, "plan", "make", "main", "--json")
    assert ended.code == 0, ended.err


def test_a_cached_layer_that_is_lost_is_found_by_a_check_of_everything(
    registry: DockerRegistry | EmbeddedRegistry, site: Path
) -> None:
    push(registry.url, "ci/cache", _CACHE, "buildcache")
    layer = next(iter(_CACHE.blobs))
    assert requests.delete(f"{registry.url}/v2/ci/cache/blobs/{layer}", timeout=10).status_code == 202
    for command in ("inventory", "catalog"):
        assert call("--config", site, command).code == 0
    found = json.loads(call("--config", site, "check", "main", "--all", "--json").out)
    assert [(row["kind"], row["what"], row["blob"], row["severity"]) for row in found] == [
        ("missing", "layer", layer, "warning")
    ]


def test_a_build_cache_is_copied_with_its_blobs(registry: DockerRegistry | EmbeddedRegistry, tmp_path: Path) -> None:
    push(registry.url, "ci/cache", _CACHE, "buildcache")
    with DockerRegistry(tmp_path / "other") as other:
        ended = call("copy", f"{registry.host}/ci/cache:buildcache", f"{other.host}/ci/cache", "--json")
        assert ended.code == 0, ended.err
        (row,) = json.loads(ended.out)
        assert (row["outcome"], row["manifests"], row["sent_blobs"]) == ("copied", 1, 2)
        for digest, blob in _CACHE.blobs.items():
            assert requests.get(f"{other.url}/v2/ci/cache/blobs/{digest}", timeout=10).content == blob


def test_a_blob_that_is_listed_as_a_manifest_is_a_fault_of_its_index_and_of_nothing_else(
    registry: DockerRegistry | EmbeddedRegistry, site: Path
) -> None:
    blob = b"no manifest"
    built = listing({**blob_descriptor(blob, OCI_MANIFEST)}, blobs=(blob,))
    if isinstance(registry, EmbeddedRegistry):
        with pytest.raises(AssertionError):  # it refuses such an index, as registries should
            push(registry.url, "ci/wrong", built, "wrong")
        return
    push(registry.url, "ci/wrong", built, "wrong")
    for command in ("inventory", "catalog"):
        ended = call("--config", site, command, "--json")
        assert ended.code == 0, ended.err
    assert json.loads(ended.out)[0]["unreadable"] == 1
    assert call("--config", site, "plan", "make", "main").code == 0


_CHILD = make_image([b"listed oddly"])


def _null_list() -> BuiltImage:
    body = canonical({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": None})
    return BuiltImage(body, OCI_INDEX, {digest_of(b"not listed"): b"not listed"})


def _untyped_child() -> BuiltImage:
    entry = {key: value for key, value in _CHILD.descriptor.items() if key != "mediaType"}
    return listing(entry, children=(_CHILD,))


def _child_of_an_unknown_type() -> BuiltImage:
    return listing({**_CHILD.descriptor, "mediaType": "application/vnd.example.bundle.v7"}, children=(_CHILD,))


def _child_with_a_parameter() -> BuiltImage:
    written = {**_CHILD.descriptor, "mediaType": f"{_CHILD.media_type.upper()}; charset=utf-8"}
    return listing(written, children=(_CHILD,))


def _untyped_blob() -> BuiltImage:
    blob = b"no type at all"
    return listing({"digest": digest_of(blob), "size": len(blob)}, blobs=(blob,))


def _blob_that_looks_like_a_manifest() -> BuiltImage:
    blob = canonical({"layers": [], "config": {"digest": digest_of(b"")}})
    return listing({"digest": digest_of(blob), "size": len(blob), "mediaType": "application/json"}, blobs=(blob,))


def _config_as_a_child() -> BuiltImage:
    blob = canonical({"architecture": "amd64", "os": "linux"})
    return listing(blob_descriptor(blob, DOCKER_CONFIG), blobs=(blob,))


def _mixed() -> BuiltImage:
    inner = make_multi_platform(content=b"inner")
    return listing(inner.descriptor, blob_descriptor(b"beside", OCI_LAYER), blobs=(b"beside",), children=(inner,))


#: What is to be read of each: its images in the catalog, beside the one in use.
_KINDS: list[tuple[Callable[[], BuiltImage], int]] = [
    (lambda: listing(blobs=(b"not listed",)), 1),
    (_null_list, 1),
    (lambda: listing(blob_descriptor(b"", OCI_LAYER), blobs=(b"",)), 1),
    (_untyped_blob, 1),
    (_blob_that_looks_like_a_manifest, 1),
    (_config_as_a_child, 1),
    (_untyped_child, 2),
    (_child_of_an_unknown_type, 2),
    (_child_with_a_parameter, 2),
    (_mixed, 4),
]


@pytest.mark.parametrize(("make", "images"), _KINDS, ids=[str(place) for place in range(len(_KINDS))])
def test_an_entry_of_an_index_is_what_it_is(
    registry: DockerRegistry | EmbeddedRegistry, site: Path, make: Callable[[], BuiltImage], images: int, tmp_path: Path
) -> None:
    push(registry.url, "ci/odd", make(), "odd")
    for command in ("inventory", "catalog", "catalog"):
        ended = call("--config", site, command, "--json")
        assert ended.code == 0, ended.err
    assert json.loads(ended.out)[0]["images"] == 1 + images
    ended = call("--config", site, "check", "main", "--all", "--json")
    assert (ended.code, json.loads(ended.out)) == (0, []), ended.err
    with DockerRegistry(tmp_path / "other") as other:
        ended = call("copy", f"{registry.host}/ci/odd:odd", f"{other.host}/ci/odd", "--json")
        assert ended.code == 0, ended.err
        assert json.loads(ended.out)[0]["manifests"] == images
        again = call("copy", f"{registry.host}/ci/odd:odd", f"{other.host}/ci/odd", "--repair", "--json")
        assert json.loads(again.out)[0]["outcome"] == "already there"
