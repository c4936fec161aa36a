"""A company that moves: its old registry, a new one with all of it, and its two clusters on servers that can change."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from registry_core.cutover import CutoverPlan
from registry_pipelines.config import load
from resources.configuration.load import LoadedSite
from resources.connections import Connections
from resources.database.ledger_records import PlanRecord
from resources.embedded_registry import EmbeddedRegistry
from tests.company import a_company
from tests.kubernetes import OLD_HOST, real_objects
from tests.resources.clusters.api_server import TOKEN
from tests.resources.clusters.changing_server import ChangingCluster, ChangingServer

OLD = "old"
NEW = "new"
NEW_HOST = "new.example.com"
MOVE: dict[str, Any] = {
    "clusters": ["production", "staging"], "from": OLD, "to": NEW, "pin": "digest", "look_every": "1s",
    "pull_secret": {"name": "new-pull", "credentials": {"username": "robot", "password": {"env": "PULL_PASSWORD"}}},
}  # fmt: skip
PASSWORD = "hunter2-of-the-pull-robot"


@dataclass
class Estate:
    root: Path
    old: EmbeddedRegistry
    new: EmbeddedRegistry
    servers: dict[str, ChangingServer]
    sections: dict[str, Any] = field(default_factory=dict)

    @property
    def site_file(self) -> Path:
        return self.root / "site.yaml"

    @property
    def loaded(self) -> LoadedSite:
        return load(self.site_file)

    def cluster(self, name: str = "production") -> ChangingCluster:
        return self.servers[name].cluster

    def configure(self, *, move: dict[str, Any] | None = None, **sections: Any) -> None:
        """Write the site's file; `move` is laid over the one cut-over."""
        token = self.root / "token"
        token.write_text(TOKEN)
        site = {
            "registries": {
                OLD: {"url": self.old.url, "hosts": [OLD_HOST], "retries": 0},
                NEW: {"url": self.new.url, "hosts": [NEW_HOST], "retries": 0},
            },
            "clusters": {
                name: {"server": server.url, "token": {"file": str(token)}} for name, server in self.servers.items()
            },
            "limits": {"min_images_in_use": 5},
            "cutovers": {"move": {**MOVE, **(move or {})}},
            **self.sections,
            **sections,
        }
        self.site_file.write_text(json.dumps(site))

    @contextmanager
    def connections(self) -> Iterator[Connections]:
        with Connections(self.loaded) as connections:
            yield connections

    def newest(self) -> PlanRecord:
        with self.connections() as connections:
            return connections.history.ledger.plans("move", kind="cutover", limit=1)[0]

    def newest_plan(self) -> CutoverPlan:
        with self.connections() as connections:
            ledger = connections.history.ledger
            records = ledger.plans("move", kind="cutover", limit=1)
            return ledger.plan(records[0].fingerprint, CutoverPlan).plan


@contextmanager
def an_estate(root: Path) -> Iterator[Estate]:
    """Everything is served; the plan of the cut-over `move` can be made."""
    with a_company(root / "company") as company, ExitStack() as opened:
        copied = root / "new-registry"
        shutil.copytree(company.root / "registry", copied)
        new = opened.enter_context(EmbeddedRegistry(copied, durable=False))
        servers: dict[str, ChangingServer] = {}
        for name in ("production", "staging"):
            cluster = ChangingCluster()
            cluster.add_all(real_objects(name))
            servers[name] = opened.enter_context(ChangingServer(cluster))
        estate = Estate(root, company.registry, new, servers)
        estate.configure()
        yield estate
