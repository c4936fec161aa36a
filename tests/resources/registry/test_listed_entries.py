"""What an entry of an index is where its media type does not say it: registries that keep all in one place, lie, or
do not answer."""

from __future__ import annotations

import json

import pytest

from registry_core.errors import RegistryError
from resources.registry.resolving import resolve_all
from tests.resources.registry.conftest import client_of, connection_to
from tests.resources.registry.crawling.test_crawl_faults import _catalog, _crawl
from tests.resources.registry.faulty_registry import (
    FaultyRegistry,
    Reply,
    digest_of,
    error_reply,
    image,
    manifest_reply,
)

_BLOB = b"cached layer"
_IMAGE = image()
_INDEX_TYPE = "application/vnd.oci.image.index.v1+json"


def test_a_registry_that_keeps_all_in_one_place_is_asked_for_the_bytes(faulty: FaultyRegistry) -> None:
    for body in (_BLOB, _IMAGE):
        faulty.on("GET", f"/v2/app/blobs/{digest_of(body)}", Reply(200, body))
    client = client_of(faulty.url)
    assert client.is_listed_blob("app", digest_of(_BLOB))
    assert not client.is_listed_blob("app", digest_of(_IMAGE))
    assert not client.is_listed_blob("app", digest_of(b"nowhere")), "then it is asked for as a manifest, and missing"


def test_what_is_larger_than_any_manifest_is_not_read(faulty: FaultyRegistry) -> None:
    path = f"/v2/app/blobs/{digest_of(_BLOB)}"
    faulty.on("HEAD", path, Reply(200, b"", {"Content-Length": str(5 * 1024 * 1024)}))
    assert client_of(faulty.url).is_listed_blob("app", digest_of(_BLOB))
    assert faulty.paths("GET") == []


@pytest.mark.parametrize(
    ("reply", "fault"),
    [
        (error_reply(403, "DENIED"), "forbidden"),
        (error_reply(500, "UNKNOWN"), "unreachable"),
        (Reply(200, b"x"), "corrupt"),
    ],
)
def test_what_the_registry_does_not_say_is_not_guessed(faulty: FaultyRegistry, reply: Reply, fault: str) -> None:
    faulty.on("GET", f"/v2/app/blobs/{digest_of(_BLOB)}", reply)
    with pytest.raises(RegistryError) as told:
        client_of(faulty.url).is_listed_blob("app", digest_of(_BLOB))
    assert told.value.fault == fault


def _index(*entries: dict[str, object]) -> bytes:
    return json.dumps({"schemaVersion": 2, "mediaType": _INDEX_TYPE, "manifests": list(entries)}).encode()


def test_a_crawl_does_not_ask_for_a_cached_layer_as_a_manifest(faulty: FaultyRegistry) -> None:
    layer = {"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", "digest": digest_of(_BLOB), "size": 12}
    body = _index(layer)
    _catalog(faulty, "ci/cache")
    faulty.on("GET", "/v2/ci/cache/tags/list", Reply(200, b'{"tags":["buildcache"]}'))
    for name in ("buildcache", digest_of(body)):
        faulty.on("GET", f"/v2/ci/cache/manifests/{name}", manifest_reply(body, _INDEX_TYPE))
    faulty.on("GET", f"/v2/ci/cache/manifests/{digest_of(_BLOB)}", error_reply(500, "UNKNOWN"))
    crawl, found = _crawl(faulty.url)
    assert crawl.coverage.complete
    assert [one.digest for one in found["ci/cache"].images] == [digest_of(body)]
    assert not [path for path in faulty.paths() if digest_of(_BLOB) in path]


@pytest.mark.parametrize("says", [500, 404])
def test_an_index_that_calls_a_blob_a_manifest_leaves_the_registry_readable(faulty: FaultyRegistry, says: int) -> None:
    entry = {"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": digest_of(_BLOB), "size": 12}
    body = _index(entry)
    _catalog(faulty, "ci/wrong")
    faulty.on("GET", "/v2/ci/wrong/tags/list", Reply(200, b'{"tags":["v1"]}'))
    for name in ("v1", digest_of(body)):
        faulty.on("GET", f"/v2/ci/wrong/manifests/{name}", manifest_reply(body, _INDEX_TYPE))
    faulty.on("GET", f"/v2/ci/wrong/manifests/{digest_of(_BLOB)}", error_reply(says, "UNKNOWN"))
    faulty.on("GET", f"/v2/ci/wrong/blobs/{digest_of(_BLOB)}", Reply(200, _BLOB))
    crawl, found = _crawl(faulty.url)
    assert crawl.coverage.complete
    faults = {one.digest: one.fault for one in found["ci/wrong"].images}
    assert faults == {digest_of(body): None, digest_of(_BLOB): "corrupt" if says == 500 else "missing"}


def test_a_child_that_the_registry_cannot_give_stays_unread_and_is_no_blob(faulty: FaultyRegistry) -> None:
    entry = {"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": digest_of(_IMAGE), "size": 12}
    body = _index(entry)
    _catalog(faulty, "app")
    faulty.on("GET", "/v2/app/tags/list", Reply(200, b'{"tags":["v1"]}'))
    for name in ("v1", digest_of(body)):
        faulty.on("GET", f"/v2/app/manifests/{name}", manifest_reply(body, _INDEX_TYPE))
    faulty.on("GET", f"/v2/app/manifests/{digest_of(_IMAGE)}", error_reply(500, "UNKNOWN"))
    faulty.on("GET", f"/v2/app/blobs/{digest_of(_IMAGE)}", Reply(200, _IMAGE))
    crawl, found = _crawl(faulty.url)
    assert not crawl.coverage.complete
    assert {one.fault for one in found["app"].images} == {None, "unreachable"}


def test_resolving_a_name_reads_manifests_and_no_blobs(faulty: FaultyRegistry) -> None:
    layer = {"mediaType": "application/vnd.buildkit.cacheconfig.v0", "digest": digest_of(_BLOB), "size": 0}
    untyped = {"digest": digest_of(_IMAGE), "size": 1}
    body = _index(layer, untyped)
    faulty.on("GET", "/v2/app/manifests/v1", manifest_reply(body, _INDEX_TYPE))
    faulty.on("GET", f"/v2/app/manifests/{digest_of(_IMAGE)}", manifest_reply(_IMAGE))
    (found,) = resolve_all(connection_to(faulty.url), [("app", "v1")])
    assert set(found.documents) == {digest_of(body), digest_of(_IMAGE)}
    assert not [path for path in faulty.paths() if digest_of(_BLOB) in path]
