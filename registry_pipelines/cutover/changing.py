"""Change one workload: look, patch, watch its rollout, put it back. The only hands that reach into a cluster.

Nothing here decides over a plan or writes a journal: whoever calls says what is to be recorded before a patch.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from registry_core.cutover_entries import Entry, PullSecret
from registry_core.cutover_outcome import CutoverOutcome
from registry_core.cutover_patch import backward_patch, before_of, forward_patch, holds_any, names_old_images, standing
from registry_core.cutover_rollout import STARTS_NOTHING, Rollout, judge_rollout
from registry_core.errors import ClusterError, Refused
from registry_core.json_places import value_at
from resources.clusters.api import ApiError
from resources.clusters.connection import Connection
from resources.clusters.patching import ClusterChanger, SecretDone

#: A workload whose status changes all the time makes patches collide; so often it is looked at again.
_TRIES = 8

#: A pull that fails is believed to fail when it was seen so often in a row.
_FAILING_LOOKS = 2

Record = Callable[[dict[str, Any]], None]
"""Keeps what a workload is; the patch is sent when it returned."""


@dataclass(frozen=True)
class Watching:
    """How a rollout is watched."""

    timeout: timedelta = timedelta(minutes=10)
    every: timedelta = timedelta(seconds=2)
    pause: Callable[[float], None] = time.sleep
    monotonic: Callable[[], float] = time.monotonic


class Gone(Exception):
    """The workload is not there, or not as it was planned: it is left alone. Its text says why.

    `ours_left`: something in it is as the plan would have it, so that it may be half of our patch.
    """

    def __init__(self, why: str, *, ours_left: bool = False) -> None:
        super().__init__(why)
        self.ours_left = ours_left


class WorkloadChanger:
    """The workloads of one cluster. ClusterError where the cluster does not answer: nobody knows then what was done."""

    def __init__(self, connection: Connection, watching: Watching | None = None) -> None:
        self._api = ClusterChanger(connection)
        self._watching = watching or Watching()

    def close(self) -> None:
        self._api.close()

    def stands(self, entry: Entry) -> str:
        """`old` or `new`. Raises Gone for anything else."""
        return self._look(entry)[1]

    def patch(self, entry: Entry, record: Record) -> CutoverOutcome | None:
        """Point a workload at its new images; None when the API took it, or why it did not.

        Raises Gone where somebody changed or deleted it meanwhile.
        """
        for _ in range(_TRIES):
            item, stands = self._look(entry)
            if stands == "new":
                return None  # our own patch, whose answer was lost
            self._pods(item, entry)  # who cannot be watched is not patched
            record(before_of(item, entry))
            version = str(item["metadata"].get("resourceVersion") or "")
            try:
                patched = self._api.patch(entry.workload, forward_patch(entry, resource_version=version))
            except ApiError as error:
                if error.status in (404, 409, 422) and (error.status != 422 or self._look(entry)[1] == "new"):
                    continue
                if _is_a_no(error):
                    return CutoverOutcome("refused by cluster", str(error))
                raise
            stands = standing(patched, entry)
            if stands != "new":
                return CutoverOutcome("failed", f"an admission rule of the cluster wrote something else: {stands}")
            return None
        return CutoverOutcome("failed", f"it changed each of the {_TRIES} times that we looked at it and patched")

    def watch(self, entry: Entry) -> Rollout:
        """Wait until it has arrived; else `failing`, with why. Raises Gone where somebody changes it meanwhile."""
        watching = self._watching
        began = watching.monotonic()
        failing = 0
        while True:
            item, stands = self._look(entry)
            if stands == "old":
                raise Gone("somebody put the old image back while its rollout was watched")
            rollout = judge_rollout(item, self._pods(item, entry), entry)
            if rollout.arrived:
                return rollout
            failing = failing + 1 if rollout.progress == "failing" else 0
            if failing >= _FAILING_LOOKS:
                return rollout
            waited = watching.monotonic() - began
            if waited >= watching.timeout.total_seconds():
                return Rollout("failing", f"after {watching.timeout.total_seconds():g} seconds: {rollout.detail}")
            watching.pause(watching.every.total_seconds())

    def put_back(self, entry: Entry) -> str | None:
        """Give a workload its old images and pull secrets again; None when it has them, else why it could not be.

        A pull secret that somebody added since stays. ClusterError where the cluster does not answer.
        """
        unfit = 0
        for _ in range(_TRIES):
            try:
                item, stands = self._look(entry)
            except Gone as gone:
                return str(gone)
            if stands == "old":
                return None
            version = str(item["metadata"].get("resourceVersion") or "")
            try:
                back = self._api.patch(entry.workload, backward_patch(entry, item, resource_version=version))
            except ApiError as error:
                unfit += error.status == 422  # once it may be our own patch, whose answer was lost
                if error.status in (404, 409) or (error.status == 422 and unfit == 1):
                    continue
                if _is_a_no(error):
                    return str(error)
                raise
            if not names_old_images(back, entry):
                return f"an admission rule of the cluster wrote something else: {_instead(standing(back, entry))}"
            return None
        return f"it changed each of the {_TRIES} times that we looked at it and patched"

    def make_pull_secret(
        self, secret: PullSecret, content: bytes, *, plan: str
    ) -> tuple[SecretDone, str] | tuple[None, str]:
        """(what was done, its uid), or (None, why there is none)."""
        try:
            return self._api.make_pull_secret(secret, content, plan=plan)
        except Refused as refused:
            return None, str(refused)
        except ApiError as error:
            if _is_a_no(error):
                return None, str(error)
            raise

    def pull_secret_of(self, secret: PullSecret, *, plan: str) -> str | None:
        """The uid of a pull secret that this plan made; None where it made none. Raises ClusterError."""
        return self._api.pull_secret_of(secret, plan=plan)

    def remove_pull_secret(self, secret: PullSecret, uid: str) -> str | None:
        """Take away a secret that we made and that no pod names; None when it is gone, else why it stays."""
        try:
            if any(_names_secret(pod, secret.name) for pod in self._api.pods(secret.namespace)):
                where = f"{secret.cluster} {secret.namespace}"
                return f"pods of {where} still name the pull secret {secret.name}, so it stays"
            self._api.remove_pull_secret(secret, uid)
        except ApiError as error:
            if _is_a_no(error):
                return str(error)
            raise
        return None

    def _look(self, entry: Entry) -> tuple[dict[str, Any], str]:
        try:
            item = self._api.workload(entry.workload)
        except ApiError as error:
            if error.status == 404:
                raise Gone("it was deleted since the plan") from error
            raise
        stands = standing(item, entry)
        if stands not in ("old", "new"):
            raise Gone(stands, ours_left=holds_any(item, entry))
        return item, stands

    def _pods(self, item: dict[str, Any], entry: Entry) -> list[dict[str, Any]] | None:
        """Pods that may be of a workload; None where we may not list them, and its own status must do."""
        if not entry.workload.namespace or entry.workload.kind == "Pod" or entry.workload.kind in STARTS_NOTHING:
            return []
        labels = value_at(item, ("spec", "selector", "matchLabels"))
        chosen = ",".join(f"{key}={value}" for key, value in labels.items()) if isinstance(labels, dict) else None
        try:
            return self._api.pods(entry.workload.namespace, chosen)
        except ApiError as error:
            if error.status == 403 and entry.workload.kind in ("Deployment", "StatefulSet", "DaemonSet"):
                return None
            raise


def _instead(stands: str) -> str:
    return "the new images again" if stands == "new" else stands


def refusal_of(error: ClusterError) -> CutoverOutcome | None:
    """The outcome where the API said no for good; None where it could not be asked."""
    return CutoverOutcome("refused by cluster", str(error)) if _is_a_no(error) else None


def _is_a_no(error: ClusterError) -> bool:
    """Whether the API answered that it will not: another try of the same would fare no better."""
    status = error.status if isinstance(error, ApiError) else None
    return status is not None and 400 <= status < 500 and status not in (401, 408, 429)


def _names_secret(pod: dict[str, Any], name: str) -> bool:
    named = value_at(pod, ("spec", "imagePullSecrets"))
    return isinstance(named, list) and any(isinstance(one, dict) and one.get("name") == name for one in named)
