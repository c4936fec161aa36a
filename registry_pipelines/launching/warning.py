"""A warning in the log of each run that is a pod and passed no run coordinator of ours."""

from __future__ import annotations

import dagster as dg

from registry_pipelines.coordinator import SignedInRunCoordinator

#: By name: the package of Kubernetes takes half a second to import, and few runs are pods.
_LAUNCHES_PODS = "K8sRunLauncher"


def warn_of_another_coordinator(context: dg.InitResourceContext) -> None:
    """Log what anyone can do who reaches the UI of such an instance."""
    instance = context.instance
    if context.run is None or instance is None or isinstance(instance.run_coordinator, SignedInRunCoordinator):
        return
    if any(kind.__name__ == _LAUNCHES_PODS for kind in type(instance.run_launcher).__mro__) and context.log is not None:
        context.log.warning(
            "dagster.yaml does not configure registry_pipelines.coordinator.SignedInRunCoordinator, so anyone who"
            " reaches the Dagster UI can choose service account, secrets and image of a run's pod by the tag"
            " dagster-k8s/config; set it as `run_coordinator` (docs/approval.md)"
        )
