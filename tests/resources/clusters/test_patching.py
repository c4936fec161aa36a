"""What changes a cluster, against the emulated API server, and against a real one where KUBEBUILDER_ASSETS names it.

The same tests for both: what the emulator says is what the real one says.
"""

from __future__ import annotations

import base64
import copy
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pytest
from kubernetes import client

from registry_core.cutover_entries import Entry, PullSecret
from registry_core.cutover_patch import backward_patch, forward_patch, standing
from registry_core.errors import Refused
from resources.clusters.api import ApiError, Patience
from resources.clusters.connection import Connection
from resources.clusters.patching import ClusterChanger, is_ours
from resources.configuration.settings import ClusterSettings
from tests.kubernetes import OLD_HOST, deployment, workload
from tests.registry_core.cutovers import NEW_HOST, plan_of
from tests.resources.clusters.api_server import TOKEN, Answer
from tests.resources.clusters.changing_server import PODS, SECRETS, ChangingCluster, ChangingServer
from tests.resources.clusters.real_api_server import ASSETS, RealApiServer
from tests.resources.clusters.real_api_server import TOKEN as REAL_TOKEN

CART = f"{OLD_HOST}/shop/cart:1"
CONTENT = json.dumps({"auths": {NEW_HOST: {"username": "robot", "password": "hunter2"}}}).encode()
SECRET = PullSecret("production", "shop", "new-pull", NEW_HOST)


class Server(Protocol):
    """A cluster with the namespace `shop`."""

    changer: ClusterChanger

    def create(self, item: dict[str, Any]) -> dict[str, Any]:
        """The object as the API keeps it."""

    def delete(self, item: dict[str, Any]) -> None: ...

    def create_secret(self, item: dict[str, Any]) -> None: ...


@dataclass
class Emulated:
    changer: ClusterChanger
    cluster: ChangingCluster

    def create(self, item: dict[str, Any]) -> dict[str, Any]:
        made = copy.deepcopy(item)
        made["metadata"]["uid"] = f"uid-{self.cluster.next_version()}"
        made["metadata"]["resourceVersion"] = self.cluster.next_version()
        self.cluster.add(made)
        return copy.deepcopy(made)

    def delete(self, item: dict[str, Any]) -> None:
        plural = next(path for path, kind in self.cluster.kinds.items() if kind == item["kind"]).rpartition("/")[2]
        self.cluster.remove(plural, "shop", item["metadata"]["name"])

    def create_secret(self, item: dict[str, Any]) -> None:
        item["metadata"] |= {"uid": "theirs", "resourceVersion": self.cluster.next_version()}
        self.cluster.listed(SECRETS).append(item)


@dataclass
class Real:
    changer: ClusterChanger
    api: client.ApiClient

    def create(self, item: dict[str, Any]) -> dict[str, Any]:
        made = copy.deepcopy(item)
        made["metadata"] = {key: made["metadata"][key] for key in ("name", "namespace")}
        made.pop("status", None)
        if made["kind"] == "Job":  # its selector is the API's, and its pods end
            made["spec"] = {"template": made["spec"]["template"]}
            made["spec"]["template"]["spec"]["restartPolicy"] = "Never"
        created: dict[str, Any] = self._send("POST", self._path(item), made)
        return {**created, "apiVersion": item["apiVersion"], "kind": item["kind"]}

    def delete(self, item: dict[str, Any]) -> None:
        self._send("DELETE", f"{self._path(item)}/{item['metadata']['name']}", {"gracePeriodSeconds": 0})

    def create_secret(self, item: dict[str, Any]) -> None:
        self._send("POST", "/api/v1/namespaces/shop/secrets", item)

    def _path(self, item: dict[str, Any]) -> str:
        version, plural = item["apiVersion"], f"{item['kind'].lower()}s"
        return f"/{'apis' if '/' in version else 'api'}/{version}/namespaces/shop/{plural}"

    def _send(self, method: str, path: str, body: dict[str, Any]) -> Any:
        return self.api.call_api(
            path, method, body=body, auth_settings=["BearerToken"], response_type="object",
            header_params={"Content-Type": "application/json", "Accept": "application/json"},
        )[0]  # fmt: skip


