"""An estate in each of the two registries."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from resources.embedded_registry import EmbeddedRegistry
from tests.registries import DockerRegistry
from tests.registry_pipelines.eviction.estate import Estate, build


@pytest.fixture(params=["docker-registry", "embedded"])
def estate(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Estate]:
    """The estate in docker-registry 2.8 (no referrers API), then in ours (with it)."""
    if request.param == "embedded":
        with EmbeddedRegistry(tmp_path / "registry", durable=False) as registry:
            yield build(tmp_path / "site", registry.url, referrers_api=True)
    else:
        with DockerRegistry(tmp_path / "registry") as registry:
            yield build(tmp_path / "site", registry.url)


@pytest.fixture
def embedded_estate(tmp_path: Path) -> Iterator[Estate]:
    """The estate in our registry: the quick one, where it does not matter which."""
    with EmbeddedRegistry(tmp_path / "registry", durable=False) as registry:
        yield build(tmp_path / "site", registry.url, referrers_api=True)


@pytest.fixture
def docker_estate(tmp_path: Path) -> Iterator[Estate]:
    """The estate in docker-registry 2.8."""
    with DockerRegistry(tmp_path / "registry") as registry:
        yield build(tmp_path / "site", registry.url)
