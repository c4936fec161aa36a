"""Inventories in flat memory, and usage joined fast.

    python -m benchmarks.survey

Reads a generated dump of pods (2,000, then 50,000) in a process each, so that the peaks of memory can be compared;
joins 50,000 references with 400,000 tags, beside the same join as a loop over dictionaries in the same process.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from registry_core.catalog import CHILD_COLUMNS, IMAGE_COLUMNS, TAG_COLUMNS, CatalogFrames
from registry_core.inventory import INVENTORY_COLUMNS
from registry_core.registry_directory import RegistryNames
from registry_core.usage import join_usage
from resources.clusters.dump import DumpedCluster
from resources.clusters.source import RowsRead
from resources.clusters.wanted import Wanted
from resources.configuration.settings import ClusterSettings

NOW = datetime(2026, 4, 1, tzinfo=UTC)
FEW_PODS, MANY_PODS = 2_000, 50_000
TAGS, REPOSITORIES, REFERENCES = 400_000, 10_000, 50_000


def main() -> None:
    rows = [(f"inventory of {pods:,} pods", *_in_own_process(pods)) for pods in (FEW_PODS, MANY_PODS)]
    print(f"{'what':34}{'seconds':>10}{'peak MB':>10}")
    for what, seconds, peak_bytes in rows:
        print(f"{what:34}{seconds:>10.1f}{peak_bytes / 1e6:>10.0f}")
    print(f"memory of {MANY_PODS:,} over {FEW_PODS:,} pods: {rows[1][2] / rows[0][2]:.2f}\n")

    inventory, catalog = _inventory(), _catalog()
    joined, took = _timed(
        lambda: join_usage(
            inventory,
            catalog,
            names=RegistryNames.of_hosts("r", "r"),
            environment_of=lambda cluster, namespace: "production",
        )
    )
    found, naive = _timed(lambda: _loop(inventory, catalog))
    assert found == joined.images_in_use, (found, joined.images_in_use)
    print(f"usage of {TAGS:,} tags x {REFERENCES:,} references: {took:.2f} s, {joined.images_in_use:,} images in use")
    print(f"a loop over dictionaries that only counts those: {naive:.2f} s, ratio {took / naive:.1f}")


def _timed(work: Any) -> tuple[Any, float]:
    began = time.perf_counter()
    return work(), time.perf_counter() - began


def _in_own_process(pods: int) -> tuple[float, int]:
    with tempfile.TemporaryDirectory() as folder:
        _write_dump(Path(folder) / "pods.json", pods)
        command = [sys.executable, "-m", "benchmarks.survey", folder]
        told = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    assert told["rows"] == 2 * pods, told
    return told["seconds"], told["peak_bytes"]


def _read(folder: Path) -> None:
    source = DumpedCluster("c", folder, Wanted.of("c", ClusterSettings(dump=str(folder))))
    count, seconds = _timed(lambda: sum(len(event.rows) for event in source.read() if isinstance(event, RowsRead)))
    peak_bytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"rows": count, "seconds": seconds, "peak_bytes": peak_bytes}))


def _write_dump(path: Path, pods: int) -> None:
    with path.open("w") as file:
        file.write('{"apiVersion": "v1", "kind": "List", "items": [')
        for number, pod in enumerate(_pods(pods)):
            file.write(("," if number else "") + json.dumps(pod))
        file.write("]}")


def _pods(count: int) -> Iterator[dict[str, Any]]:
    for number in range(count):
        image = f"registry.example.com/team-{number % 50}/app-{number % 900}:v{number % 7}"
        containers = [{"name": name, "image": image} for name in ("app", "proxy")]
        statuses = [
            {"name": name, "image": image, "imageID": f"{image.rpartition(':')[0]}@sha256:{number:064x}",
             "state": {"running": {"startedAt": "2026-04-01T00:00:00Z"}}}
            for name in ("app", "proxy")
        ]  # fmt: skip
        yield {
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": f"pod-{number}", "namespace": f"team-{number % 50}", "uid": str(number),
                         "annotations": {"note": "x" * 2_000}},
            "spec": {"nodeName": "node", "containers": containers},
            "status": {"phase": "Running", "containerStatuses": statuses},
        }  # fmt: skip


def _catalog() -> CatalogFrames:
    number = np.arange(TAGS)
    digests = np.array([f"sha256:{n:064x}" for n in number], dtype=object)
    repositories = np.array([f"team/app-{n % REPOSITORIES}" for n in number], dtype=object)
    tags = pd.DataFrame(
        {"repository": repositories, "tag": [f"v{n // REPOSITORIES}" for n in number], "digest": digests},
        columns=list(TAG_COLUMNS),
    )
    images = pd.DataFrame({"repository": repositories, "digest": digests}, columns=list(IMAGE_COLUMNS))
    return CatalogFrames("r", tags, images, pd.DataFrame(columns=list(CHILD_COLUMNS)))


def _inventory() -> pd.DataFrame:
    picked = np.random.default_rng(1).integers(0, TAGS, REFERENCES)
    rows = pd.DataFrame(
        {
            "cluster": "c", "kind": "Pod", "owner_kind": "Deployment", "container": "app",
            "container_kind": "container", "registry": "r", "state": "running",
            "namespace": [f"team-{n % 50}" for n in picked],
            "owner_name": [f"app-{n // 3}" for n in range(REFERENCES)],
            "repository": [f"team/app-{n % REPOSITORIES}" for n in picked],
            "tag": [f"v{n // REPOSITORIES}" for n in picked],
            "status_digest": [f"sha256:{n:064x}" for n in picked],
            "first_seen_at": NOW, "last_seen_at": NOW,
        },
        columns=list(INVENTORY_COLUMNS),
    )  # fmt: skip
    rows["reference"] = "r/" + rows["repository"] + ":" + rows["tag"]
    return rows


def _loop(inventory: pd.DataFrame, catalog: CatalogFrames) -> int:
    tags = catalog.tags
    by_name = dict(zip(zip(tags["repository"], tags["tag"], strict=True), tags["digest"], strict=True))
    names = zip(inventory["repository"], inventory["tag"], strict=True)
    return len({(name[0], by_name[name]) for name in names if name in by_name})


if __name__ == "__main__":
    _read(Path(sys.argv[1])) if len(sys.argv) > 1 else main()