def changer_of(url: str, token: str, *, insecure: bool = False) -> ClusterChanger:
    settings = ClusterSettings.model_validate({
        "server": url, "token": {"env": "UNUSED"}, **({"tls": {"insecure": True}} if insecure else {}),
    })  # fmt: skip
    connection = Connection("production", settings, lambda _name: token)
    return ClusterChanger(connection, Patience(tries=2, pause=lambda _: None))


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealApiServer]:
    with RealApiServer(tmp_path_factory.mktemp("kubernetes")) as server:
        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}
        client.CoreV1Api(server.client()).create_namespace(body)
        yield server


#: The real server is not skipped but not asked for, where there is none: continuous integration skips nothing.
@pytest.fixture(params=["emulated", *(["real"] if ASSETS else [])])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Server]:
    if request.param == "emulated":
        with ChangingServer(ChangingCluster()) as emulated:
            yield Emulated(changer_of(emulated.url, TOKEN), emulated.cluster)
        return
    running: RealApiServer = request.getfixturevalue("real")
    made = Real(changer_of(running.url, REAL_TOKEN, insecure=True), running.client())
    yield made
    for path in ("/apis/apps/v1/namespaces/shop/deployments", "/api/v1/namespaces/shop/secrets",
                 "/apis/batch/v1/namespaces/shop/jobs", "/api/v1/namespaces/shop/pods"):  # fmt: skip
        made._send("DELETE", path, {"gracePeriodSeconds": 0, "propagationPolicy": "Background"})


def entry_of(item: dict[str, Any], **changes: Any) -> Entry:
    (entry,) = plan_of(item, pin="tag", **changes).entries
    return entry


def refused(server: Server, entry: Entry, operations: list[dict[str, Any]]) -> ApiError:
    with pytest.raises(ApiError) as caught:
        server.changer.patch(entry.workload, operations)
    return caught.value


def test_a_workload_goes_there_and_back(server: Server) -> None:
    made = server.create(deployment("cart", CART))
    entry = entry_of(made, pull_secret="new-pull")
    version = made["metadata"]["resourceVersion"]
    there = server.changer.patch(entry.workload, forward_patch(entry, resource_version=version))
    assert standing(there, entry) == "new"
    assert there["metadata"]["resourceVersion"] != version
    assert there["metadata"]["generation"] == made["metadata"]["generation"] + 1
    version = server.changer.workload(entry.workload)["metadata"]["resourceVersion"]
    back = server.changer.patch(entry.workload, backward_patch(entry, there, resource_version=version))
    assert back["spec"] == made["spec"]


def test_an_older_version_is_a_conflict(server: Server) -> None:
    made = server.create(deployment("cart", CART))
    entry = entry_of(made)
    operations = forward_patch(entry, resource_version=made["metadata"]["resourceVersion"])
    server.changer.patch(entry.workload, [{"op": "add", "path": "/metadata/labels", "value": {"changed": "since"}}])
    assert refused(server, entry, operations).status == 409
    assert standing(server.changer.workload(entry.workload), entry) == "old"


def test_an_image_or_an_object_that_is_another_one_does_not_fit(server: Server) -> None:
    made = server.create(deployment("cart", CART))
    entry = entry_of(made)
    path = "/spec/template/spec/containers/0/image"
    server.changer.patch(entry.workload, [{"op": "replace", "path": path, "value": "other.example.com/x:1"}])
    assert refused(server, entry, forward_patch(entry)).status == 422
    server.delete(made)
    with pytest.raises(ApiError) as gone:
        server.changer.workload(entry.workload)
    assert gone.value.status == 404
    assert refused(server, entry, forward_patch(entry)).status == 404
    server.create(deployment("cart", CART))
    assert refused(server, entry, forward_patch(entry)).status == 422


def test_what_is_immutable_is_not_taken(server: Server) -> None:
    job = server.create(workload("Job", "once", CART))
    entry = entry_of(deployment("once", CART, uid=""))
    of_job = Entry(plan_of(workload("Job", "once", CART)).left[0].workload, entry.images)
    image = "/spec/template/spec/containers/0/image"
    assert refused(server, of_job, [{"op": "replace", "path": image, "value": "other/x"}]).status == 422
    pod = server.create(workload("Pod", "alone", CART))
    of_pod = entry_of(pod)
    named = [{"op": "add", "path": "/spec/imagePullSecrets", "value": [{"name": "x"}]}]
    assert refused(server, of_pod, named).status == 422
    changed = server.changer.patch(of_pod.workload, forward_patch(of_pod))
    assert standing(changed, of_pod) == "new"
    assert job["kind"] == "Job"


