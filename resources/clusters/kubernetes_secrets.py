"""Read one secret of a cluster, for the credentials that a site keeps as a pull secret."""

from __future__ import annotations

import base64
from collections.abc import Mapping

from registry_core.errors import ClusterError
from resources.clusters.api import KubernetesApi
from resources.clusters.connection import Connection


def read_kubernetes_secret(connection: Connection, namespace: str, name: str) -> tuple[str, Mapping[str, bytes]]:
    """(type, decoded data) of a secret. The values are secrets: never print them. Raises ClusterError."""
    path = f"/api/v1/namespaces/{namespace}/secrets/{name}"
    answer = KubernetesApi(connection).get(path)
    try:
        data = {key: base64.b64decode(value, validate=True) for key, value in (answer.get("data") or {}).items()}
    except (TypeError, ValueError, AttributeError):
        # The original error would quote the value.
        raise ClusterError(
            f"{connection.cluster}: secret {namespace}/{name} holds data that is not base64; write it again",
            fault="corrupt",
        ) from None
    return str(answer.get("type", "Opaque")), data
