"""Which kinds of objects a cluster serves at all.

Asked before a custom resource is listed, because an API server checks rights before it looks whether it knows a
kind: to a narrow service account it answers 403, not 404, for a kind that nobody installed. Every signed-in
account may read this by default (ClusterRole `system:discovery`).
"""

from __future__ import annotations

from typing import Any

from registry_core.coverage import Gap
from registry_core.errors import ClusterError
from registry_core.foreign_json import entries_of
from registry_core.workload_kinds import WorkloadKind
from resources.clusters.api import ApiError, KubernetesApi
from resources.clusters.wanted import Wanted


class ServedKinds:
    """Remembers what the cluster said, for one reading."""

    def __init__(self, api: KubernetesApi) -> None:
        self._api = api
        self._answers: dict[str, dict[str, Any] | ClusterError] = {}

    def gap(self, kind: WorkloadKind, wanted: Wanted) -> Gap | None:
        """Why there is no use in listing `kind`; None where it is served, or the cluster does not let us know."""
        if kind.origin == "built-in":
            return None
        try:
            if kind.plural in self._of(kind.api_version, kind.group):
                return None
            others = [version for version in self._all(kind.group) if kind.plural in self._of(version, kind.group)]
        except ClusterError:
            return None
        if others:
            words = (
                f"the cluster serves {kind.plural} as {' and '.join(others)}, not as {kind.api_version}: name"
                " that version in `custom_resources`, with its paths"
            )
            return wanted.gap(kind, "missing", words)
        return wanted.gap(
            kind,
            "missing",
            f"the cluster has no such kind of objects: install it, take {kind.resource!r} out of"
            " `custom_resources`, or name it in `may_be_missing`"
            if kind.origin == "configured"
            else "the cluster has no such kind of objects",
            unknown_kind=True,
        )

    def _all(self, group: str) -> list[str]:
        """Versions of a group: `serving.knative.dev/v1`."""
        groups = entries_of(self._get("/apis"), "groups")
        versions = next((entries_of(one, "versions") for one in groups if one.get("name") == group), [])
        return [str(version.get("groupVersion")) for version in versions]

    def _of(self, api_version: str, group: str) -> set[str]:
        """Plurals of a version of a group."""
        if api_version not in self._all(group):
            return set()
        return {str(one.get("name")) for one in entries_of(self._get(f"/apis/{api_version}"), "resources")}

    def _get(self, path: str) -> dict[str, Any]:
        """Asked once each; what failed is not asked again for every kind."""
        if path not in self._answers:
            try:
                self._answers[path] = self._api.get(path)
            except ClusterError as error:
                gone = isinstance(error, ApiError) and error.status == 404
                self._answers[path] = {} if gone and path != "/apis" else error
        answer = self._answers[path]
        if isinstance(answer, ClusterError):
            raise answer
        return answer
