"""One client in a process of its own, so that its processor time and memory are its own; prints JSON.

`crawl` crawls twice, the second time remembering the first; `naive` is what scripts do: a `requests.get` for
each tag, one after the other.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from registry_core.catalog import RepositoryCrawled
from registry_core.media_types import MANIFEST_ACCEPT
from resources.configuration.registry_settings import RegistrySettings
from resources.registry import RegistryConnection
from resources.registry.crawling.crawl import Crawl
from resources.registry.crawling.memory import KnownManifest


class Memory:
    """What a database would remember, without the documents."""

    def __init__(self) -> None:
        self._tags: dict[str, dict[str, str]] = {}
        self._known: dict[str, KnownManifest] = {}
        self._asked: dict[str, dict[str, datetime]] = {}

    def keep(self, found: RepositoryCrawled) -> None:
        self._tags[found.repository] = {tag.tag: tag.digest for tag in found.tags if tag.digest}
        self._known.update({facts.digest: facts for facts in found.manifests})
        self._asked[found.repository] = {
            image.digest: image.referrers_read_at for image in found.images if image.referrers_read_at
        }

    def digests_of(self, repository: str) -> Mapping[str, str]:
        return self._tags.get(repository, {})

    def known(self, digests: Iterable[str]) -> Mapping[str, KnownManifest]:
        return {digest: self._known[digest] for digest in digests if digest in self._known}

    def referrers_read_at(self, repository: str) -> Mapping[str, datetime]:
        return self._asked.get(repository, {})

    def referrers_of(self, repository: str) -> Mapping[str, Collection[str]]:
        return {}


def crawl(address: str, *, connections: int, again: bool) -> list[dict[str, Any]]:
    """Crawl once or twice; what each cost."""
    settings = RegistrySettings(url=address, connections=connections, timeout=timedelta(seconds=60))
    connection = RegistryConnection("benchmark", settings)
    memory = Memory()
    told = []
    for _ in range(2 if again else 1):
        began, cpu, sent = time.perf_counter(), time.process_time(), connection.sent
        crawl = Crawl(connection, datetime(2026, 1, 1, tzinfo=UTC), remembered=memory)
        for repository in crawl:
            if again:
                memory.keep(repository)
        if not crawl.coverage.complete:
            raise SystemExit(crawl.coverage.summary())
        told.append(_told(began, cpu, crawl.coverage.found["tags"], connection.sent - sent))
        told[-1]["manifests"] = crawl.coverage.found["manifests read"]
    return told


def naive(address: str, *, most: int) -> list[dict[str, Any]]:
    """What the field's scripts do, for as many tags as there is patience for."""
    import requests  # only this one needs it

    began, cpu = time.perf_counter(), time.process_time()
    tags = 0
    for repository in requests.get(f"{address}/v2/_catalog?n=1000", timeout=30).json()["repositories"]:
        for tag in requests.get(f"{address}/v2/{repository}/tags/list", timeout=30).json()["tags"]:
            url = f"{address}/v2/{repository}/manifests/{tag}"
            requests.get(url, headers={"Accept": MANIFEST_ACCEPT}, timeout=30).raise_for_status()
            tags += 1
            if tags >= most:
                return [_told(began, cpu, tags, tags)]
    return [_told(began, cpu, tags, tags)]


def _told(began: float, cpu: float, tags: int, sent: int) -> dict[str, Any]:
    return {
        "seconds": time.perf_counter() - began,
        "cpu_seconds": time.process_time() - cpu,
        "tags": tags,
        "requests": sent,
        "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("client", choices=["crawl", "naive"])
    parser.add_argument("address")
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--once", action="store_true")
    parser.add_argument("--most", type=int, default=3000)
    given = parser.parse_args()
    if given.client == "crawl":
        told = crawl(given.address, connections=given.connections, again=not given.once)
    else:
        told = naive(given.address, most=given.most)
    print(json.dumps(told))


if __name__ == "__main__":
    main()
