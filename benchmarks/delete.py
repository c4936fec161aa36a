"""How fast plans are carried out, with all checks on, against what docker-registry itself can delete.

    python -m benchmarks.delete [--repositories 20] [--tags 100]

The same images are deleted twice, each time from a fresh copy of the storage: by bare DELETE requests in the same
order (one repository after the other at each of N hands), and by carrying out an approved plan: inventory, last look
at every tag, journal with manifests, deletion, reading back, health. Both are told as images a second. Client and
server share the processors.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import resource
import shutil
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from queue import Empty, SimpleQueue
from urllib.parse import urlsplit

from assets.taking.catalog import take_catalog
from assets.taking.inventory import take_inventory
from assets.taking.plan import take_plan
from benchmarks import registry_storage
from benchmarks.content import build
from registry_core.approval import Approval, ApprovalRules
from registry_core.eviction import Plan
from registry_pipelines.eviction.execution import Run, execute_plan
from resources.configuration.load import load_site
from resources.connections import Connections

_HOST = "registry.example.com"
_ABSENT = ["apps/v1 deployments", "apps/v1 replicasets", "apps/v1 statefulsets", "apps/v1 daemonsets",
           "batch/v1 jobs", "batch/v1 cronjobs"]  # fmt: skip


def configure(folder: Path, url: str, used: str) -> Path:
    """A site with one registry and one cluster, of which one pod uses `used`."""
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "web", "namespace": "shop", "uid": "1"},
        "spec": {"containers": [{"name": "c", "image": f"{_HOST}/{used}"}]},
        "status": {"phase": "Running"},
    }
    (folder / "workloads.json").write_text(json.dumps({"kind": "List", "apiVersion": "v1", "items": [pod]}))
    site = {
        "registries": {"main": {"url": url, "hosts": [_HOST]}},
        "clusters": {"production": {"dump": str(folder / "workloads.json"), "may_be_missing": [*_ABSENT, "v1 nodes"]}},
        "limits": {"min_images_in_use": 1, "max_evicted_share": 1.0, "max_evicted_images": 10_000_000},
        "policies": [{"repositories": ["**"], "keep_last": 3, "untagged": {"keep": False}}],
    }
    path = folder / "registry_pipelines.yaml"
    path.write_text(json.dumps(site))
    return path


def approved_plan(connections: Connections) -> Plan:
    take_inventory(connections, "production")
    take_catalog(connections, "main")
    made = take_plan(connections, "main")
    if made.problems:
        raise SystemExit(f"no plan: {made.problems}")
    now = datetime.now(UTC)
    connections.ledger.file_decision(
        Approval(
            fingerprint=made.plan.fingerprint, decision="approve", who="benchmark", at=now, reason="measure",
            count=made.plan.images, expires_at=now + timedelta(hours=1),
        ),
        ApprovalRules(),
    )  # fmt: skip
    return made.plan


def delete_barely(url: str, plan: Plan, hands: int) -> float:
    """Seconds for the bare DELETE requests of a plan; each hand takes one repository after the other."""
    waiting: SimpleQueue[list[tuple[str, str]]] = SimpleQueue()
    by_repository: dict[str, list[tuple[str, str]]] = {}
    for entry in plan.entries:
        by_repository.setdefault(entry.repository, []).append(entry.image)
    for images in by_repository.values():
        waiting.put(images)

    def delete() -> None:
        connection = http.client.HTTPConnection(urlsplit(url).netloc)
        with suppress(Empty):
            while True:
                for repository, digest in waiting.get_nowait():
                    connection.request("DELETE", f"/v2/{repository}/manifests/{digest}")
                    answer = connection.getresponse()
                    answer.read()
                    if answer.status != 202:
                        raise SystemExit(f"DELETE of {repository}@{digest} was answered {answer.status}")

    threads: Sequence[threading.Thread] = [threading.Thread(target=delete) for _ in range(hands)]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.monotonic() - began


def measure(repositories: int, tags: int, hands: int) -> None:
    os.environ["REGISTRY_STORAGE_DELETE_ENABLED"] = "true"
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        content = build(tags=repositories * tags, repositories=repositories)
        registry_storage.write_storage(content, root / "storage")
        shutil.copytree(root / "storage", root / "copy")
        name = next(iter(content.tags))
        used = f"{name}:{next(iter(content.tags[name]))}"
        with (
            registry_storage.running(root / "storage") as url,
            Connections(load_site(configure(root, url, used))) as connections,
        ):
            plan = approved_plan(connections)
            looked = _child_seconds_so_far()
            began, busy = time.monotonic(), time.process_time()
            done = execute_plan(connections, plan.fingerprint, Run("benchmark", ApprovalRules(), lambda _: False))
            ours, busy = time.monotonic() - began, time.process_time() - busy
            served = _child_seconds_so_far() - looked
        if done.counts["deleted"] != len(plan.entries):
            raise SystemExit(f"not all was deleted: {done.counts}")
        spent = _children_seconds()
        with registry_storage.running(root / "copy") as url:
            bare = delete_barely(url, plan, hands)
        server_bare = _children_seconds() - spent
    count = len(plan.entries)
    print(
        f"{repositories} repositories of {tags} tags, {count:,} images: bare DELETE {count / bare:,.0f}/s"
        f" ({1000 * bare / count:.1f} ms each, {hands} hands), with all checks {count / ours:,.0f}/s,"
        f" ratio {bare / ours:.2f}; processor ms an image: bare {1000 * server_bare / count:.1f} (server), with checks"
        f" {1000 * served / count:.1f} (server) + {1000 * busy / count:.1f} (us)"
    )


def _children_seconds() -> float:
    """Processor time of the registries that ended so far."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _child_seconds_so_far() -> float:
    """Processor time so far of the one registry that runs."""
    (child,) = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split()
    fields = Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repositories", type=int, default=20)
    parser.add_argument("--tags", type=int, default=100, help="of each repository")
    parser.add_argument("--hands", type=int, default=16, help="connections of the bare deletion; ours are 16")
    given = parser.parse_args()
    measure(given.repositories, given.tags, given.hands)


if __name__ == "__main__":
    main()
