"""The small API server with a state: objects are patched, secrets made, and controllers roll out what was patched.

It answers as kube-apiserver does where the cut-over looks: 409 for a `resourceVersion` that is not the newest, 422 for
a `test` that does not hold and for what is immutable, 403 before anything else. Each look at a workload is a step of
its controller, so that nothing here depends on time.
"""

from __future__ import annotations

import copy
import json
import re
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from http.server import ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.json_patch import TestFailed, apply_patch
from tests.resources.clusters.api_server import KINDS, Cluster, _Handler

SECRETS = "/api/v1/secrets"
PODS = "/api/v1/pods"

_NAMED = re.compile(
    r"(?P<root>/apis?/(?:[^/]+/)?v[^/]+)/namespaces/(?P<namespace>[^/]+)/(?P<plural>[^/]+)(?:/(?P<name>[^/]+))?"
)

Meddle = Callable[[str, str], None]
"""Called with method and path before each request is answered."""


@dataclass
class ChangingCluster(Cluster):
    """A cluster whose objects can be changed. `pull_trouble` says why an image cannot be pulled, None where it can."""

    pull_trouble: Callable[[str], str | None] = lambda _: None
    never_ready: set[str] = field(default_factory=set)  #: names of workloads whose new pods do not get ready
    denied: set[tuple[str, str, str]] = field(default_factory=set)  #: (verb, plural, namespace)
    meddle: Meddle = lambda _method, _path: None
    admission: Callable[[dict[str, Any]], None] = lambda _: None  #: may rewrite what a patch made
    anyone: bool = False  #: no sign-in: kubectl sends no token over plain HTTP
    lock: threading.RLock = field(default_factory=threading.RLock, repr=False)
    changes: list[tuple[str, str]] = field(default_factory=list)  #: (method, path) of what changed something
    _version: int = 100_000

    def add_all(self, items: Iterable[dict[str, Any]]) -> None:
        for item in items:
            self.add(copy.deepcopy(item))

    def next_version(self) -> str:
        self._version += 1
        return str(self._version)

    def listed(self, path: str) -> list[dict[str, Any]]:
        """The objects of a kind, to be looked at or changed by a test."""
        return self.objects.setdefault(path, [])  # type: ignore[return-value]

    def get(self, plural: str, namespace: str, name: str) -> dict[str, Any]:
        """One object by the name of its kind (`deployments`). LookupError where there is none."""
        path = next(one for one in [*self.kinds, SECRETS] if one.endswith(f"/{plural}"))
        for item in self.listed(path):
            if (item["metadata"].get("namespace", ""), item["metadata"]["name"]) == (namespace, name):
                return item
        raise LookupError(f"{plural} {namespace}/{name}")

    def remove(self, plural: str, namespace: str, name: str) -> None:
        item = self.get(plural, namespace, name)
        path = next(one for one in [*self.kinds, SECRETS] if one.endswith(f"/{plural}"))
        self.listed(path).remove(item)

    def touch(self, item: dict[str, Any]) -> None:
        """As if somebody had changed it: a new version, and a new generation for its controller."""
        item["metadata"]["resourceVersion"] = self.next_version()
        item["metadata"]["generation"] = item["metadata"].get("generation", 1) + 1


