"""What may be concluded from a media type."""

from __future__ import annotations

import pytest

from registry_core import media_types
from registry_core.media_types import (
    MANIFEST_ACCEPT,
    is_foreign,
    is_image_config,
    is_index,
    is_manifest,
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
    "media_type",
    [
        "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
        "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
        "application/vnd.oci.image.layer.nondistributable.v1.tar",
    ],
)
def test_foreign_layers_are_told_apart(media_type: str) -> None:
    assert is_foreign(media_type)
    assert not is_foreign("application/vnd.oci.image.layer.v1.tar+gzip")


def test_parameters_and_case_of_a_content_type_do_not_matter() -> None:
    assert without_parameters("Application/JSON; charset=utf-8") == "application/json"
    assert without_parameters(None) == ""


def test_people_read_a_name_and_see_the_type_where_there_is_none() -> None:
    assert name_of(media_types.OCI_INDEX) == "OCI index"
    assert name_of("application/x") == "application/x"
    assert name_of("") == "unknown type"
