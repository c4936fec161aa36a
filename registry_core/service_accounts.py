"""Pull secrets that pods get of their service account.

The API server's admission gives a pod those of its account only where the pod names none itself (kubernetes
`plugin/pkg/admission/serviceaccount`): who gives it one takes these away, unless they are named beside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from registry_core.image_paths import Names, pull_secret_names


@dataclass(frozen=True, slots=True)
class ServiceAccounts:
    """Those of one cluster that have pull secrets, by namespace and name. `unknown`: why they could not be read."""

    pull_secrets: Mapping[tuple[str, str], Names] = field(default_factory=dict)
    unknown: str | None = None

    def of(self, namespace: str, account: str) -> Names:
        """What a pod gets that names no pull secret; nothing where nobody knows."""
        return self.pull_secrets.get((namespace, account), ())


def account_of(pod_spec: Mapping[str, Any]) -> str:
    """The service account that a pod's spec names; `serviceAccount` is its older name."""
    for key in ("serviceAccountName", "serviceAccount"):
        name = pod_spec.get(key)
        if isinstance(name, str) and name:
            return name
    return "default"


def account_secrets(item: Mapping[str, Any]) -> dict[tuple[str, str], Names]:
    """The pull secrets of one ServiceAccount; nothing where it has none."""
    metadata = item.get("metadata")
    names = pull_secret_names(item)
    if not isinstance(metadata, Mapping) or not names:
        return {}
    return {(str(metadata.get("namespace") or ""), str(metadata.get("name") or "")): names}
