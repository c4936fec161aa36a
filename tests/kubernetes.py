"""Kubernetes objects for tests: those of the two real clusters of the quickstart, and small ones written here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

CLUSTERS = Path(__file__).parents[1] / "examples" / "quickstart" / "clusters"
OLD_HOST = "registry.example.com"
DIGEST = "sha256:" + "d" * 64


def real_objects(cluster: str) -> list[dict[str, Any]]:
    """Every object of `production` or `staging`, nodes among them."""
    found: list[dict[str, Any]] = []
    for path in sorted((CLUSTERS / cluster).glob("*.json")):
        found += json.loads(path.read_text())["items"]
    return found


def deployment(name: str, *images: str, namespace: str = "shop", **metadata: Any) -> dict[str, Any]:
    """A Deployment with a container for each image: `main`, `extra1`, …"""
    return workload("Deployment", name, *images, namespace=namespace, **metadata)


def workload(kind: str, name: str, *images: str, namespace: str = "shop", **metadata: Any) -> dict[str, Any]:
    """An object with `spec.template.spec`, as the API writes it."""
    spec = pod_spec(*images)
    template = {"metadata": {"labels": {"app": name}}, "spec": spec}
    body: dict[str, Any] = {"replicas": 2, "selector": {"matchLabels": {"app": name}}, "template": template}
    if kind == "CronJob":
        body = {"schedule": "0 4 * * *", "jobTemplate": {"spec": {"template": template}}}
    if kind == "Pod":
        body = spec
    group = {"CronJob": "batch/v1", "Job": "batch/v1", "Pod": "v1", "ReplicationController": "v1"}.get(kind, "apps/v1")
    return {
        "apiVersion": group,
        "kind": kind,
        "metadata": {
            "name": name,
            "namespace": namespace,
            "uid": f"uid-{namespace}-{kind}-{name}",
            "resourceVersion": "10",
            "generation": 1,
            **metadata,
        },
        "spec": body,
        "status": {},
    }


def pod_spec(*images: str, secrets: tuple[str, ...] | None = None) -> dict[str, Any]:
    containers = [
        {"name": "main" if position == 0 else f"extra{position}", "image": image}
        for position, image in enumerate(images)
    ]
    spec: dict[str, Any] = {"containers": containers}
    if secrets is not None:
        spec["imagePullSecrets"] = [{"name": name} for name in secrets]
    return spec


def owned_by(kind: str, name: str, uid: str) -> dict[str, Any]:
    """`metadata` of what a controller made."""
    return {"ownerReferences": [{"apiVersion": "x/v1", "kind": kind, "name": name, "uid": uid, "controller": True}]}
