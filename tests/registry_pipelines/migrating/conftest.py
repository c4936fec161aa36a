"""Moves between real registries."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from resources.embedded_registry import EmbeddedRegistry
from tests.registries import DockerRegistry
from tests.registry_pipelines.eviction.estate import build
from tests.registry_pipelines.migrating.move import Move
from tests.resources.registry.copying.weir import Weir


def a_move(root: Path, source: str, destination: str, opened: ExitStack) -> Move:
    def registry(kind: str, name: str) -> DockerRegistry | EmbeddedRegistry:
        if kind == "docker":
            return opened.enter_context(DockerRegistry(root / name))
        return opened.enter_context(EmbeddedRegistry(root / name, durable=False))

    old, new = registry(source, "old"), registry(destination, "new")
    return Move(build(root / "site", old.url, referrers_api=source != "docker"), new.url).configure()


@pytest.fixture(params=["docker to docker", "docker to embedded", "embedded to docker"])
def any_move(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Move]:
    """Between two `docker-registry` 2.8 (no referrers API, no mount across stores), and ours (with both)."""
    source, _, destination = str(request.param).partition(" to ")
    with ExitStack() as opened:
        yield a_move(tmp_path, source, destination, opened)


@pytest.fixture
def move(tmp_path: Path) -> Iterator[Move]:
    """From ours to a `docker-registry` 2.8."""
    with ExitStack() as opened:
        yield a_move(tmp_path, "embedded", "docker", opened)


@pytest.fixture
def weir(move: Move) -> Iterator[Weir]:
    """The destination of `move` behind a proxy that counts, and fails as told."""
    with Weir(move.destination.removeprefix("http://")) as proxy:
        move.destination = proxy.url
        move.configure()
        yield proxy


@pytest.fixture
def source_weir(move: Move) -> Iterator[Weir]:
    """The source of `move` behind such a proxy."""
    with Weir(move.estate.url.removeprefix("http://")) as proxy:
        move.source = proxy.url
        move.configure()
        yield proxy
