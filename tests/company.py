"""The sample company of the quickstart as a site: its registry served, its two clusters as dumps."""

from __future__ import annotations

import json
import shutil
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from assets.taking.catalog import take_catalog
from assets.taking.inventory import take_inventory
from registry_pipelines.config import load
from resources.configuration.load import LoadedSite
from resources.connections import Connections
from resources.embedded_registry import EmbeddedRegistry

SAMPLE = Path(__file__).resolve().parents[1] / "examples" / "quickstart"
REGISTRY = "registry.example.com"


@dataclass
class Company:
    """A site whose registry answers. `settings` of the registry may be changed with `configure`."""

    root: Path
    registry: EmbeddedRegistry
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def site_file(self) -> Path:
        return self.root / "registry_pipelines.yaml"

    @property
    def loaded(self) -> LoadedSite:
        return load(self.site_file)

    @property
    def breakages(self) -> list[dict[str, str]]:
        found: list[dict[str, str]] = json.loads((SAMPLE / "breakages.json").read_text())
        return found

    def configure(self, *, url: str | None = None, **sections: Any) -> None:
        """Write the site's file; sections beside clusters and registries come as they are."""
        site = {
            "registries": {
                REGISTRY: {"url": url or self.registry.url, "hosts": [REGISTRY], "retries": 0, **self.extra},
            },
            "clusters": {
                name: {"dump": str(self.root / "clusters" / name), "environment": name}
                for name in ("production", "staging")
            },
            "limits": {"min_images_in_use": 5},
            **sections,
        }
        self.site_file.write_text(json.dumps(site))  # JSON is YAML

    @contextmanager
    def connections(self) -> Iterator[Connections]:
        with Connections(self.loaded) as connections:
            yield connections

    def survey(self) -> None:
        """Take both inventories and the catalog."""
        with self.connections() as connections:
            for cluster in connections.site.clusters:
                take_inventory(connections, cluster)
            take_catalog(connections, REGISTRY)


@contextmanager
def a_company(root: Path) -> Iterator[Company]:
    """A company of one's own, to be broken as one likes."""
    layout = root / "registry"
    layout.mkdir(parents=True)
    with tarfile.open(SAMPLE / f"{REGISTRY}.tar.gz") as archive:
        archive.extractall(layout, filter="data")
    shutil.copytree(SAMPLE / "clusters", root / "clusters", copy_function=shutil.copyfile)  # dumps of just now
    with EmbeddedRegistry(layout, durable=False) as registry:
        company = Company(root, registry)
        company.configure()
        yield company


@pytest.fixture
def company(tmp_path: Path) -> Iterator[Company]:
    """A company that nothing was read of yet."""
    with a_company(tmp_path / "company") as made:
        yield made


@pytest.fixture(scope="session")
def surveyed_company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    """A company whose evidence was taken once; shared, so only to be read."""
    with a_company(tmp_path_factory.mktemp("surveyed") / "company") as made:
        made.survey()
        yield made
