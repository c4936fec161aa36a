"""Fixtures of the cut-over tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.registry_pipelines.cutover.estate import PASSWORD, Estate, an_estate


@pytest.fixture
def estate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Estate]:
    """A company that moves from one registry to another."""
    monkeypatch.setenv("PULL_PASSWORD", PASSWORD)
    monkeypatch.setattr("resources.clusters.api.random.uniform", lambda *_: 0.0)  # nobody waits before a second try
    with an_estate(tmp_path) as made:
        yield made
