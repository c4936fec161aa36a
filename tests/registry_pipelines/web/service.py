"""A site with a history of its own, and the web service over it on a real socket."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import requests
from starlette.routing import Route

from registry_core.catalog import ImageSeen, ManifestFacts, RepositoryCrawled, TagSeen
from registry_core.coverage import Coverage, Gap
from registry_core.findings import FINDING_COLUMNS
from registry_core.inventory import ImageUse
from registry_core.usage import USAGE_COLUMNS
from registry_pipelines.web.app import make_app
from registry_pipelines.web.desk import Desk
from registry_pipelines.web.server import listen, make_server
from registry_pipelines.web.standing import Reader
from resources.configuration.load import LoadedSite, load_site
from resources.connections import Connections
from resources.database.derived import Derivation
from resources.database.history import History

HOST = "registry.example.com"

SITE = """
clusters:
  main: {dump: dumps/main, environment: production, namespaces: {staging-*: staging}}
  nonprod: {dump: dumps/nonprod, environment: testing}
registries:
  registry.example.com: {url: "http://127.0.0.1:9", hosts: [registry.example.com]}
"""


def digest(name: str) -> str:
    return f"sha256:{name.encode().hex():0>64}"


def pod(reference: str, name: str = "web-1", *, cluster: str = "main", **fields: Any) -> ImageUse:
    """A running pod."""
    host, _, path = reference.partition("/")
    repository, _, tag = path.partition(":")
    values: dict[str, Any] = {
        "resource": "v1 pods", "namespace": "shop", "kind": "Pod", "name": name, "owner_kind": "Deployment",
        "owner_name": "web", "container": "app", "container_kind": "container",
        "path": ".spec.containers[0].image", "registry": host, "repository": repository, "tag": tag,
        "state": "running", "node": "node1", "platform": "linux/amd64",
    }  # fmt: skip
    return ImageUse(cluster=cluster, reference=reference, **{**values, **fields})


def failing(reference: str, name: str = "web-2", **fields: Any) -> ImageUse:
    return pod(reference, name, **{"state": "waiting", "reason": "ImagePullBackOff", **fields})


@dataclass
class Told:
    """Writes evidence into the history, by its public writers, as of `age` ago."""

    history: History
    registry: str = HOST

    def inventory(self, cluster: str, *uses: ImageUse, age: timedelta = timedelta(minutes=1), gap: str = "") -> None:
        gaps = (Gap("v1 pods", "forbidden", gap),) if gap else ()
        with self.history.begin("inventory", cluster, datetime.now(UTC) - age) as writer:
            writer.add_uses(uses)
            writer.finish(Coverage(1, 0 if gap else 1, {}, gaps), places_read_whole=() if gap else ("v1 pods",))

    def catalog(self, *tags: str, age: timedelta = timedelta(minutes=1)) -> None:
        """Tags as `repository:tag`, each an image of its own of 1,000 bytes."""
        with self.history.begin("catalog", self.registry, datetime.now(UTC) - age) as writer:
            for name, _, tag in (text.partition(":") for text in tags):
                facts = ManifestFacts(digest(tag), "application/vnd.oci.image.manifest.v1+json", b"{}", image_bytes=998)
                seen = TagSeen(name, tag, digest(tag))
                image = ImageSeen(name, digest(tag), "tag")
                writer.add_repository(RepositoryCrawled(name, tags=(seen,), images=(image,), manifests=(facts,)))
            writer.finish(Coverage(1, 1), places_listed=[text.partition(":")[0] for text in tags])

    def usage(self, *rows: dict[str, Any], age: timedelta = timedelta(minutes=1)) -> None:
        frame = pd.DataFrame(rows, columns=list(USAGE_COLUMNS))
        self.history.save_usage(self.registry, frame, _made(age))

    def health(self, *findings: dict[str, Any], age: timedelta = timedelta(minutes=1)) -> None:
        frame = pd.DataFrame(findings, columns=list(FINDING_COLUMNS))
        self.history.save_findings(self.registry, frame, _made(age))

    def everything(self, *uses: ImageUse, findings: Iterable[dict[str, Any]] = ()) -> None:
        """One whole round of evidence."""
        for cluster in ("main", "nonprod"):
            self.inventory(cluster, *(use for use in uses if use.cluster == cluster))
        self.catalog("shop/web:v1")
        self.usage()
        self.health(*findings)


def _made(age: timedelta) -> Derivation:
    return Derivation(datetime.now(UTC) - age, {}, Coverage(1, 1), None)


def lost(repository: str, tag: str, clusters: str = "main") -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(FINDING_COLUMNS)
    return row | {"kind": "missing", "what": "reference", "repository": repository, "tag": tag, "severity": "error",
                  "detail": "no such tag in the repository", "used_by": "somebody", "clusters": clusters}  # fmt: skip


@dataclass
class Service:
    """A running service, asked over its socket."""

    url: str
    token: str | None = field(default=None, repr=False)

    def get(self, path: str, method: str = "GET", **headers: str) -> requests.Response:
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        return requests.request(method, self.url + path, headers=given, timeout=30, allow_redirects=False)

    def check(self) -> tuple[int, list[str]]:
        response = self.get("/_nagios_check_registry")
        return response.status_code, response.text.splitlines()


@dataclass
class Site:
    """A site's file and its history."""

    loaded: LoadedSite
    connections: Connections

    @property
    def told(self) -> Told:
        return Told(self.connections.history)

    @property
    def reader(self) -> Reader:
        return Reader(self.connections.site, self.connections.history, totals_kept=timedelta(0))


@contextmanager
def site_in(folder: Path, text: str = SITE) -> Iterator[Site]:
    path = folder / "registry_pipelines.yaml"
    path.write_text(text)
    loaded = load_site(path)
    with Connections(loaded) as connections:
        yield Site(loaded, connections)


@contextmanager
def served(desk: Desk, *, more: Sequence[Route] = (), read_token: Callable[[], str] | None = None) -> Iterator[Service]:
    """The service on a free port of loopback, in a thread of this process."""
    listening = listen("127.0.0.1", 0)
    server = make_server(make_app(desk, more=more, read_token=read_token))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening.socket]}, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive(), "the service did not start"
        time.sleep(0.005)
    try:
        yield Service(listening.url)
    finally:
        server.should_exit = True
        thread.join(10)
        assert not thread.is_alive(), "the service did not stop"


def at_once(look: Callable[[], Any], *, uptime: timedelta = timedelta(days=1)) -> Desk:
    """A desk that remembers nothing between two requests, and has been running for a day."""
    desk = Desk(look, kept=timedelta(0))
    desk._began -= uptime.total_seconds()
    return desk
