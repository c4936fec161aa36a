"""A dump of a small cluster: what each Deployment runs, and nothing else, which is said to be all of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_NONE_OF = (
    "v1 pods",
    "apps/v1 statefulsets",
    "apps/v1 daemonsets",
    "apps/v1 replicasets",
    "batch/v1 jobs",
    "batch/v1 cronjobs",
)


def cluster_of(file: Path, deployments: Mapping[str, str]) -> dict[str, Any]:
    """The `clusters` entry of a cluster in which each Deployment, by its name, runs one image."""
    items = [
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": name, "namespace": "shop"},
            "spec": {"replicas": 1, "template": {"spec": {"containers": [{"name": name, "image": image}]}}},
        }
        for name, image in deployments.items()
    ]
    file.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))
    return {"dump": str(file), "may_be_missing": list(_NONE_OF)}