class ChangingServer:
    """The server; stop and start it to take the API away for a while (the port stays)."""

    def __init__(self, cluster: ChangingCluster) -> None:
        self.cluster = cluster
        self.port = 0
        self._server: ThreadingHTTPServer | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> ChangingServer:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        class Handler(_ChangingHandler):
            pass

        Handler.cluster = self.cluster
        Handler.changing = self.cluster
        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def stop(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None


class _ChangingHandler(_Handler):
    changing: ChangingCluster

    def do_GET(self) -> None:
        path, query = self._asked()
        match = _NAMED.fullmatch(path)
        with self.changing.lock:
            self.changing.meddle("GET", path)
            if match is None:
                super().do_GET()
            elif not self._may("get" if match["name"] else "list", match):
                return
            elif match["name"] is None:
                self._list_in_namespace(match, query)
            else:
                item = self._found(match)
                if item is not None:
                    step(self.changing, item)
                    self._json(item)

    def do_PATCH(self) -> None:
        path, _ = self._asked()
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        match = _NAMED.fullmatch(path)
        with self.changing.lock:
            self.changing.meddle("PATCH", path)
            if match is None or not self._may("patch", match):
                return
            item = self._found(match)
            if item is None:
                return
            if self.headers.get("Content-Type") != "application/json-patch+json":
                self._status(415, "the body of the request was in an unknown format", "UnsupportedMediaType")
                return
            try:
                patched = apply_patch(item, json.loads(body))
            except TestFailed as error:
                self._status(422, f"the server rejected our request due to an error in our request: {error}", "Invalid")
                return
            if patched["metadata"].get("resourceVersion") != item["metadata"].get("resourceVersion"):
                name = f'Operation cannot be fulfilled on {match["plural"]} "{match["name"]}"'
                self._status(409, f"{name}: the object has been modified; please apply your changes to the latest"
                                  " version and try again", "Conflict")  # fmt: skip
                return
            if why := immutable(item, patched):
                self._status(422, why, "Invalid")
                return
            self.changing.admission(patched)
            if patched.get("spec") != item.get("spec"):
                patched["metadata"]["generation"] = item["metadata"].get("generation", 1) + 1
            patched["metadata"]["resourceVersion"] = self.changing.next_version()
            item.clear()
            item.update(patched)
            self.changing.changes.append(("PATCH", path))
            self._json(item)

    def do_POST(self) -> None:
        path, _ = self._asked()
        item = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))))
        match = _NAMED.fullmatch(path)
        with self.changing.lock:
            self.changing.meddle("POST", path)
            if match is None or not self._may("create", match):
                return
            name, listed = item["metadata"]["name"], self.changing.listed(SECRETS)
            if any(one["metadata"]["namespace"] == match["namespace"] and one["metadata"]["name"] == name
                   for one in listed):  # fmt: skip
                self._status(409, f'secrets "{name}" already exists', "AlreadyExists")
                return
            item["metadata"] |= {"uid": f"uid-{self.changing.next_version()}", "namespace": match["namespace"]}
            item["metadata"]["resourceVersion"] = self.changing.next_version()
            listed.append(item)
            self.changing.changes.append(("POST", path))
            self._send(201, json.dumps(item).encode(), "application/json")

    def do_DELETE(self) -> None:
        path, _ = self._asked()
        options = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or "{}")
        match = _NAMED.fullmatch(path)
        with self.changing.lock:
            self.changing.meddle("DELETE", path)
            if match is None or not self._may("delete", match):
                return
            item = self._found(match)
            if item is None:
                return
            wanted = (options.get("preconditions") or {}).get("uid")
            if wanted is not None and wanted != item["metadata"]["uid"]:
                self._status(409, "the UID in the precondition does not match", "Conflict")
                return
            self.changing.listed(SECRETS).remove(item)
            self.changing.changes.append(("DELETE", path))
            self._json({"kind": "Status", "apiVersion": "v1", "status": "Success"})

    def _signed_in(self) -> bool:
        return self.changing.anyone or super()._signed_in()

    def _asked(self) -> tuple[str, dict[str, str]]:
        parts = urlsplit(self.path)
        return parts.path, {key: values[-1] for key, values in parse_qs(parts.query).items()}

    def _may(self, verb: str, match: re.Match[str]) -> bool:
        fault = self.cluster.always.get("*")
        if fault is not None:
            self._fail(fault)
        elif not self._signed_in():
            self._status(401, "Unauthorized")
        elif (verb, match["plural"], match["namespace"]) in self.changing.denied:
            what = f'User "robot" cannot {verb} resource "{match["plural"]}" in the namespace "{match["namespace"]}"'
            self._status(403, f"{match['plural']} is forbidden: {what}", "Forbidden")
        else:
            return True
        return False

    def _found(self, match: re.Match[str]) -> dict[str, Any] | None:
        path = f"{match['root']}/{match['plural']}"
        for item in self.changing.listed(path) if path in self.changing.kinds or path == SECRETS else []:
            if (item["metadata"].get("namespace"), item["metadata"]["name"]) == (match["namespace"], match["name"]):
                return item
        self._status(404, f'{match["plural"]} "{match["name"]}" not found', "NotFound")
        return None

    def _list_in_namespace(self, match: re.Match[str], query: dict[str, str]) -> None:
        labels = dict(one.split("=") for one in query.get("labelSelector", "").split(",") if one)
        items = [
            {key: value for key, value in item.items() if key not in ("kind", "apiVersion")}
            for item in self.changing.listed(f"{match['root']}/{match['plural']}")
            if item["metadata"].get("namespace") == match["namespace"]
            and labels.items() <= (item["metadata"].get("labels") or {}).items()
        ]
        kind = {**KINDS, **self.changing.kinds}[f"{match['root']}/{match['plural']}"]
        self._json({"kind": f"{kind}List", "apiVersion": "v1", "metadata": {"resourceVersion": "1"}, "items": items})


def immutable(old: dict[str, Any], new: dict[str, Any]) -> str | None:
    """Why the API takes no such change."""
    if old["kind"] == "Job" and old["spec"]["template"] != new["spec"]["template"]:
        return f'Job.batch "{old["metadata"]["name"]}" is invalid: spec.template: field is immutable'
    if old["kind"] == "Pod" and old["spec"].get("imagePullSecrets") != new["spec"].get("imagePullSecrets"):
        return f'Pod "{old["metadata"]["name"]}" is invalid: spec: Forbidden: pod updates may not change fields'
    return None


