"""The tools people have: skopeo and podman push to the embedded registry and pull from it."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from resources.embedded_registry import EmbeddedRegistry
from tests.image_builder import (
    OCI_INDEX,
    BuiltImage,
    digest_of,
    make_image,
    make_index,
    push,
    tar_layer,
)
from tests.resources.embedded_registry.conftest import Api
from tests.resources.embedded_registry.wholeness import assert_whole


def run(*command: str) -> str:
    """The output; what the tool said on stderr where it failed."""
    if shutil.which(command[0]) is None:
        pytest.skip(f"install {command[0]} (Debian) to run this")
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stderr}"
    return done.stdout


def skopeo_copy(source: str, destination: str, *options: str) -> None:
    insecure = ["--src-tls-verify=false", "--dest-tls-verify=false"]
    run("skopeo", "copy", "--quiet", "--insecure-policy", *insecure, *options, source, destination)


def real_image(content: bytes = b"hello", platform: str = "linux/amd64") -> BuiltImage:
    return make_image([tar_layer({"hello": content})], platform=platform)


def multi_platform() -> BuiltImage:
    return make_index([real_image(b"amd", "linux/amd64"), real_image(b"arm", "linux/arm64")])


def test_skopeo_copies_all_platforms_in_and_out_with_the_digest_kept(
    api: Api, embedded_registry: EmbeddedRegistry, tmp_path: Path
) -> None:
    index = multi_platform()
    push(api.url, "team/app", index, "1.0")
    host = embedded_registry.host
    skopeo_copy(f"docker://{host}/team/app:1.0", f"oci:{tmp_path}/out:1.0", "--all")
    skopeo_copy(f"oci:{tmp_path}/out:1.0", f"docker://{host}/mirror/app:1.0", "--all")
    answer = api.get("/v2/mirror/app/manifests/1.0")
    assert digest_of(answer.content) == index.digest
    assert answer.headers["Content-Type"] == OCI_INDEX
    for child in index.children:
        assert api.get(f"/v2/mirror/app/manifests/{child.digest}").content == child.manifest_bytes
    assert_whole(embedded_registry.layout)


def test_skopeo_copies_between_repositories_and_registries(
    api: Api, embedded_registry: EmbeddedRegistry, tmp_path: Path
) -> None:
    image = real_image()
    push(api.url, "team/app", image, "1.0")
    with EmbeddedRegistry(tmp_path / "second", credentials=("robot", "secret")) as second:
        source = f"docker://{embedded_registry.host}/team/app:1.0"
        skopeo_copy(source, f"docker://{embedded_registry.host}/team/copy:1.0")
        skopeo_copy(source, f"docker://{second.host}/team/app:1.0", "--dest-creds", "robot:secret")
        assert second.layout.resolve("team/app", "1.0") == image.digest
    assert api.head("/v2/team/copy/manifests/1.0").headers["Docker-Content-Digest"] == image.digest


def test_skopeo_writes_docker_manifests(api: Api, embedded_registry: EmbeddedRegistry) -> None:
    push(api.url, "team/app", real_image(), "oci")
    host = embedded_registry.host
    skopeo_copy(f"docker://{host}/team/app:oci", f"docker://{host}/team/app:docker", "--format", "v2s2")
    answer = api.get("/v2/team/app/manifests/docker")
    assert answer.headers["Content-Type"] == "application/vnd.docker.distribution.manifest.v2+json"


def test_skopeo_inspects_lists_and_deletes(api: Api, embedded_registry: EmbeddedRegistry) -> None:
    image = real_image()
    push(api.url, "team/app", image, "1.0")
    push(api.url, "team/app", real_image(b"other"), "2.0")
    place = f"docker://{embedded_registry.host}/team/app"
    assert image.digest in run("skopeo", "inspect", "--tls-verify=false", f"{place}:1.0")
    assert '"2.0"' in run("skopeo", "list-tags", "--tls-verify=false", place)
    run("skopeo", "delete", "--tls-verify=false", f"{place}:1.0")
    assert api.get("/v2/team/app/tags/list").json()["tags"] == ["2.0"]


def test_skopeo_reads_the_layout_itself(embedded_registry: EmbeddedRegistry, tmp_path: Path) -> None:
    image = real_image()
    push(embedded_registry, "app", image, "1.0")
    push(embedded_registry, "team/app", image, "1.0")
    embedded_registry.layout.fold()
    for name in ("app:1.0", "team/app:1.0"):
        copied = tmp_path / name.replace("/", "-").replace(":", "-")
        skopeo_copy(f"oci:{embedded_registry.layout.root}:{name}", f"dir:{copied}")
        assert (copied / "manifest.json").read_bytes() == image.manifest_bytes


@pytest.fixture
def podman() -> Iterator[list[str]]:
    """podman with a storage of its own that needs no feature of the kernel."""
    with tempfile.TemporaryDirectory() as folder:  # tmp_path is longer than the 50 characters that podman allows
        yield ["podman", "--storage-driver", "vfs", "--root", f"{folder}/root", "--runroot", f"{folder}/run"]


def test_podman_pulls_tags_and_pushes(api: Api, embedded_registry: EmbeddedRegistry, podman: list[str]) -> None:
    image = real_image()
    push(api.url, "team/app", image, "1.0")
    pulled = f"{embedded_registry.host}/team/app:1.0"
    pushed = f"{embedded_registry.host}/team/from-podman:1.0"
    run(*podman, "pull", "--quiet", "--tls-verify=false", pulled)
    run(*podman, "tag", pulled, pushed)
    run(*podman, "push", "--quiet", "--tls-verify=false", pushed)
    document = api.get("/v2/team/from-podman/manifests/1.0").json()
    assert document["config"]["digest"] == image.config_digest
    run(*podman, "rmi", pulled, pushed)
    run(*podman, "pull", "--quiet", "--tls-verify=false", pushed)
    assert_whole(embedded_registry.layout)
