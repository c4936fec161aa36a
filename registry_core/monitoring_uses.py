"""Monitoring, first part: what a row of the inventory means for a check.

The words are those of the predecessor's reports: Kubernetes' pod phases, and `ImagePullBackOff` beside them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Literal

import pandas as pd

from registry_core.inventory import PULL_ERRORS

PHASES = ("Running", "Pending", "Succeeded", "Failed", "Unknown", "ImagePullBackOff")

Ground = Literal["prod", "staging", "other"]
"""Where something is wrong, as the check's texts call it."""

GROUNDS: tuple[Ground, ...] = ("prod", "staging", "other")

GroundOf = Callable[[str, str], Ground]
"""Ground of (cluster, namespace), by configuration: a name never decides it, `nonprod` is not `prod`."""

#: Their pods tell what they want; the template of an old revision or a finished job wants nothing.
_SPOKEN_FOR_BY_PODS = ("Job", "ReplicaSet")


def ground_of_environment(environment: str, severity: str) -> Ground:
    """`prod` is where findings are errors, `staging` an environment of that name, `other` all else."""
    if severity == "error":
        return "prod"
    return "staging" if environment in ("staging", "stage") else "other"


def gravest(grounds: Iterable[Ground]) -> Ground:
    """The first of GROUNDS that is among them; `other` of none."""
    return min(grounds, key=GROUNDS.index, default="other")


def phases_of(state: str, reason: str | None) -> tuple[str, ...]:
    """Phases of one container (INVENTORY_COLUMNS `state`, `reason`); none for a template.

    Every pull error counts as ImagePullBackOff: a kubelet says ErrImagePull and ImagePullBackOff by turns. A
    container that crashes has its image, so it counts as Running, as its pod does.
    """
    if state == "running" or (state == "waiting" and reason == "CrashLoopBackOff"):
        return ("Running",)
    if state == "waiting":
        return ("ImagePullBackOff", "Pending") if reason in PULL_ERRORS else ("Pending",)
    if state == "terminated":
        return ("Succeeded",) if reason in (None, "Completed") else ("Failed",)
    return () if state == "template" else ("Unknown",)


def wanted(inventory: pd.DataFrame) -> pd.Series[bool]:
    """Which rows want their image now or at their next start.

    Pods that have ended do not, nor do workloads scaled to zero and suspended jobs. Old ReplicaSets do not either:
    their images are kept for a rollback by a policy, but their absence is no alarm.
    """
    pods = inventory["kind"].eq("Pod")
    replicas = pd.to_numeric(inventory["replicas"], errors="coerce").fillna(1)
    template = ~pods & ~inventory["kind"].isin(_SPOKEN_FOR_BY_PODS) & replicas.ne(0)
    return (pods & ~inventory["state"].eq("terminated")) | template
