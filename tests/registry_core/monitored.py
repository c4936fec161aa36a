"""Small frames for the tests of monitoring, written shortly."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import pandas as pd

from registry_core.findings import FINDING_COLUMNS
from registry_core.inventory import INVENTORY_COLUMNS
from registry_core.monitoring_troubles import RegistryReport, Trouble, find_troubles
from registry_core.monitoring_uses import Ground, ground_of_environment
from registry_core.registry_directory import RegistryNames
from registry_core.usage import USAGE_COLUMNS

HOST = "registry.example.com"
NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
ENVIRONMENTS = {"main": "production", "stage": "staging", "nonprod": "testing"}


def digest(name: str) -> str:
    return f"sha256:{name.encode().hex():0>64}"


def use(reference: str, name: str = "web-1", *, cluster: str = "main", **fields: Any) -> dict[str, Any]:
    """A row of the inventory: a running pod of a Deployment, unless told otherwise."""
    host, _, path = reference.partition("/")
    repository, _, written = path.partition("@")
    repository, _, tag = repository.partition(":")
    row = dict.fromkeys(INVENTORY_COLUMNS) | {
        "cluster": cluster,
        "resource": "v1 pods",
        "namespace": "shop",
        "kind": "Pod",
        "name": name,
        "owner_kind": "Deployment",
        "owner_name": "web",
        "container": "app",
        "container_kind": "container",
        "path": ".spec.containers[0].image",
        "reference": reference,
        "registry": host,
        "repository": repository,
        "tag": tag or None,
        "digest": written or None,
        "state": "running",
        "node": "node1",
        "platform": "linux/amd64",
    }
    return row | fields


def failing(reference: str, name: str = "web-2", **fields: Any) -> dict[str, Any]:
    return use(reference, name, **{"state": "waiting", "reason": "ImagePullBackOff", **fields})


def inventory(*rows: dict[str, Any]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=list(INVENTORY_COLUMNS))


def finding(what: str, kind: str, repository: str, **fields: Any) -> dict[str, Any]:
    row = dict.fromkeys(FINDING_COLUMNS) | {"what": what, "kind": kind, "repository": repository}
    return row | {"severity": "error", "detail": kind, "used_by": "", "clusters": ""} | fields


def used(reference: str, image: str, *, cluster: str = "main", match: str = "tag") -> dict[str, Any]:
    repository = reference.partition("/")[2].partition("@")[0].partition(":")[0]
    return dict.fromkeys(USAGE_COLUMNS) | {
        "repository": repository, "digest": image, "match": match, "cluster": cluster, "reference": reference
    }  # fmt: skip


def report(findings: Iterable[dict[str, Any]] = (), usage: Iterable[dict[str, Any]] = ()) -> RegistryReport:
    return RegistryReport(
        RegistryNames.of_hosts("main", HOST),
        pd.DataFrame(list(findings), columns=list(FINDING_COLUMNS)),
        pd.DataFrame(list(usage), columns=list(USAGE_COLUMNS)),
    )


def ground_of(cluster: str, namespace: str) -> Ground:
    environment = ENVIRONMENTS.get(cluster, "unknown")
    return ground_of_environment(environment, "error" if environment == "production" else "warning")


def troubles(rows: Iterable[dict[str, Any]], *reports: RegistryReport) -> tuple[Trouble, ...]:
    return find_troubles(inventory(*rows), reports or (report(),), ground_of)
