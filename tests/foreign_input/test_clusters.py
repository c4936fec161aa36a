"""What clusters answer, and what their dumps hold."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets.taking.inventory import take_inventory
from registry_core.errors import ClusterError
from registry_core.foreign_json import NotJson, read_json
from resources.clusters import open_cluster
from resources.clusters.api import KubernetesApi, Patience
from resources.clusters.connection import Connection
from resources.clusters.documents import BadDocument, objects_of
from resources.clusters.kubernetes_secrets import read_kubernetes_secret
from resources.clusters.patching import is_ours
from resources.clusters.pod_commands import _handshake, _status, _status_object
from resources.configuration.load import load_site
from resources.configuration.secrets import SecretName
from resources.configuration.settings import ClusterSettings
from resources.connections import Connections
from tests.foreign_input import shapes
from tests.foreign_input.garbage import QUICK, SLOW, bodies, error_of, header_values, plain, spoiled, texts
from tests.resources.registry.faulty_registry import Asked, FaultyRegistry, Reply

COVERS: tuple[str, ...] = (
    "resources.clusters.api",
    "resources.clusters.documents",
    "resources.clusters.kubernetes_secrets",
    "resources.clusters.lists",
    "resources.clusters.served",
    "resources.clusters.patching",
    "resources.clusters.pod_commands",
)

LIST = {
    "kind": "PodList", "apiVersion": "v1", "metadata": {"continue": "", "remainingItemCount": 1},
    "items": list(shapes.WORKLOADS),
}  # fmt: skip
GROUPS = {
    "kind": "APIGroupList",
    "groups": [{"name": "apps", "versions": [{"groupVersion": "apps/v1", "version": "v1"}]}],
}
RESOURCES = {"kind": "APIResourceList", "resources": [{"name": "deployments", "kind": "Deployment"}]}
STATUS = {"kind": "Status", "status": "Failure", "message": "no", "reason": "Forbidden", "details": {"causes": []}}
SECRET = {"kind": "Secret", "type": "kubernetes.io/dockerconfigjson", "data": {".dockerconfigjson": "e30="}}
ENDED = {"status": "Failure", "details": {"causes": [{"reason": "ExitCode", "message": "3"}]}}


class Server(FaultyRegistry):
    """Answers every path by the first body, lists by the second."""

    def __init__(self) -> None:
        super().__init__()
        self.replies: list[Reply] = [Reply()]

    def _reply_to(self, asked: Asked) -> Reply:
        return self.replies[len(asked.path) % len(self.replies)]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server() as made:
        yield made


def settings_of(server: Server) -> ClusterSettings:
    return ClusterSettings(server=server.url, token=SecretName(env="TOKEN"))


REPLIES = st.builds(
    Reply,
    st.sampled_from([200, 200, 200, 200, 201, 301, 400, 401, 403, 404, 410, 429, 500]),
    bodies(LIST, GROUPS, RESOURCES, STATUS, SECRET, *shapes.WORKLOADS),
    st.fixed_dictionaries(
        {"Content-Type": st.just("application/json")},
        optional={"Retry-After": header_values, "Location": header_values, "Content-Encoding": st.just("gzip")},
    ),
)


@SLOW
@given(st.lists(REPLIES, min_size=1, max_size=4))
def test_no_answer_of_a_cluster_raises_what_is_not_ours(server: Server, replies: list[Reply]) -> None:
    server.replies = replies
    patience = Patience(tries=1, read=timedelta(seconds=5), pause=lambda _: None)
    source = open_cluster("production", settings_of(server), resolve=lambda _: "let-me-in-4711", patience=patience)
    for question in (
        lambda: list(source.read()),
        lambda: list(source.objects()),
        source.nodes,
        source.service_accounts,
        source.check_access,
        lambda: KubernetesApi(Connection("c", settings_of(server), lambda _: "t"), patience).get("/api"),
    ):
        error = error_of(question)
        assert error is None or isinstance(error, ClusterError)
        assert "let-me-in-4711" not in str(error)
        assert "\n" not in str(error)


@SLOW
@given(bodies(SECRET))
def test_no_secret_of_a_cluster_raises_what_is_not_ours(server: Server, body: bytes) -> None:
    server.replies = [Reply(200, body, {"Content-Type": "application/json"})]
    connection = Connection("production", settings_of(server), lambda _: "let-me-in-4711")
    try:
        read_json(body)
    except NotJson:
        return  # tried again for a while
    assert "\n" not in str(error_of(lambda: read_kubernetes_secret(connection, "shop", "pull")))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Connections]]:
    folder = tmp_path_factory.mktemp("site")
    dump = folder / "dump"
    dump.mkdir()
    (folder / "registry_pipelines.yaml").write_text(json.dumps({"clusters": {"production": {"dump": str(dump)}}}))
    with Connections(load_site(folder / "registry_pipelines.yaml")) as connections:
        yield dump, connections


@SLOW
@given(bodies(LIST, *shapes.WORKLOADS), bodies(LIST), st.sampled_from(["plain", "gzip", "cut gzip", "utf-16", "twice"]))
def test_no_dump_raises_what_is_not_ours_and_what_was_read_is_stored(
    site: tuple[Path, Connections], one: bytes, two: bytes, how: str
) -> None:
    dump, connections = site
    match how:
        case "gzip":
            one = gzip.compress(one)
        case "cut gzip":
            one = gzip.compress(one)[:-9]
        case "utf-16":
            one = one.decode("utf-8", "replace").encode("utf-16")
        case "twice":
            one = one + b"\n" + two
    (dump / "one.json").write_bytes(one)
    (dump / "two.json.gz").write_bytes(two)
    error_of(lambda: list(objects_of(dump / "one.json")), BadDocument)
    assert "\n" not in str(error_of(lambda: take_inventory(connections, "production")))


@QUICK
@given(bodies(ENDED), texts, spoiled(ENDED), spoiled(SECRET))
def test_no_end_of_a_command_and_no_secret_raises(body: bytes, text: str, ended: Any, secret: Any) -> None:
    _status(_status_object(body.decode("utf-8", "replace")))
    _status(_status_object(text))
    value = plain(ended)
    if isinstance(value, dict):
        _status(value)
    _handshake(text)
    _handshake(f"Handshake status 403 -+-+- {{}} -+-+- {body!r}")
    value = plain(secret)
    if isinstance(value, dict):
        is_ours(value)
