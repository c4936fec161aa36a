"""Fixtures of the registry tests."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from resources.configuration.registry_settings import RegistrySettings
from resources.registry import Credential, RegistryClient, RegistryConnection
from tests.resources.registry.faulty_registry import FaultyRegistry


@pytest.fixture
def faulty() -> Iterator[FaultyRegistry]:
    """A registry that misbehaves as scripted."""
    with FaultyRegistry() as registry:
        yield registry


@pytest.fixture
def elsewhere() -> Iterator[FaultyRegistry]:
    """Another host: a token server, a blob store, somebody who wants our password."""
    with FaultyRegistry() as registry:
        yield registry


def connection_to(url: str, credential: Credential | None = None, **settings: Any) -> RegistryConnection:
    """A connection that does not wait long."""
    settings = {"retries": 1, "timeout": timedelta(seconds=5), "patience": timedelta(seconds=10), **settings}
    return RegistryConnection("test", RegistrySettings(url=url, **settings), lambda: credential)


def client_of(url: str, credential: Credential | None = None, **settings: Any) -> RegistryClient:
    return RegistryClient(connection_to(url, credential, **settings))
