"""A small Kubernetes API server on a real socket: discovery, paged lists, rights, and faults on demand.

It answers as kube-apiserver does where the client looks: items of a list have no kind, a continue token holds a
place and a state, rights are checked before a kind is known to exist. `kubectl` works against it.
"""

from __future__ import annotations

import base64
import gzip
import json
import ssl
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

TOKEN = "let-me-in-4711"

KINDS = {
    "/api/v1/nodes": "Node",
    "/api/v1/pods": "Pod",
    "/api/v1/replicationcontrollers": "ReplicationController",
    "/api/v1/podtemplates": "PodTemplate",
    "/api/v1/serviceaccounts": "ServiceAccount",
    "/apis/apps/v1/deployments": "Deployment",
    "/apis/apps/v1/replicasets": "ReplicaSet",
    "/apis/apps/v1/statefulsets": "StatefulSet",
    "/apis/apps/v1/daemonsets": "DaemonSet",
    "/apis/apps/v1/controllerrevisions": "ControllerRevision",
    "/apis/batch/v1/jobs": "Job",
    "/apis/batch/v1/cronjobs": "CronJob",
    "/apis/actions.summerwind.dev/v1alpha1/runnerdeployments": "RunnerDeployment",
}
BUILT_IN_GROUPS = ("", "apps", "batch")


@dataclass
class Answer:
    """A fault to give once instead of the page: a status, or `drop`, `cut`, `slow`, `html`."""

    status: int = 200
    how: str = "status"
    headers: dict[str, str] = field(default_factory=dict)
    message: str = "as told by the test"


@dataclass
class Cluster:
    """What the server holds and how it behaves; tests change it while it runs."""

    kinds: dict[str, str] = field(default_factory=lambda: {path: KINDS[path] for path in KINDS if "summer" not in path})
    objects: dict[str, Sequence[dict[str, Any]]] = field(default_factory=dict)
    forbidden: set[str] = field(default_factory=set)
    narrow_rights: bool = False  #: 403 for every kind that does not exist
    faults: dict[str, list[Answer]] = field(default_factory=dict)  #: given in order, then all is well
    always: dict[str, Answer] = field(default_factory=dict)
    expire_at: dict[str, list[int]] = field(default_factory=dict)  #: page starts at which a token is too old, once each
    odd_bodies: dict[str, dict[str, Any]] = field(default_factory=dict)  #: answered in place of a page
    repeat_token: bool = False
    token: str = TOKEN
    requests: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def add(self, item: dict[str, Any]) -> None:
        path = next(path for path, kind in {**KINDS, **self.kinds}.items() if kind == item["kind"])
        self.kinds.setdefault(path, item["kind"])
        self.objects.setdefault(path, [])
        self.objects[path].append(item)  # type: ignore[attr-defined]

    def asked(self, path: str) -> list[dict[str, str]]:
        return [query for one, query in self.requests if one == path]


