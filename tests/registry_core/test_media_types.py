"""What may be concluded from a media type."""

from __future__ import annotations

import pytest

from registry_core import media_types
from registry_core.media_types import (
    MANIFEST_ACCEPT,
    is_image_config,
    is_index,
    is_manifest,
    kind_listed,
    name_of,
    without_parameters,
)


def test_every_manifest_is_asked_for_but_schema1_which_a_registry_might_invent() -> None:
    asked = MANIFEST_ACCEPT.split(", ")
    assert asked == [
        "application/vnd.docker.distribution.manifest.v2+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.oci.artifact.manifest.v1+json",
    ]
    assert all(is_manifest(media_type) for media_type in asked)


def test_only_lists_of_manifests_are_indexes() -> None:
    assert is_index(media_types.OCI_INDEX)
    assert is_index(media_types.DOCKER_LIST)
    assert not is_index(media_types.OCI_MANIFEST)
    assert not is_index("application/octet-stream")


def test_a_helm_chart_has_no_image_config() -> None:
    assert is_image_config(media_types.DOCKER_CONFIG)
    assert is_image_config(media_types.OCI_CONFIG)
    assert not is_image_config("application/vnd.cncf.helm.config.v1+json")


@pytest.mark.parametrize(
    ("media_type", "kind"),
    [
        (media_types.OCI_MANIFEST, "manifest"),
        (media_types.OCI_INDEX, "manifest"),
        (media_types.DOCKER_LIST, "manifest"),
        (media_types.DOCKER_SCHEMA1, "manifest"),
        (media_types.DOCKER_SCHEMA1_SIGNED, "manifest"),
        (media_types.ARTIFACT_MANIFEST, "manifest"),
        (media_types.ORAS_MANIFEST, "manifest"),
        (f"{media_types.OCI_MANIFEST.upper()} ; charset=utf-8", "manifest"),
        ("application/vnd.oci.image.layer.v1.tar+gzip", "blob"),
        ("application/vnd.oci.image.layer.nondistributable.v1.tar", "blob"),
        ("application/vnd.docker.image.rootfs.diff.tar.gzip", "blob"),
        ("application/vnd.buildkit.cacheconfig.v0", "blob"),
        (media_types.DOCKER_CONFIG, "blob"),
        (media_types.OCI_CONFIG, "blob"),
        (media_types.OCI_EMPTY, "blob"),
        ("", "unknown"),
        ("application/json", "unknown"),
        ("application/vnd.example.manifest.v9+json", "unknown"),
    ],
)
def test_what_an_index_lists_is_what_its_media_type_says(media_type: str, kind: str) -> None:
    assert kind_listed(media_type) == kind


def test_parameters_and_case_of_a_content_type_do_not_matter() -> None:
    assert without_parameters("Application/JSON; charset=utf-8") == "application/json"
    assert without_parameters(None) == ""


def test_people_read_a_name_and_see_the_type_where_there_is_none() -> None:
    assert name_of(media_types.OCI_INDEX) == "OCI index"
    assert name_of("application/x") == "application/x"
    assert name_of("") == "unknown type"
