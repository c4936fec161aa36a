"""The one module that changes a cluster: patch a workload, make a pull secret, take one away that we made.

Every patch shows the `resourceVersion` that was looked at, so that the API answers 409 where anything changed since.
Only the cut-over job can import this; an import contract holds it.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from registry_core.cutover_entries import PullSecret, Workload
from registry_core.errors import Refused
from registry_core.foreign_json import read_json
from registry_core.json_places import value_at
from registry_core.registry_identity import same_host
from resources.clusters.api import ApiError, Asking, KubernetesApi, Patience
from resources.clusters.connection import Connection
from resources.clusters.lists import Expired, pages
from resources.configuration.docker_config import split_key

JSON_PATCH = "application/json-patch+json"

#: What we put on a secret, so that we know it again.
MANAGED_BY = ("app.kubernetes.io/managed-by", "registry-pipelines")
_PLAN = "registry-pipelines/plan"

_SECRET_TYPE = "kubernetes.io/dockerconfigjson"  # noqa: S105
_SECRET_KEY = ".dockerconfigjson"  # noqa: S105
_PODS_IN_A_PAGE = 500

SecretDone = Literal["made", "there", "renewed", "theirs"]


class ClusterChanger(KubernetesApi):
    """Reads and changes one cluster. All verbs raise ApiError, whose `status` is the API's own."""

    def __init__(self, connection: Connection, patience: Patience | None = None) -> None:
        super().__init__(connection, patience)

    def workload(self, workload: Workload) -> dict[str, Any]:
        """The object as it is now. 404 where it was deleted."""
        return self._about(workload, "get", Asking("GET", _path(workload)))

    def patch(self, workload: Workload, operations: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """The object after the patch. 409 where it changed since it was looked at; 422 where the patch does not fit.

        A patch that was sent twice because its answer was lost ends in 409: look at the object again.
        """
        body = json.dumps(list(operations)).encode()
        query = {"fieldManager": MANAGED_BY[1]}
        return self._about(workload, "patch", Asking("PATCH", _path(workload), query, body, JSON_PATCH))

    def pods(self, namespace: str, selector: str | None = None) -> list[dict[str, Any]]:
        """Pods of a namespace; `selector` as the API writes it (`app=cart`)."""
        query: dict[str, str | int] = {"labelSelector": selector} if selector else {}
        found: list[dict[str, Any]] = []
        for page in pages(self, f"/api/v1/namespaces/{namespace}/pods", _PODS_IN_A_PAGE, query=query):
            found = [] if isinstance(page, Expired) else found + page.items
        return found

    def make_pull_secret(self, secret: PullSecret, content: bytes, *, plan: str) -> tuple[SecretDone, str]:
        """Make a pull secret where it is absent: (what was done, its uid). `content` is a docker config: never shown.

        One that we made before gets these logins beside those that it has for other registries: another cut-over may
        have put them there. One that somebody else made is never overwritten: it is taken as it is (`theirs`) where it
        knows the registry. Refused where it does not.
        """
        document = {
            "apiVersion": "v1",
            "kind": "Secret",
            "type": _SECRET_TYPE,
            "metadata": {
                "name": secret.name,
                "namespace": secret.namespace,
                "labels": {MANAGED_BY[0]: MANAGED_BY[1]},
                "annotations": {_PLAN: plan},
            },
            "data": {_SECRET_KEY: base64.b64encode(content).decode()},
        }
        listing = f"/api/v1/namespaces/{secret.namespace}/secrets"
        try:
            made = self._of_secret(secret, "create", Asking("POST", listing, {}, json.dumps(document).encode()))
            return "made", _uid(made)
        except ApiError as error:
            if error.status != 409:
                raise
        there = self._of_secret(secret, "get", Asking("GET", f"{listing}/{secret.name}"))
        if not is_ours(there):
            if _knows(there, secret.host):
                return "theirs", _uid(there)
            raise Refused(
                f"the secret {secret.namespace}/{secret.name} of the cluster {secret.cluster} is somebody else's (it"
                f" lacks our label {MANAGED_BY[0]}: {MANAGED_BY[1]}) and holds no login for {secret.host}, so it is"
                " left alone; choose another `pull_secret.name`, or delete it"
            )
        own = _plan_of(there) == plan  # our own request, whose answer was lost
        held, wanted = _logins(there), json.loads(content)["auths"]
        if held | wanted == held:
            return ("made" if own else "there"), _uid(there)
        merged = json.dumps({"auths": held | wanted}).encode()
        renewing = [
            {"op": "test", "path": "/metadata/uid", "value": _uid(there)},
            {"op": "add", "path": "/data", "value": {_SECRET_KEY: base64.b64encode(merged).decode()}},
        ]
        if version := value_at(there, ("metadata", "resourceVersion")):
            renewing.append({"op": "replace", "path": "/metadata/resourceVersion", "value": version})
        body = json.dumps(renewing).encode()
        self._of_secret(secret, "patch", Asking("PATCH", f"{listing}/{secret.name}", {}, body, JSON_PATCH))
        return ("made" if own else "renewed"), _uid(there)

    def pull_secret_of(self, secret: PullSecret, *, plan: str) -> str | None:
        """The uid of a pull secret that this plan made; None where there is none, or another plan or person made it."""
        path = f"/api/v1/namespaces/{secret.namespace}/secrets/{secret.name}"
        try:
            there = self._of_secret(secret, "get", Asking("GET", path))
        except ApiError as error:
            if error.status == 404:
                return None
            raise
        return _uid(there) if is_ours(there) and _plan_of(there) == plan else None

    def remove_pull_secret(self, secret: PullSecret, uid: str) -> bool:
        """Take a secret away that we made; False where it is gone, or is another one by now."""
        path = f"/api/v1/namespaces/{secret.namespace}/secrets/{secret.name}"
        body = json.dumps({"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": {"uid": uid}}).encode()
        try:
            self._of_secret(secret, "delete", Asking("DELETE", path, {}, body))
        except ApiError as error:
            if error.status in (404, 409):
                return False
            raise
        return True

    def _about(self, workload: Workload, verb: str, asking: Asking) -> dict[str, Any]:
        return self._in_words(asking, verb, workload.group, workload.plural, workload.namespace)

    def _of_secret(self, secret: PullSecret, verb: str, asking: Asking) -> dict[str, Any]:
        return self._in_words(asking, verb, "", "secrets", secret.namespace)

    def _in_words(self, asking: Asking, verb: str, group: str, plural: str, namespace: str) -> dict[str, Any]:
        """One request; a refusal says which right is missing."""
        try:
            return self._request(asking)
        except ApiError as error:
            if error.status != 403:
                raise
            where = f"the namespace {namespace}" if namespace else "the cluster"
            kind = "Role" if namespace else "ClusterRole"
            told = ApiError(
                f"{error}; we may not {verb} {plural} in {where}: bind a {kind} with"
                f' {{apiGroups: ["{group}"], resources: ["{plural}"], verbs: ["{verb}"]}} there, or look at the'
                " admission rule that it names",
                fault=error.fault,
                status=error.status,
            )
            raise told from error


def is_ours(secret: Mapping[str, Any]) -> bool:
    """Whether a secret carries our label."""
    metadata = secret.get("metadata")
    labels = metadata.get("labels") if isinstance(metadata, Mapping) else None
    return isinstance(labels, Mapping) and labels.get(MANAGED_BY[0]) == MANAGED_BY[1]


def _plan_of(secret: Mapping[str, Any]) -> str | None:
    metadata = secret.get("metadata")
    annotations = metadata.get("annotations") if isinstance(metadata, Mapping) else None
    return annotations.get(_PLAN) if isinstance(annotations, Mapping) else None


def _logins(secret: Mapping[str, Any]) -> dict[str, Any]:
    """Its logins by host; nothing where it is no docker config. They are secrets: never print them."""
    try:
        auths = read_json(base64.b64decode(secret["data"][_SECRET_KEY]))["auths"]
    except (ValueError, KeyError, TypeError):
        return {}
    return dict(auths) if isinstance(auths, Mapping) else {}


def _knows(secret: Mapping[str, Any], host: str) -> bool:
    """Whether somebody's pull secret has an entry for the host. Nothing of it is kept."""
    return any(same_host(split_key(str(key))[0], host) for key in _logins(secret))


def _uid(item: Mapping[str, Any]) -> str:
    metadata = item.get("metadata")
    return str(metadata.get("uid") or "") if isinstance(metadata, Mapping) else ""


def _path(workload: Workload) -> str:
    root = f"/{'apis' if '/' in workload.api_version else 'api'}/{workload.api_version}"
    namespace = f"/namespaces/{workload.namespace}" if workload.namespace else ""
    return f"{root}{namespace}/{workload.plural}/{workload.name}"