class ApiServer:
    def __init__(self, cluster: Cluster, tls: ssl.SSLContext | None = None) -> None:
        class Handler(_Handler):
            pass

        Handler.cluster = cluster
        self.cluster = cluster
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        if tls:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_address[1]
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    def __enter__(self) -> ApiServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Handler(BaseHTTPRequestHandler):
    cluster: Cluster
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        path, query = parts.path, {key: values[-1] for key, values in parse_qs(parts.query).items()}
        cluster = self.cluster
        cluster.requests.append((path, query))
        planned = cluster.faults.get(path) or []
        fault = planned.pop(0) if planned else cluster.always.get(path) or cluster.always.get("*")
        if fault is not None:
            self._fail(fault)
        elif not self._signed_in():
            self._status(401, "Unauthorized")
        elif path in cluster.odd_bodies:
            self._json(cluster.odd_bodies[path])
        elif (discovered := self._discovery(path)) is not None:
            self._json(discovered)
        elif path in cluster.forbidden or (cluster.narrow_rights and path not in cluster.kinds):
            resource = path.rpartition("/")[2]
            self._status(403, f'{resource} is forbidden: User "robot" cannot list resource "{resource}"')
        elif path not in cluster.kinds:
            self._send(404, b"404 page not found\n", "text/plain")
        else:
            self._list(path, query)

    def _signed_in(self) -> bool:
        """The name of the scheme is in any case (RFC 9110, 11.1), and the client writes `bearer` in a pod."""
        scheme, _, token = self.headers.get("Authorization", "").partition(" ")
        return scheme.lower() == "bearer" and token == self.cluster.token

    def _list(self, path: str, query: dict[str, str]) -> None:
        cluster, objects = self.cluster, self.cluster.objects.get(path, [])
        limit = int(query.get("limit", 0)) or len(objects)
        start = json.loads(base64.b64decode(query["continue"]))["start"] if query.get("continue") else 0
        if start and start in cluster.expire_at.get(path, []):
            cluster.expire_at[path].remove(start)
            self._status(410, "The provided continue parameter is too old", "Expired")
            return
        end = min(start + limit, len(objects))
        metadata: dict[str, Any] = {"resourceVersion": "4711"}
        if end < len(objects):
            place = 1 if cluster.repeat_token else end
            metadata["continue"] = base64.b64encode(json.dumps({"rv": 4711, "start": place}).encode()).decode()
            metadata["remainingItemCount"] = len(objects) - end
        items = [{k: v for k, v in one.items() if k not in ("kind", "apiVersion")} for one in objects[start:end]]
        version = path.rpartition("/")[0].removeprefix("/apis/").removeprefix("/api/")
        self._json({"kind": f"{cluster.kinds[path]}List", "apiVersion": version, "metadata": metadata, "items": items})

    def _discovery(self, path: str) -> dict[str, Any] | None:
        served: dict[str, dict[str, str]] = {}
        for one, kind in self.cluster.kinds.items():
            version, _, plural = one.rpartition("/")
            served.setdefault(version, {})[plural] = kind
        if path == "/version":
            return {"major": "1", "minor": "32", "gitVersion": "v1.32.0"}
        if path == "/api":
            return {"kind": "APIVersions", "versions": ["v1"]}
        if path == "/apis":
            groups: dict[str, list[dict[str, str]]] = {}
            for version in served:
                name = version.removeprefix("/apis/")
                if not name.startswith("/"):
                    group = name.partition("/")[0]
                    groups.setdefault(group, []).append({"groupVersion": name, "version": name.partition("/")[2]})
            return {
                "kind": "APIGroupList",
                "apiVersion": "v1",
                "groups": [
                    {"name": name, "versions": versions, "preferredVersion": versions[0]}
                    for name, versions in groups.items()
                ],
            }
        if path in served:
            resources = [
                {"name": name, "kind": kind, "namespaced": kind != "Node", "verbs": ["get", "list"]}
                for name, kind in served[path].items()
            ]
            version = path.removeprefix("/apis/").removeprefix("/api/")
            return {
                "kind": "APIResourceList",
                "apiVersion": "v1",
                "groupVersion": version,
                "resources": resources,
            }
        return None

    def _fail(self, fault: Answer) -> None:
        if fault.how == "drop":
            self.close_connection = True
            self.connection.close()
        elif fault.how == "slow":
            time.sleep(0.5)
            self.close_connection = True
        elif fault.how == "cut":
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", "100000")
            self.end_headers()
            self.wfile.write(b'{"kind": "PodList", "items": [')
            self.close_connection = True
        elif fault.how == "html":
            self._send(fault.status, b"<!doctype html><title>Sign in</title>", "text/html", fault.headers)
        else:
            self._status(fault.status, fault.message, headers=fault.headers)

    def _status(self, code: int, message: str, reason: str = "", headers: dict[str, str] | None = None) -> None:
        body = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": message, "code": code}
        self._send(code, json.dumps({**body, "reason": reason}).encode(), "application/json", headers)

    def _json(self, value: dict[str, Any]) -> None:
        body = json.dumps(value).encode()
        if len(body) > 128 * 1024 and "gzip" in self.headers.get("Accept-Encoding", ""):
            self._send(200, gzip.compress(body, 1), "application/json", {"Content-Encoding": "gzip"})
        else:
            self._send(200, body, "application/json")

    def _send(self, code: int, body: bytes, kind: str, headers: dict[str, str] | None = None) -> None:
        self.send_response(code)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
