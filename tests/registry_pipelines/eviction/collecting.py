"""Registries that can be told to collect: docker-registry in a pod that is this machine, and Harbor."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from assets.taking.collection import take_collection_plan
from registry_core.approval import Approval
from registry_core.collection import CollectionPlan
from registry_pipelines.eviction.collection import CollectionRun, execute_collection
from resources.connections import Connections
from resources.database.collection_journal import CollectionRecord
from tests.registries import DockerRegistry
from tests.registry_pipelines.eviction.estate import ABSENT, REGISTRY, RULES, Estate
from tests.resources.clusters.test_pod_commands import Frames, api_server

READ_ONLY = {"maintenance": {"uploadpurging": {"enabled": False}, "readonly": {"enabled": True}}}

_STDOUT, _STDERR, _ERROR = 1, 2, 3


@contextmanager
def a_pod() -> Iterator[str]:
    """The address of an API server whose one pod runs commands here."""

    def run(command: list[str]) -> Frames:
        done = subprocess.run(command, capture_output=True, check=False)
        status: dict[str, Any] = {"status": "Success"}
        if done.returncode:
            cause = {"reason": "ExitCode", "message": str(done.returncode)}
            status = {"status": "Failure", "reason": "NonZeroExitCode", "details": {"causes": [cause]}}
        written = [(_STDOUT, done.stdout[-4000:]), (_STDERR, done.stderr[-4000:])]
        return [*written, (_ERROR, json.dumps(status).encode())]

    with api_server(run) as (url, _asked):
        yield url


def configure(estate: Estate, registry: DockerRegistry, pod: str, **changes: Any) -> None:
    """The registry, and the cluster `platform` in whose pod it is collected."""
    estate.url = registry.url
    estate.settings = {
        "collection": {
            "cluster": "platform",
            "namespace": "registry",
            "command": ["docker-registry", "garbage-collect", str(registry.configuration)],
            "storage": str(registry.storage),
            **changes,
        }
    }
    dump = {"dump": str(estate.root / "cluster"), "may_be_missing": ABSENT}
    there = {"server": pod, "token": {"env": "PLATFORM_TOKEN"}, "required": False}
    estate.configure(clusters={"production": dump, "platform": there})


def plan_collection(estate: Estate) -> CollectionPlan:
    with estate.connections() as connections:
        return take_collection_plan(connections, REGISTRY).plan


def approve_collection(connections: Connections, plan: CollectionPlan, **changes: Any) -> None:
    now = datetime.now(UTC)
    values = {
        "fingerprint": plan.fingerprint, "decision": "approve", "who": "Ada", "at": now, "reason": "space",
        "count": plan.images, "expires_at": now + timedelta(hours=24),
    }  # fmt: skip
    connections.ledger.file_decision(Approval(**{**values, **changes}), RULES)


def approved_collection(estate: Estate) -> CollectionPlan:
    plan = plan_collection(estate)
    with estate.connections() as connections:
        approve_collection(connections, plan)
    return plan


def run_collection(estate: Estate, plan: CollectionPlan, run_id: str = "run c") -> CollectionRecord:
    with estate.connections() as connections:
        return execute_collection(connections, plan.fingerprint, CollectionRun(run_id, RULES, lambda _: False))