def test_a_pull_secret_is_made_once_renewed_and_taken_away(server: Server) -> None:
    changer = server.changer
    done, uid = changer.make_pull_secret(SECRET, CONTENT, plan="abc")
    assert done == "made"
    assert changer.make_pull_secret(SECRET, CONTENT, plan="abc") == ("made", uid)  # as if the answer had been lost
    assert changer.make_pull_secret(SECRET, CONTENT, plan="later") == ("there", uid)
    assert changer.make_pull_secret(SECRET, CONTENT.replace(b"hunter2", b"hunter3"), plan="later") == ("renewed", uid)
    other = CONTENT.replace(NEW_HOST.encode(), b"third.example.com")
    assert changer.make_pull_secret(SECRET, other, plan="later") == ("renewed", uid)
    assert changer.make_pull_secret(SECRET, other, plan="later") == ("there", uid)
    assert changer.make_pull_secret(SECRET, CONTENT.replace(b"hunter2", b"hunter3"), plan="later") == ("there", uid)
    assert changer.pull_secret_of(SECRET, plan="abc") == uid
    assert changer.pull_secret_of(SECRET, plan="later") is None
    assert changer.remove_pull_secret(SECRET, "another uid") is False
    assert changer.remove_pull_secret(SECRET, uid) is True
    assert changer.pull_secret_of(SECRET, plan="abc") is None
    assert changer.remove_pull_secret(SECRET, uid) is False


def test_a_secret_of_somebody_else_is_never_overwritten(server: Server) -> None:
    theirs: dict[str, Any] = {
        "apiVersion": "v1", "kind": "Secret", "type": "Opaque", "data": {"token": "c2VjcmV0"},
        "metadata": {"name": "new-pull", "namespace": "shop"},
    }  # fmt: skip
    server.create_secret(theirs)
    with pytest.raises(Refused, match="is somebody else's") as caught:
        server.changer.make_pull_secret(SECRET, CONTENT, plan="abc")
    assert "hunter2" not in str(caught.value)


def test_pods_are_listed_by_their_labels(server: Server) -> None:
    pod = workload("Pod", "alone", CART)
    pod["metadata"]["labels"] = {"app": "cart"}
    server.create(pod if isinstance(server, Emulated) else {**pod, "metadata": pod["metadata"]})
    assert isinstance(server.changer.pods("shop", "app=other"), list)
    assert [one["metadata"]["name"] for one in server.changer.pods("shop")] == ["alone"]


def test_our_label_is_what_makes_a_secret_ours() -> None:
    assert is_ours({"metadata": {"labels": {"app.kubernetes.io/managed-by": "registry-pipelines"}}})
    for odd in ({}, {"metadata": None}, {"metadata": {"labels": []}}, {"metadata": {"labels": {"a": "b"}}}):
        assert not is_ours(odd)


def test_a_right_that_is_missing_is_named(tmp_path: Path) -> None:
    cluster = ChangingCluster(denied={("patch", "deployments", "shop"), ("create", "secrets", "shop")})
    with ChangingServer(cluster) as running:
        emulated = Emulated(changer_of(running.url, TOKEN), cluster)
        entry = entry_of(emulated.create(deployment("cart", CART)))
        told = str(refused(emulated, entry, forward_patch(entry)))
        assert "PATCH /apis/apps/v1/namespaces/shop/deployments/cart: it is forbidden to us" in told
        assert "we may not patch deployments in the namespace shop: bind a Role with" in told
        with pytest.raises(ApiError, match="we may not create secrets in the namespace shop") as caught:
            emulated.changer.make_pull_secret(SECRET, CONTENT, plan="abc")
        assert base64.b64encode(CONTENT).decode() not in str(caught.value)
        assert cluster.listed(PODS) == []


def test_a_server_that_does_not_answer_is_told_as_such() -> None:
    cluster = ChangingCluster()
    with ChangingServer(cluster) as running:
        emulated = Emulated(changer_of(running.url, TOKEN), cluster)
        entry = entry_of(emulated.create(deployment("cart", CART)))
        cluster.always["*"] = Answer(how="drop")
        error = refused(emulated, entry, forward_patch(entry))
    assert (error.fault, error.status, error.retryable) == ("unreachable", None, True)
