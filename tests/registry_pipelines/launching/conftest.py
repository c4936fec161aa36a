"""An instance with the run coordinator that ships, and a workspace with the code location of a whole site."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from tests.company import a_company
from tests.registry_pipelines.launching.launches import Launches, an_instance, whole_site


@pytest.fixture(scope="session")
def site_of_everything(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The configuration of a site that has one of everything, so that every job is there."""
    with a_company(tmp_path_factory.mktemp("everything") / "company") as company:
        whole_site(company)
        yield company.site_file


@pytest.fixture
def signed_in(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    """An instance as `dagster.yaml` of docs/approval.md makes it."""
    with an_instance(tmp_path / "home") as instance:
        yield instance


@pytest.fixture
def launches(
    signed_in: dg.DagsterInstance, site_of_everything: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Launches]:
    """Launches jobs of the site as the web server and the daemon do."""
    monkeypatch.setenv("REGISTRY_PIPELINES_CONFIG", str(site_of_everything))
    with Launches.of_module(signed_in, "registry_pipelines.definitions") as made:
        yield made
