"""A site over the lying registry: plans are made from real evidence, approved and carried out."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from assets.taking.catalog import take_catalog
from assets.taking.inventory import take_inventory
from assets.taking.plan import take_plan
from assets.taking.progress import Progress
from registry_core.eviction import Plan
from registry_pipelines.eviction.execution import execute_plan
from resources.configuration.load import LoadedSite
from resources.configuration.settings import Site
from resources.connections import Connections
from resources.database.history import History
from resources.database.ledger_records import JournalLine
from tests.registry_pipelines.eviction.estate import ABSENT, a_run, approve
from tests.registry_pipelines.eviction.lying.registry import LyingRegistry
from tests.registry_pipelines.eviction.lying.truth import Use

HOST = "registry.example.com"
REGISTRY, CLUSTER = "main", "production"


class LyingSite:
    """One database for many worlds, emptied before each; `policies` may change between plan and execution."""

    def __init__(self, folder: Path, registry: LyingRegistry) -> None:
        self.registry = registry
        self._folder = folder
        self._dump = folder / "cluster" / "workloads.json"
        self._dump.parent.mkdir(parents=True, exist_ok=True)
        self.history = History.open(f"sqlite:///{folder}/history.sqlite")
        self.history.migrate()
        with self._writing() as connection:
            names = connection.execute(sa.text("SELECT name FROM sqlite_master WHERE type = 'table'")).scalars()
            self._tables = [name for name in names if not name.startswith(("sqlite_", "alembic"))]

    def begin(self) -> None:
        """Forget every world before."""
        with self._writing() as connection:
            connection.execute(sa.text("PRAGMA defer_foreign_keys = ON"))
            for table in self._tables:
                connection.execute(sa.text(f"DELETE FROM {table}"))  # names of our own tables

    @contextmanager
    def connections(
        self, policies: list[dict[str, Any]], *, max_inventory_age: str, wave_size: int, at_once: int
    ) -> Iterator[Connections]:
        site = Site.model_validate(
            {
                "registries": {
                    REGISTRY: {
                        "url": f"http://{self.registry.host}",
                        "hosts": [HOST],
                        "retries": 0,
                        "patience": "1s",
                        "connections": at_once,
                    }
                },
                "clusters": {CLUSTER: {"dump": str(self._dump.parent), "may_be_missing": ABSENT}},
                "limits": {"min_images_in_use": 1, "max_evicted_share": 1.0, "max_inventory_age": max_inventory_age},
                "policies": policies,
                "eviction": {"check_health_between_waves": False, "wave_size": wave_size},
            },
            context={"folder": self._folder},
        )
        connections = Connections(LoadedSite(self._folder / "registry_pipelines.yaml", site))
        connections.__dict__["history"] = self.history  # one database: its statements are compiled once
        try:
            yield connections
        finally:
            del connections.__dict__["history"]
            connections.close()

    def plan(self, connections: Connections) -> Plan:
        take_inventory(connections, CLUSTER)
        take_catalog(connections, REGISTRY)
        made = take_plan(connections, REGISTRY)
        assert not made.problems, made.problems
        return made.plan

    def approve(self, connections: Connections, plan: Plan) -> None:
        approve(connections, plan)

    def execute(self, connections: Connections, plan: Plan, run_id: str, progress: Progress) -> None:
        run = a_run(run_id, clock=self.registry.truth.now)
        execute_plan(connections, plan.fingerprint, run, progress=progress)

    def journal(self, plan: Plan) -> list[JournalLine]:
        return self.history.ledger.lines(plan.fingerprint)

    def inventories(self) -> list[Any]:
        """When each inventory was taken, the newest first."""
        return [one.as_of for one in self.history.snapshots("inventory", CLUSTER, limit=1000)]

    # The cluster

    def write_cluster(self) -> None:
        """The dump as it would be now."""
        truth = self.registry.truth
        items = [_node(), *(_workload(number, use) for number, use in enumerate(truth.uses))]
        self._dump.write_text(json.dumps({"kind": "List", "apiVersion": "v1", "items": items}))
        self.touch_cluster()

    def touch_cluster(self) -> None:
        """A dump that is written again and again is as new as the last time."""
        at = int(self.registry.truth.now().timestamp() * 1_000_000) * 1000
        os.utime(self._dump, ns=(at, at))

    @contextmanager
    def _writing(self) -> Iterator[sa.Connection]:
        with self.history._given.writing("empty the tables") as connection:
            yield connection


def _workload(number: int, use: Use) -> dict[str, Any]:
    pod: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": f"web-{number}", "namespace": "shop", "uid": f"{number}"},
        "spec": {"containers": [{"name": "web", "image": use.reference}], "nodeName": "node-1"},
        "status": {"phase": "Running"},
    }
    if use.tag is not None and use.digest is not None:  # the runtime says which digest the tag was
        state = {"running": {"startedAt": "2026-01-01T00:00:00Z"}}
        image_id = f"{use.reference.rpartition(':')[0]}@{use.digest}"
        pod["status"]["containerStatuses"] = [
            {"name": "web", "image": use.reference, "imageID": image_id, "state": state}
        ]
    return pod


def _node() -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": "node-1"},
        "status": {"nodeInfo": {"operatingSystem": "linux", "architecture": "amd64"}},
    }
