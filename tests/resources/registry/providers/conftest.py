"""Emulators, each held against its vendor's own document after the test that used it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.resources.registry.providers.ghcr_emulator import GhcrEmulator
from tests.resources.registry.providers.harbor_emulator import HarborEmulator


@pytest.fixture
def github(monkeypatch: pytest.MonkeyPatch) -> Iterator[GhcrEmulator]:
    monkeypatch.setenv("GITHUB_TOKEN", "ghp_reader_4711")
    monkeypatch.setenv("GITHUB_JANITOR", "ghp_janitor_4711")
    with GhcrEmulator() as emulator:
        yield emulator


@pytest.fixture
def harbor() -> Iterator[HarborEmulator]:
    with HarborEmulator() as emulator:
        yield emulator
