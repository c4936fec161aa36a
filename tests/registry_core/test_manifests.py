"""Manifests of every kind that a registry may hold are read, and damage is told as damage."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry_core import media_types as types
from registry_core.catalog import ManifestFacts
from registry_core.digests import digest_of
from registry_core.errors import RegistryError
from registry_core.manifests import (
    BlobDescriptor,
    ChildDescriptor,
    ConfigFacts,
    children,
    descriptors,
    read_config,
    read_manifest,
    with_config,
)


def sha(letter: str) -> str:
    return "sha256:" + letter * 64


def read(document: Any, content_type: str | None = None) -> ManifestFacts:
    body = json.dumps(document).encode()
    return read_manifest(body, digest=digest_of(body), content_type=content_type)


def image(**more: Any) -> dict[str, Any]:
    layer_type = "application/vnd.oci.image.layer.v1.tar+gzip"
    return {
        "schemaVersion": 2,
        "mediaType": types.OCI_MANIFEST,
        "config": {"mediaType": types.OCI_CONFIG, "digest": sha("c"), "size": 100},
        "layers": [{"mediaType": layer_type, "digest": sha(letter), "size": 1_000} for letter in "ab"],
        **more,
    }


def index(*entries: Any, **more: Any) -> dict[str, Any]:
    return {"schemaVersion": 2, "mediaType": types.OCI_INDEX, "manifests": list(entries), **more}


def test_an_image_tells_its_config_its_layers_and_their_size() -> None:
    facts = read(image())
    assert facts.media_type == types.OCI_MANIFEST
    assert (facts.config_digest, facts.image_bytes, facts.layers) == (sha("c"), 2_100, 2)
    assert (facts.artifact_type, facts.subject, facts.children) == (None, None, ())
    assert not facts.config_read
    assert facts.document == json.dumps(image()).encode()
    assert [(blob.digest, blob.kind) for blob in descriptors(facts)] == [
        (sha("c"), "config"),
        (sha("a"), "layer"),
        (sha("b"), "layer"),
    ]
    assert descriptors(facts) == descriptors(image())


def test_a_docker_image_is_read_like_an_oci_image() -> None:
    config = {"mediaType": types.DOCKER_CONFIG, "digest": sha("c"), "size": 1}
    facts = read(image(mediaType=types.DOCKER_MANIFEST, config=config))
    assert facts.media_type == types.DOCKER_MANIFEST
    assert facts.config_digest == sha("c")
    assert not facts.config_read


@pytest.mark.parametrize("media_type", [types.OCI_INDEX, types.DOCKER_LIST])
def test_an_index_tells_its_children_once_each_and_in_order(media_type: str) -> None:
    entries = [
        {"mediaType": types.OCI_MANIFEST, "digest": sha("b"), "size": 5, "platform": platform}
        for platform in (
            {"os": "linux", "architecture": "arm", "variant": "v6"},
            {"os": "linux", "architecture": "arm"},
        )
    ]
    document = index(*entries, {"digest": sha("a")}, mediaType=media_type)
    facts = read(document)
    assert facts.children == (sha("b"), sha("a"))
    assert (facts.image_bytes, facts.layers, facts.config_digest, facts.config_read) == (0, 0, None, True)
    assert children(facts) == (
        ChildDescriptor(sha("b"), types.OCI_MANIFEST, 5, "linux/arm/v6"),
        ChildDescriptor(sha("b"), types.OCI_MANIFEST, 5, "linux/arm"),
        ChildDescriptor(sha("a"), "", 0, None),
    )
    assert descriptors(facts) == ()


def test_a_build_attestation_names_the_sibling_that_it_is_about() -> None:
    annotations = {"vnd.docker.reference.digest": sha("a"), "vnd.docker.reference.type": "attestation-manifest"}
    entry = {
        "digest": sha("d"),
        "platform": {"os": "unknown", "architecture": "unknown"},
        "annotations": annotations,
    }
    (child,) = children(index(entry))
    assert (child.platform, child.attestation_of) == ("unknown/unknown", sha("a"))


def test_a_signed_schema1_image_is_read_without_a_config() -> None:
    newest = {"created": "2016-05-01T10:00:00.123456789Z", "os": "linux", "architecture": "amd64"}
    document = {
        "schemaVersion": 1,
        "name": "app",
        "architecture": "amd64",
        "fsLayers": [{"blobSum": sha("a")}, {"blobSum": sha("a")}],
        "history": [{"v1Compatibility": json.dumps(newest)}, {"v1Compatibility": "{}"}],
        "signatures": [{"signature": "x"}],
    }
    facts = read(document)
    assert facts.media_type == types.DOCKER_SCHEMA1_SIGNED
    assert facts.created_at == datetime(2016, 5, 1, 10, 0, 0, 123456, tzinfo=UTC)
    assert (facts.os, facts.architecture, facts.layers, facts.image_bytes) == ("linux", "amd64", 2, 0)
    assert facts.config_read
    assert descriptors(facts) == (BlobDescriptor(sha("a"), 0, "", "layer"),) * 2
    broken_history = {**document, "history": [{"v1Compatibility": "{"}]}
    assert read(broken_history).architecture == "amd64"


def test_an_artifact_manifest_holds_blobs_and_a_subject() -> None:
    document = {
        "mediaType": types.ARTIFACT_MANIFEST,
        "artifactType": "application/spdx+json",
        "blobs": [{"mediaType": "application/spdx+json", "digest": sha("b"), "size": 7}],
        "subject": {"mediaType": types.OCI_MANIFEST, "digest": sha("a"), "size": 3},
    }
    facts = read(document)
    assert (facts.artifact_type, facts.subject) == ("application/spdx+json", sha("a"))
    assert (facts.image_bytes, facts.layers, facts.config_digest, facts.config_read) == (7, 1, None, True)
    assert descriptors(facts) == (BlobDescriptor(sha("b"), 7, "application/spdx+json", "layer"),)


def test_an_artifact_is_known_by_the_type_of_its_config() -> None:
    config = {"mediaType": "application/vnd.cncf.helm.config.v1+json", "digest": sha("c"), "size": 1}
    chart = read(image(config=config, annotations={"org.opencontainers.image.created": "2026-01-02T03:04:05+01:00"}))
    assert chart.artifact_type == "application/vnd.cncf.helm.config.v1+json"
    assert chart.config_read, "there is no image config to ask for"
    assert chart.created_at == datetime(2026, 1, 2, 2, 4, 5, tzinfo=UTC)
    empty = {"mediaType": types.OCI_EMPTY, "digest": sha("c"), "size": 2}
    assert read(image(config=empty, artifactType="application/x")).artifact_type == "application/x"


def test_a_foreign_layer_is_told_apart() -> None:
    foreign = {"mediaType": "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", "digest": sha("a"), "size": 1}
    elsewhere = {"mediaType": "application/octet-stream", "digest": sha("b"), "urls": ["https://example.com/b"]}
    assert [blob.foreign for blob in descriptors(image(layers=[foreign, elsewhere]))] == [False, True, True]
    assert [blob.elsewhere for blob in descriptors(image(layers=[foreign, elsewhere]))] == [False, False, True]


@pytest.mark.parametrize("urls", [{}, {"urls": []}, {"urls": None}, {"urls": [""]}, {"urls": "https://example.com"}])
def test_a_nondistributable_layer_without_an_address_is_a_layer_like_others(urls: dict[str, Any]) -> None:
    kind = "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"
    (_, layer) = descriptors(image(layers=[{"mediaType": kind, "digest": sha("a"), "size": 1, **urls}]))
    assert (layer.foreign, layer.elsewhere) == (False, False)


def test_a_type_that_nobody_knows_keeps_its_bytes_and_has_no_children() -> None:
    document = index(
        {"digest": sha("a")}, mediaType="application/vnd.example.new.v9+json", subject={"digest": sha("e")}
    )
    facts = read(document, content_type=types.OCI_INDEX)
    assert facts.media_type == "application/vnd.example.new.v9+json"
    assert (facts.children, facts.layers, facts.config_digest) == ((), 0, None)
    assert facts.subject == sha("e")
    assert (children(facts), descriptors(facts)) == ((), ())


@pytest.mark.parametrize(
    ("document", "content_type", "expected"),
    [
        ({"layers": []}, "application/vnd.docker.distribution.manifest.v2+json", types.DOCKER_MANIFEST),
        ({"layers": []}, f"{types.DOCKER_MANIFEST}; charset=utf-8", types.DOCKER_MANIFEST),
        ({"layers": []}, "text/html", types.OCI_MANIFEST),
        ({"config": {}}, None, types.OCI_MANIFEST),
        ({"manifests": None}, "application/json", types.OCI_INDEX),
        ({"blobs": []}, None, types.ARTIFACT_MANIFEST),
        ({"fsLayers": []}, None, types.DOCKER_SCHEMA1),
        ({}, None, "application/octet-stream"),
        ({}, "application/json", "application/json"),
        ({"mediaType": None, "manifests": []}, None, types.OCI_INDEX),
        ({"mediaType": types.OCI_INDEX}, types.DOCKER_LIST, types.OCI_INDEX),
    ],
)
def test_a_missing_media_type_is_found_by_header_and_shape(document: Any, content_type: str, expected: str) -> None:
    assert read(document, content_type).media_type == expected


def test_nulls_and_oddities_where_lists_and_descriptors_should_be_are_nothing() -> None:
    for document in (
        image(layers=None, config=None, subject=None, annotations=None),
        image(layers={"a": 1}, config=[], subject="x", annotations=[]),
        image(layers=[None, 3, {}, {"digest": None}, {"digest": "../../etc"}, {"digest": "sha256:a\n"}]),
    ):
        facts = read(document)
        assert all(blob.kind == "config" for blob in descriptors(facts))
        assert facts.image_bytes in (0, 100)
    odd = index(None, {}, {"digest": 5}, {"digest": sha("a"), "platform": "linux", "annotations": 3, "size": "9"})
    assert read(odd).children == (sha("a"),)
    assert children(odd) == (ChildDescriptor(sha("a"), "", 0, None),)
    assert read(index(manifests=None)).children == ()


def test_absurd_sizes_do_not_break_a_database() -> None:
    layers = [{"digest": sha("a"), "size": size} for size in (2**63 - 1, 2**63 - 1, -5, 10**30, 1.5, True)]
    assert read(image(layers=layers)).image_bytes == 2**63 - 1


def test_unicode_and_enormous_annotations_are_kept_byte_for_byte() -> None:
    body = json.dumps(image(annotations={"说明": "é" * 500_000, "org.opencontainers.image.created": "soon"})).encode()
    facts = read_manifest(body, digest=digest_of(body))
    assert facts.document == body
    assert facts.size_bytes == len(body)
    assert facts.created_at is None
    bad = read(image(artifactType="a\x00b\ud800" + "é" * 1_000))
    assert bad.artifact_type is not None
    assert bad.artifact_type.encode()
    assert "\x00" not in bad.artifact_type
    assert len(bad.artifact_type) <= 255


@pytest.mark.parametrize(
    "body", [b"", b"<html>Sign in</html>", b"[]", b"null", b'"text"', b'{"a":', b"\xff\xfe{", b"[" * 200_000]
)
def test_a_body_that_is_no_json_object_is_corrupt(body: bytes) -> None:
    for read_body in (
        lambda: read_manifest(body, digest=sha("a"), content_type="text/html"),
        lambda: read_config(body),
    ):
        with pytest.raises(RegistryError, match="cannot read") as caught:
            read_body()
        assert caught.value.fault == "corrupt"
        assert not caught.value.retryable


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("2026-04-01T12:00:00Z", datetime(2026, 4, 1, 12, tzinfo=UTC)),
        ("2026-04-01T12:00:00.123456789Z", datetime(2026, 4, 1, 12, 0, 0, 123456, tzinfo=UTC)),
        ("2026-04-01T12:00:00.5+05:30", datetime(2026, 4, 1, 6, 30, 0, 500000, tzinfo=UTC)),
        ("1970-01-01T00:00:00Z", datetime(1970, 1, 1, tzinfo=UTC)),
        ("0001-01-01T00:00:00Z", datetime(1, 1, 1, tzinfo=UTC)),
        ("0001-01-01T00:00:00+05:00", None),
        ("2026-02-30T00:00:00Z", None),
        ("2026-04-01T25:00:00Z", None),
        ("2026-04-01T12:00:00", None),
        ("2026-04-01", None),
        ("20260401T120000Z", None),
        ("yesterday", None),
        ("", None),
        (1_700_000_000, None),
        (None, None),
    ],
)
def test_only_a_date_that_parses_is_a_date(written: Any, expected: datetime | None) -> None:
    assert read_config(json.dumps({"created": written}).encode()).created_at == expected


def test_a_config_completes_the_facts_of_its_image() -> None:
    body = json.dumps({"created": "2026-04-01T12:00:00Z", "os": "linux", "architecture": "arm64", "variant": "v8"})
    config = read_config(body.encode())
    assert config == ConfigFacts(datetime(2026, 4, 1, 12, tzinfo=UTC), "linux", "arm64", "v8")
    facts = with_config(read(image()), config)
    assert (facts.os, facts.architecture, facts.variant, facts.config_read) == ("linux", "arm64", "v8", True)
    assert facts.created_at == config.created_at
    annotated = read(image(annotations={"org.opencontainers.image.created": "2025-01-01T00:00:00Z"}))
    assert with_config(annotated, ConfigFacts()).created_at == datetime(2025, 1, 1, tzinfo=UTC)
    assert with_config(annotated, config).created_at == config.created_at


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.just(sha("a")),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=10,
)
KEYS = [
    "mediaType", "manifests", "layers", "config", "blobs", "subject", "annotations", "artifactType", "fsLayers",
    "history", "schemaVersion", "signatures", "digest", "size", "platform", "created", "os", "architecture",
]  # fmt: skip
TYPES = st.sampled_from([types.OCI_INDEX, types.OCI_MANIFEST, types.DOCKER_SCHEMA1, types.ARTIFACT_MANIFEST])
PARTS = st.recursive(
    JSON | TYPES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=5),
    max_leaves=20,
)


@given(st.dictionaries(st.sampled_from(KEYS), PARTS, max_size=8))
def test_no_object_is_too_odd_to_be_read(document: dict[str, Any]) -> None:
    facts = read(document)
    assert facts.image_bytes >= 0
    assert len(children(facts)) >= len(facts.children)
    assert facts.layers >= len(descriptors(facts)) - 1
    for text in (facts.media_type, facts.artifact_type, facts.os, facts.architecture):
        assert text is None or (text.encode() and "\x00" not in text)
    read_config(facts.document)


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_corrupt(body: bytes) -> None:
    try:
        read_manifest(body, digest=sha("a"))
    except RegistryError as error:
        faults = {error.fault}
    else:
        faults = {"corrupt"}
    assert faults == {"corrupt"}


def test_a_document_of_a_kilobyte_takes_microseconds() -> None:
    body = json.dumps(image(annotations={"a": "b" * 300})).encode()
    assert 900 < len(body) < 1_300
    begin = time.process_time()
    for _ in range(10_000):
        read_manifest(body, digest=sha("a"), content_type=types.OCI_MANIFEST)
    assert time.process_time() - begin < 0.8, "should be 0.2 s"
