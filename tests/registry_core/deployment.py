"""Clusters in a few lines, and the report over them and a small registry."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from registry_core.coverage import Gap
from registry_core.deployed_versions import CatalogSeen, Product, VersionsReport, Wish
from registry_core.deployed_versions_report import Clusters, compare_versions
from registry_core.globs import compile_globs
from registry_core.inventory import INVENTORY_COLUMNS
from registry_core.products import Choice, ProductNames
from registry_core.registry_directory import RegistryDirectory
from tests.registry_core.small_registry import AS_OF, SmallRegistry, digest

ENVIRONMENTS = {"prod": "production", "prod-2": "production", "stage": "staging", "lab": "testing"}


def pod(cluster: str, reference: str, *, runs: str | None = None, **fields: Any) -> dict[str, Any]:
    """A running pod; `runs` is the name of the image that the runtime reports. Without a host: `example`."""
    host, _, path = reference.rpartition("//")
    name, _, written = path.partition("@")
    repository, _, tag = name.partition(":")
    return {
        "cluster": cluster, "resource": "v1 pods", "namespace": "shop", "kind": "Pod", "name": "web-1",
        "owner_kind": "Deployment", "owner_name": "web", "container": "app", "container_kind": "container",
        "path": ".spec.containers[0].image", "reference": reference, "registry": host or "example",
        "repository": repository, "tag": tag or None, "digest": digest(written) if written else None,
        "status_digest": digest(runs) if runs else None, "state": "running", "platform": "linux/amd64",
        "first_seen_at": AS_OF, "last_seen_at": AS_OF, **fields,
    }  # fmt: skip


def template(cluster: str, reference: str, kind: str = "Deployment", **fields: Any) -> dict[str, Any]:
    """What a workload would start."""
    own = {"kind": kind, "owner_kind": kind, "name": "web", "owner_name": "web", "state": "template", "platform": None}
    return pod(cluster, reference, **{**own, **fields})


def seen(registry: SmallRegistry, *gaps: Gap, **fields: Any) -> CatalogSeen:
    unread = {gap.place: gap for gap in gaps}
    frames = registry.catalog()
    answered = frozenset() if "*" in unread else frozenset([*frames.tags["repository"], *frames.images["repository"]])
    fields = {"answered": answered - unread.keys(), **fields}
    return CatalogSeen(registry.name, (registry.name,), AS_OF, frames, unread=unread, **fields)


def report(
    rows: list[dict[str, Any]],
    *catalogs: CatalogSeen,
    rules: Mapping[str, str] | None = None,
    choice: Choice | None = None,
    wish: Wish | None = None,
    unread: tuple[str, ...] = (),
    namespaces: Mapping[str, str] | None = None,
) -> VersionsReport:
    """The whole report. `namespaces` are environments of single namespaces."""
    clusters = Clusters(
        inventory=typed(pd.DataFrame(rows, columns=list(INVENTORY_COLUMNS))),
        environments=ENVIRONMENTS,
        environment_of=lambda cluster, namespace: (namespaces or {}).get(namespace, ENVIRONMENTS[cluster]),
        as_of=AS_OF,
        unread=unread,
    )
    names = ProductNames(
        RegistryDirectory({one.registry: one.hosts for one in catalogs}), rules or {}, choice or Choice()
    )
    return compare_versions(clusters, catalogs, names, wish)


def product(found: VersionsReport, name: str = "web") -> Product:
    return next(one for one in found.products if one.name == name)


def looks(found: VersionsReport, name: str = "web") -> dict[str, str]:
    """Text by kind, of one product."""
    return {look.kind: look.text for look in product(found, name).looks}


def leaves_out(*globs: str) -> dict[str, Any]:
    return {"include": compile_globs(["**"]), "exclude": compile_globs(globs)}


def typed(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with times as the history gives them."""
    for name in ("first_seen_at", "last_seen_at", "since"):
        frame[name] = pd.to_datetime(frame[name], utc=True).astype("datetime64[us, UTC]")
    return frame
