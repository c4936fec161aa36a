from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from registry_core.coverage import Gap
from resources.clusters import ClusterSource, open_cluster, whole_inventory
from resources.clusters.api import Patience
from resources.configuration.settings import ClusterSettings
from tests.resources.clusters.api_server import TOKEN, ApiServer, Cluster

OpenLive = Callable[..., ClusterSource]

ROOT = Path(__file__).resolve().parents[3]
QUICKSTART = ROOT / "examples" / "quickstart" / "clusters"


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy in the environment of whoever runs the tests must not come between us and our own server."""
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "KUBECONFIG"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def cluster() -> Cluster:
    """The production cluster of the quickstart, served over the API."""
    cluster = Cluster()
    for path in sorted((QUICKSTART / "production").glob("*.json")):
        for item in json.loads(path.read_text())["items"]:
            cluster.add(item)
    return cluster


@pytest.fixture
def server(cluster: Cluster) -> Iterator[ApiServer]:
    with ApiServer(cluster) as server:
        yield server


def write_kubeconfig(path: Path, server: str, *, user: dict[str, Any] | None = None, **cluster: Any) -> Path:
    """A kubeconfig with one context, `production`."""
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "production",
        "clusters": [{"name": "c", "cluster": {"server": server, **cluster}}],
        "users": [{"name": "u", "user": {"token": TOKEN} if user is None else user}],
        "contexts": [{"name": "production", "context": {"cluster": "c", "user": "u"}}],
    }
    path.write_text(yaml.safe_dump(document))
    return path


class Pauses(list[float]):
    """Notes how long we would have waited, and does not wait."""

    def __call__(self, seconds: float) -> None:
        self.append(seconds)


@pytest.fixture
def pauses() -> Pauses:
    return Pauses()


@pytest.fixture
def live(server: ApiServer, tmp_path: Path, pauses: Pauses) -> Callable[..., ClusterSource]:
    """The quickstart's production cluster by a kubeconfig context; settings may be added."""
    kubeconfig = write_kubeconfig(tmp_path / "kubeconfig", server.url)

    def open_it(*, patience: Patience | None = None, **settings: Any) -> ClusterSource:
        settings = {"context": "production", "kubeconfig": str(kubeconfig), "page_size": 5, **settings}
        patience = patience or Patience(read=timedelta(seconds=2), pause=pauses)
        return open_cluster("production", ClusterSettings(**settings), resolve=no_secret, patience=patience)

    return open_it


def gap_of(source: ClusterSource, resource: str) -> Gap:
    return next(gap for gap in whole_inventory(source)[1].gaps if gap.place == resource)


def no_secret(name: object) -> str:
    raise AssertionError(f"no secret was to be resolved, least of all {name}")


class ManyPods(Sequence[dict[str, Any]]):
    """Pods made when they are asked for, each some kilobytes like a real one."""

    def __init__(self, count: int, model: dict[str, Any]) -> None:
        self._count, self._model = count, json.dumps(model)

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, which: Any) -> Any:
        if isinstance(which, slice):
            return [self[position] for position in range(*which.indices(self._count))]
        pod = json.loads(self._model)
        pod["metadata"]["name"] = f"pod-{which}"
        pod["metadata"]["uid"] = f"{random.Random(which).getrandbits(128):032x}"
        return pod