def step(cluster: ChangingCluster, item: dict[str, Any]) -> None:
    """What its controller does next, if anything."""
    kind, metadata = item["kind"], item["metadata"]
    if kind == "Pod":
        _step_pod(cluster, item)
        return
    if kind == "Secret":
        return
    status = item.setdefault("status", {})
    done = metadata.get("annotations", {}).get("test/rolled-out")
    if kind not in ("Deployment", "StatefulSet", "DaemonSet", "RunnerDeployment") or done == str(
        metadata["generation"]
    ):
        return
    if status.get("observedGeneration") != metadata["generation"]:
        # As the controllers do it: what is counted is of the new template from the moment that it was seen.
        status["observedGeneration"] = metadata["generation"]
        status.update(updatedReplicas=0, updatedNumberScheduled=0)
        if kind == "StatefulSet":
            status["updateRevision"] = f"revision-{metadata['generation']}"
        return
    wished = status.get("desiredNumberScheduled", 1) if kind == "DaemonSet" else item["spec"].get("replicas", 1)
    ready = _start_pods(cluster, item, wished)
    if ready:
        counts = ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas", "updatedNumberScheduled",
                  "numberAvailable", "numberReady")  # fmt: skip
        status.update(dict.fromkeys(counts, wished))
        if kind == "StatefulSet":
            status["currentRevision"] = status["updateRevision"]
        metadata.setdefault("annotations", {})["test/rolled-out"] = str(metadata["generation"])
    else:
        status.update(replicas=wished + 1, updatedReplicas=min(1, wished), readyReplicas=max(0, wished - 1))
        status.update(availableReplicas=max(0, wished - 1), updatedNumberScheduled=0)
    metadata["resourceVersion"] = cluster.next_version()


def _start_pods(cluster: ChangingCluster, item: dict[str, Any], wished: int) -> bool:
    """Pods of the newest template take the place of the older ones, where they get ready."""
    metadata, template = item["metadata"], item["spec"]["template"]
    pods, namespace = cluster.listed(PODS), metadata["namespace"]
    own = [pod for pod in pods if pod["metadata"].get("namespace") == namespace and _is_of(pod, item)]
    name = f"{metadata['name']}-g{metadata['generation']}"
    for pod in [one for one in own if one["metadata"]["name"].startswith(name)]:
        pods.remove(pod)
    spec = template["spec"]
    containers = spec.get("containers") or [{"name": "runner", "image": spec["image"]}]
    images = [one["image"] for one in [*(spec.get("initContainers") or []), *containers]]
    trouble = next((reason for image in images if (reason := cluster.pull_trouble(image))), None)
    ready = trouble is None and metadata["name"] not in cluster.never_ready
    for number in range(wished if ready else min(1, wished)):
        pods.append(
            {
                "apiVersion": "v1", "kind": "Pod",
                "metadata": {
                    "name": f"{name}-{number}", "namespace": namespace, "uid": f"uid-{name}-{number}",
                    "labels": dict((template.get("metadata") or {}).get("labels") or {}),
                    "resourceVersion": cluster.next_version(),
                    "ownerReferences": [{"kind": item["kind"], "name": metadata["name"], "uid": metadata["uid"],
                                         "controller": True}],
                },
                "spec": {**copy.deepcopy(spec), "containers": copy.deepcopy(containers)},
                "status": _pod_status(containers, trouble, ready=ready),
            }
        )  # fmt: skip
    if ready:
        for pod in own:
            if pod in pods and not pod["metadata"]["name"].startswith(name):
                pods.remove(pod)
    return ready


def _pod_status(containers: list[dict[str, Any]], trouble: str | None, *, ready: bool) -> dict[str, Any]:
    state: dict[str, Any] = {"running": {}}
    if trouble:
        state = {"waiting": {"reason": trouble, "message": "as told by the test"}}
    statuses = [{"name": one["name"], "image": one["image"], "imageID": "", "ready": ready, "state": state}
                for one in containers]  # fmt: skip
    condition = {"type": "Ready", "status": "True" if ready else "False"}
    return {"phase": "Running" if ready else "Pending", "conditions": [condition], "containerStatuses": statuses}


def _is_of(pod: dict[str, Any], item: dict[str, Any]) -> bool:
    """By its owner, or by the labels that the workload selects."""
    owners = [one["uid"] for one in pod["metadata"].get("ownerReferences") or ()]
    wanted = ((item["spec"].get("selector") or {}).get("matchLabels") or {}).items()
    return item["metadata"]["uid"] in owners or bool(wanted and wanted <= (pod["metadata"].get("labels") or {}).items())


def _step_pod(cluster: ChangingCluster, item: dict[str, Any]) -> None:
    """The kubelet restarts a container whose image was changed."""
    containers = item["spec"]["containers"]
    trouble = next((reason for one in containers if (reason := cluster.pull_trouble(one["image"]))), None)
    ready = trouble is None and item["metadata"]["name"] not in cluster.never_ready
    item["status"] = _pod_status(containers, trouble, ready=ready)
