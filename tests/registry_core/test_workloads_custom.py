"""Images in custom resources, by the paths of the shipped defaults and of a site's own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from registry_core.image_paths import ImagePath
from registry_core.workload_kinds import DEFAULT_CUSTOM, custom_kind
from registry_core.workloads import Surroundings, image_uses

PATHS = Path(__file__).resolve().parents[3] / "shared/fixtures/kubernetes/crd_image_paths.json"


def found(path: str, item: dict[str, Any]) -> dict[str, str]:
    return {one.path: one.text for one in ImagePath.parse(path).find(item)}


def test_a_path_walks_lists_and_maps_and_fills_in_where_it_was() -> None:
    item = {"spec": {"a": [{"image": "x"}, {}, {"image": "y"}], "m": {"k": {"image": "z"}}}}
    assert found(".spec.a[].image", item) == {".spec.a[0].image": "x", ".spec.a[2].image": "y"}
    assert found(".spec.m{*}.image", item) == {".spec.m.k.image": "z"}


def test_a_key_with_dots_is_quoted() -> None:
    item = {"metadata": {"annotations": {"sidecar.istio.io/proxyImage": "x"}}}
    path = '.metadata.annotations["sidecar.istio.io/proxyImage"]'
    assert found(path, item) == {path: "x"}


def test_an_image_volume_is_the_reference_inside_it() -> None:
    item = {"spec": {"volumes": [{"image": {"reference": "x"}}, {"rbd": {"image": "no"}}]}}
    assert found(".spec.volumes[].image", item) == {".spec.volumes[0].image.reference": "x"}


@pytest.mark.parametrize("item", [{}, {"spec": None}, {"spec": {"image": 7}}, {"spec": {"image": " "}}, {"spec": []}])
def test_what_is_absent_or_of_another_type_is_no_image(item: dict[str, Any]) -> None:
    assert found(".spec.image", item) == {}


@pytest.mark.parametrize("path", ["spec.image", ".spec..image", ".spec[0].image", "", "[]", ".spec.image[", "$.spec"])
def test_a_path_that_cannot_be_read_says_how_to_write_it(path: str) -> None:
    with pytest.raises(ValueError, match=r"write it like `\.spec\."):
        ImagePath.parse(path)


def test_a_row_of_a_custom_resource_tells_its_path_and_the_pull_secrets_beside_it() -> None:
    kind = next(kind for kind in DEFAULT_CUSTOM if kind.kind == "RunnerDeployment")
    item = {
        "metadata": {"name": "blog-runners", "namespace": "ci"},
        "spec": {
            "replicas": 2,
            "template": {"spec": {"image": "ghcr.io/a/runner:1", "imagePullSecrets": [{"name": "pull"}]}},
        },
    }
    (row,) = image_uses(item, kind, Surroundings("production"))
    assert (row.resource, row.kind, row.owner_kind) == (
        "actions.summerwind.dev/v1alpha1 runnerdeployments", "RunnerDeployment", "RunnerDeployment",
    )  # fmt: skip
    assert (row.container, row.path) == (".spec.template.spec.image", ".spec.template.spec.image")
    assert (row.container_kind, row.state, row.replicas, row.pull_secrets) == ("custom", "template", 2, ("pull",))


def test_the_digest_that_knative_resolved_is_a_row_of_its_own() -> None:
    kind = next(kind for kind in DEFAULT_CUSTOM if kind.kind == "Revision")
    digest = "sha256:" + "a" * 64
    item = {
        "metadata": {"name": "web-1", "namespace": "shop"},
        "spec": {"containers": [{"image": "ghcr.io/a/web:1"}]},
        "status": {"containerStatuses": [{"name": "c", "imageDigest": f"ghcr.io/a/web@{digest}"}]},
    }
    assert [(row.tag, row.digest) for row in image_uses(item, kind, Surroundings("c"))] == [("1", None), (None, digest)]


def test_a_block_device_of_ceph_is_no_image() -> None:
    assert not any("rbd" in path.written for kind in DEFAULT_CUSTOM for path in kind.image_paths)


@pytest.mark.skipif(not PATHS.is_file(), reason="the shared fixtures are not beside this checkout")
def test_the_defaults_cover_every_image_of_the_crds_they_are_for() -> None:
    crds = json.loads(PATHS.read_text())
    compared = 0
    for kind in DEFAULT_CUSTOM:
        crd = crds.get(f"{kind.api_version} {kind.kind}")
        if crd is None:
            continue
        ours = {path.written for path in kind.image_paths}
        texts = {path for path, type_ in crd["paths"] if type_ == "string" and ".rbd." not in path}
        assert texts <= ours, (kind.kind, texts - ours)
        compared += 1
    assert compared == len(DEFAULT_CUSTOM)


@pytest.mark.skipif(not PATHS.is_file(), reason="the shared fixtures are not beside this checkout")
def test_every_path_seen_in_a_crd_can_be_written_in_the_configuration() -> None:
    for name, crd in json.loads(PATHS.read_text()).items():
        custom_kind(name, name.partition(" ")[2], [path for path, _ in crd["paths"]])
