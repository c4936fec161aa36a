"""Fixtures of the copy tests: real registries, and what is compared."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from registry_core.copying import CopyChoice, CopyOutcome, ImageCopy
from resources.registry.copying import Copier
from tests.registries import DockerRegistry
from tests.resources.registry.conftest import connection_to
from tests.resources.registry.copying.weir import Weir


@pytest.fixture
def other_docker_registry(tmp_path: Path) -> Iterator[DockerRegistry]:
    """A second `docker-registry` 2.8."""
    with DockerRegistry(tmp_path / "other-docker-registry") as registry:
        yield registry


@pytest.fixture
def weir(docker_registry: DockerRegistry) -> Iterator[Weir]:
    """`docker_registry` behind a proxy that counts, and fails as told."""
    with Weir(docker_registry.host) as proxy:
        yield proxy


def copier(source: Any, destination: Any, **choice: Any) -> Copier:
    """A copier between two registries (anything with a `.url`)."""
    return Copier(
        connection_to(source.url, retries=2),
        connection_to(destination.url, retries=2),
        CopyChoice(**choice),
    )


def copy_one(source: Any, destination: Any, image: ImageCopy, **choice: Any) -> CopyOutcome:
    """Copy one image and tell its outcome."""
    (outcome,) = copier(source, destination, **choice).copy([image])
    return outcome


def same(repository: str, reference: str) -> ImageCopy:
    """The image under the same name at the destination."""
    return ImageCopy(repository, reference, repository, None if ":" in reference else reference)


def tags_of(registry: Any, repository: str) -> set[str]:
    answer = requests.get(f"{registry.url}/v2/{repository}/tags/list", timeout=10)
    return set(answer.json().get("tags") or ()) if answer.ok else set()


def manifest_at(registry: Any, repository: str, reference: str) -> bytes | None:
    accept = ", ".join(
        f"application/vnd.{kind}"
        for kind in (
            "oci.image.manifest.v1+json",
            "oci.image.index.v1+json",
            "docker.distribution.manifest.v2+json",
            "docker.distribution.manifest.list.v2+json",
        )
    )
    answer = requests.get(
        f"{registry.url}/v2/{repository}/manifests/{reference}", headers={"Accept": accept}, timeout=10
    )
    return answer.content if answer.ok else None


def blob_at(registry: Any, repository: str, digest: str) -> bytes | None:
    answer = requests.get(f"{registry.url}/v2/{repository}/blobs/{digest}", timeout=60)
    return answer.content if answer.ok else None


def skopeo(*arguments: str) -> str:
    binary = shutil.which("skopeo")
    if binary is None:
        pytest.skip("install skopeo (Debian) to run this")
    done = subprocess.run([binary, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def skopeo_raw(registry: Any, name: str) -> dict[str, Any]:
    raw = skopeo("inspect", "--raw", "--tls-verify=false", f"docker://{registry.host}/{name}")
    document: dict[str, Any] = json.loads(raw)
    return document
