"""The verbs of the client, against our own registry and a docker-registry 2.8."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Iterator

import pytest

from registry_core.errors import RegistryError
from resources.embedded_registry import EmbeddedRegistry
from resources.registry import RegistryClient
from resources.registry.transport.messages import Request
from tests.image_builder import (
    OCI_MANIFEST,
    cosign_tag,
    make_cosign_signature,
    make_image,
    make_index,
    make_multi_platform,
    make_referrer,
    push,
)
from tests.registries import DockerRegistry
from tests.resources.registry.conftest import client_of
from tests.resources.registry.faulty_registry import FaultyRegistry, digest_of, json_reply, manifest_reply

_BIG = hashlib.sha256(b"seed").digest() * 100_000


@pytest.fixture(params=["docker_registry", "embedded_registry"])
def registry(request: pytest.FixtureRequest) -> DockerRegistry | EmbeddedRegistry:
    found: DockerRegistry | EmbeddedRegistry = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def client(registry: DockerRegistry | EmbeddedRegistry) -> Iterator[RegistryClient]:
    found = client_of(registry.url)
    yield found
    found.close()


def test_what_was_stored_is_read_back(client: RegistryClient) -> None:
    built = make_image([b"one", b"two"])
    for digest, blob in built.blobs.items():
        assert not client.blob_exists("team/app", digest)
        assert client.upload_blob("team/app", digest, blob) == "uploaded"
        assert client.blob_size("team/app", digest) == len(blob)
    assert client.put_manifest("team/app", "v1", built.manifest_bytes, built.media_type) == built.digest
    assert client.put_manifest("team/app", built.digest, built.manifest_bytes, built.media_type) == built.digest
    assert client.repositories() == ["team/app"]
    assert client.tags("team/app") == ["v1"]
    manifest = client.manifest("team/app", "v1")
    assert (manifest.digest, manifest.media_type, manifest.body) == (built.digest, OCI_MANIFEST, built.manifest_bytes)
    assert client.head_manifest("team/app", built.digest) == built.digest
    assert client.config("team/app", built.config_digest) == built.blobs[built.config_digest]


def test_an_index_is_not_answered_with_a_child(client: RegistryClient, registry: DockerRegistry) -> None:
    for form in ("oci", "docker"):
        built = make_multi_platform(form=form)
        push(registry, "team/multi", built, form)
        assert client.head_manifest("team/multi", form) == built.digest
        assert client.manifest("team/multi", form).body == built.manifest_bytes


@pytest.mark.parametrize("chunk_bytes", [10_000_000, 1_000_000, 77_777])
def test_a_large_blob_goes_up_in_chunks_and_comes_down_whole(client: RegistryClient, chunk_bytes: int) -> None:
    digest = digest_of(_BIG)
    pieces = [_BIG[start : start + 50_001] for start in range(0, len(_BIG), 50_001)]
    assert client.upload_blob("team/app", digest, lambda: pieces, chunk_bytes=chunk_bytes) == "uploaded"
    assert b"".join(client.read_blob("team/app", digest, size_bytes=len(_BIG))) == _BIG


def test_an_empty_blob_is_a_blob(client: RegistryClient) -> None:
    digest = digest_of(b"")
    client.upload_blob("team/app", digest, b"")
    assert b"".join(client.read_blob("team/app", digest, size_bytes=0)) == b""


def test_a_blob_is_mounted_from_another_repository(client: RegistryClient) -> None:
    digest = digest_of(b"layer")
    client.upload_blob("team/base", digest, b"layer")
    assert client.upload_blob("team/app", digest, b"layer", mount_from="team/base") == "mounted"
    assert client.blob_exists("team/app", digest)
    other = digest_of(b"other")
    assert client.upload_blob("team/app", other, b"other", mount_from="team/base") == "uploaded"


def test_a_blob_that_is_not_what_its_digest_says_is_not_stored(client: RegistryClient) -> None:
    digest = digest_of(b"right")
    with pytest.raises(RegistryError, match="DIGEST_INVALID"):
        client.upload_blob("team/app", digest, b"wrong")
    assert not client.blob_exists("team/app", digest)


def test_what_is_not_there_is_missing(client: RegistryClient) -> None:
    nowhere = digest_of(b"nowhere")
    for ask in (
        lambda: client.tags("no/such"),
        lambda: client.manifest("no/such", "v1"),
        lambda: client.head_manifest("no/such", nowhere),
        lambda: client.blob_size("no/such", nowhere),
        lambda: list(client.read_blob("no/such", nowhere)),
    ):
        with pytest.raises(RegistryError) as caught:
            ask()
        assert (caught.value.fault, caught.value.status) == ("missing", 404)
    assert not client.manifest_exists("no/such", "v1")


def test_a_manifest_without_its_blobs_is_refused(client: RegistryClient) -> None:
    built = make_image([b"not uploaded"])
    with pytest.raises(RegistryError) as caught:
        client.put_manifest("team/app", "v1", built.manifest_bytes, built.media_type)
    assert caught.value.fault == "missing"


def test_referrers_are_found_by_the_api_the_fallback_tag_and_cosigns_tags(
    client: RegistryClient, registry: DockerRegistry
) -> None:
    subject, signature = make_image(), make_cosign_signature(make_image())
    referrer = make_referrer(subject)
    stranger = make_referrer(make_image([b"another"]))
    push(registry, "team/app", subject, "v1")
    push(registry, "team/app", signature, cosign_tag(subject))
    push(registry, "team/app", referrer)
    if isinstance(registry, DockerRegistry):  # no API: what a client keeps under the fallback tag
        push(registry, "team/app", make_index([referrer, stranger]), subject.digest.replace(":", "-"))
    found = {one.digest: one.found_by for one in client.referrers("team/app", subject.digest)}
    by = "fallback tag" if isinstance(registry, DockerRegistry) else "api"
    assert found == {referrer.digest: by, signature.digest: "cosign tag"}


def test_an_api_that_answers_with_the_subject_itself_lists_no_referrers(faulty: FaultyRegistry) -> None:
    index = make_multi_platform()
    faulty.on("GET", f"/v2/team/app/referrers/{index.digest}", manifest_reply(index.manifest_bytes, index.media_type))
    for child in index.children:
        faulty.on("GET", f"/v2/team/app/manifests/{child.digest}", manifest_reply(child.manifest_bytes))
    assert client_of(faulty.url).referrers("team/app", index.digest) == []


def test_a_referrer_that_was_lost_is_left_out(faulty: FaultyRegistry) -> None:
    subject = make_image()
    listed = make_index([make_referrer(subject)])
    faulty.on("GET", f"/v2/a/referrers/{subject.digest}", manifest_reply(listed.manifest_bytes, listed.media_type))
    assert client_of(faulty.url).referrers("a", subject.digest) == []


def test_many_threads_share_one_client_and_its_bound(faulty: FaultyRegistry) -> None:
    under_way, most, lock = 0, 0, threading.Lock()

    def slow(_: object) -> object:
        nonlocal under_way, most
        with lock:
            under_way += 1
            most = max(most, under_way)
        time.sleep(0.02)
        with lock:
            under_way -= 1
        return json_reply({"tags": ["v1"]})

    faulty.on("GET", "/v2/team/app/tags/list", slow)
    client = client_of(faulty.url, connections=3)
    listed: list[list[str]] = []

    def ask() -> None:
        for _ in range(4):
            listed.append(client.tags("team/app"))

    threads = [threading.Thread(target=ask) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert listed == [["v1"]] * 40
    assert 1 < most <= 3


def test_a_copy_within_one_registry_works_over_a_single_connection(embedded_registry: EmbeddedRegistry) -> None:
    client = client_of(embedded_registry.url, connections=1)
    digest = digest_of(_BIG)
    client.upload_blob("team/app", digest, _BIG)
    client.upload_blob("team/copy", digest, lambda: client.read_blob("team/app", digest), chunk_bytes=500_000)
    assert client.blob_size("team/copy", digest) == len(_BIG)


def test_no_request_can_delete() -> None:
    with pytest.raises(ValueError, match="DELETE"):
        Request("DELETE", "http://registry.test/v2/team/app/manifests/v1", "delete it")


def test_names_that_come_from_outside_are_quoted(faulty: FaultyRegistry) -> None:
    with pytest.raises(RegistryError):
        client_of(faulty.url).manifest("team/app?x=1#y/ü", "v 1")
    assert faulty.paths() == ["/v2/team/app%3Fx%3D1%23y/%C3%BC/manifests/v%201"]
