"""Fixtures of the storey that runs."""

from __future__ import annotations

from collections.abc import Iterator

import dagster as dg
import pytest

from tests.company import Company, a_company
from tests.registry_pipelines.planning import make_plan, with_policies


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    """A Dagster instance that is gone after the test."""
    with dg.DagsterInstance.ephemeral() as made:
        yield made


@pytest.fixture(scope="session")
def surveyed_plan(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    """A company whose plan waits; shared, so only to be refused."""
    with a_company(tmp_path_factory.mktemp("planned") / "company") as made:
        with_policies(made)
        with dg.DagsterInstance.ephemeral() as instance:
            make_plan(made, instance)
        yield made
