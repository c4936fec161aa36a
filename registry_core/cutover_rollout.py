"""Whether a patched workload has arrived: from its own status and its pods, as the API gives them.

Sources: `kubectl rollout status` (kubernetes/kubectl `pkg/polymorphichelpers/rollout_status.go`), and the statuses of
the kinds in the API reference. A workload that asks for no pods has arrived when its controller has seen the change.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from registry_core.cutover_entries import Entry
from registry_core.errors import InvalidReference
from registry_core.inventory import PULL_ERRORS
from registry_core.json_places import value_at
from registry_core.references import Reference

Progress = Literal["arrived", "waiting", "failing"]

#: Kinds of which nothing is started when they change.
STARTS_NOTHING = frozenset({"CronJob", "PodTemplate", "ReplicaSet", "ReplicationController"})


@dataclass(frozen=True, slots=True)
class Rollout:
    """How far a rollout is. `failing` may still pass (a pull is tried again): ask twice before it is believed."""

    progress: Progress
    detail: str = ""  #: what is waited for, or what is wrong

    @property
    def arrived(self) -> bool:
        return self.progress == "arrived"


ARRIVED = Rollout("arrived")


def judge_rollout(item: Mapping[str, Any], pods: Sequence[Mapping[str, Any]] | None, entry: Entry) -> Rollout:
    """`item` is the workload as it is now, `pods` all that may be its own, None where nobody may list them.

    The status of its controller decides; where pods can be seen, those with the new images must be ready as well.
    """
    kind = entry.workload.kind
    if kind in STARTS_NOTHING:
        return ARRIVED
    own = [pod for pod in pods or () if not is_of_another(pod, item, kind)]
    new = [pod for pod in own if is_new_pod(pod, entry)] if kind != "Pod" else [item]
    for pod in new:
        if why := _pull_trouble(pod):
            return Rollout("failing", why)
    seen = _number(item, "status", "observedGeneration")
    generation = _number(item, "metadata", "generation")
    if seen is not None and generation is not None and seen < generation:
        return Rollout("waiting", "its controller has not seen the change yet")
    if kind == "Pod":
        return _pod(item, entry)
    if kind not in _BY_STATUS:
        return _custom(new, entry)
    rollout, wanted = _BY_STATUS[kind](item)
    if rollout != ARRIVED or pods is None or not wanted:
        return rollout
    if not new:
        return Rollout("arrived", "none of its pods names the new image: something rewrites images as pods are made")
    ready = sum(_is_ready(pod) for pod in new)
    return ARRIVED if ready >= wanted else Rollout("waiting", f"{ready} of {wanted} new pods are ready")


def trouble_now(item: Mapping[str, Any], kind: str) -> str | None:
    """What a workload lacks by its own status, before anybody touches it; None where nothing is known to be wrong."""
    status = value_at(item, ("status",))
    if kind not in _BY_STATUS or not isinstance(status, Mapping) or not status:
        return None  # nobody has said anything of it yet
    rollout, _ = _BY_STATUS[kind](item)
    return None if rollout.arrived else rollout.detail


def is_of_another(pod: Mapping[str, Any], item: Mapping[str, Any], kind: str) -> bool:
    """Whether a pod is certainly not of this workload, although its labels are those that it selects.

    The ReplicaSet of a Deployment is called like it, with the hash that its pods carry (apps/v1, `pod-template-hash`).
    What an operator makes of a custom resource nobody knows, so no pod is certainly another's.
    """
    owners = [one for one in _mappings(value_at(pod, ("metadata", "ownerReferences"))) if one.get("controller")]
    if kind not in _BY_STATUS or not owners or owners[0].get("uid") == _text(item, "metadata", "uid"):
        return False
    if kind != "Deployment" or owners[0].get("kind") != "ReplicaSet":
        return True
    hashed = _text(pod, "metadata", "labels", "pod-template-hash")
    return bool(hashed) and owners[0].get("name") != f"{_text(item, 'metadata', 'name')}-{hashed}"


def is_new_pod(pod: Mapping[str, Any], entry: Entry) -> bool:
    """Whether a pod names one of the new images of an entry and is not on its way out.

    By the text, or by repository and digest: Knative and some admission rules write the digest in place of the tag.
    """
    if _text(pod, "metadata", "deletionTimestamp"):
        return False
    texts = {change.new for change in entry.images}
    pinned = {(Reference.parse(change.new).name, change.digest) for change in entry.images}
    return any(image in texts or _pinned(image) in pinned for image in _images(pod))


def _pinned(image: str) -> tuple[str, str | None] | None:
    try:
        reference = Reference.parse(image)
    except InvalidReference:
        return None
    return reference.name, reference.digest


def _deployment(item: Mapping[str, Any]) -> tuple[Rollout, int]:
    """The rollout by its status, and how many new pods there must be then."""
    if value_at(item, ("spec", "paused")) is True:
        return Rollout("arrived", "it is paused: the new image is pulled when somebody resumes it"), 0
    wished = _wished(item)
    for condition in _mappings(value_at(item, ("status", "conditions"))):
        if condition.get("type") == "Progressing" and condition.get("reason") == "ProgressDeadlineExceeded":
            return Rollout("failing", f"it made no progress within its deadline: {condition.get('message') or ''}"), 0
    updated, replicas, available = (_count(item, key) for key in ("updatedReplicas", "replicas", "availableReplicas"))
    if updated < wished:
        return Rollout("waiting", f"{updated} of {wished} pods are new"), wished
    if replicas > updated:
        return Rollout("waiting", f"{replicas - updated} old pods still run"), wished
    if available < wished:
        return Rollout("waiting", f"{available} of {wished} new pods are ready"), wished
    return ARRIVED, wished


def _stateful_set(item: Mapping[str, Any]) -> tuple[Rollout, int]:
    if _text(item, "spec", "updateStrategy", "type") == "OnDelete":
        return _ON_DELETE, 0
    wished, ready = _wished(item), _count(item, "readyReplicas")
    if ready < wished:
        return Rollout("waiting", f"{ready} of {wished} pods are ready"), wished
    partition = _number(item, "spec", "updateStrategy", "rollingUpdate", "partition")
    if partition:
        updated, wanted = _count(item, "updatedReplicas"), max(0, wished - partition)
        return (ARRIVED if updated >= wanted else Rollout("waiting", f"{updated} of {wanted} pods are new")), wanted
    if _text(item, "status", "currentRevision") != _text(item, "status", "updateRevision"):
        return Rollout("waiting", f"{_count(item, 'updatedReplicas')} of {wished} pods are new"), wished
    return ARRIVED, wished


def _daemon_set(item: Mapping[str, Any]) -> tuple[Rollout, int]:
    if _text(item, "spec", "updateStrategy", "type") == "OnDelete":
        return _ON_DELETE, 0
    wished, updated, available = (
        _count(item, key) for key in ("desiredNumberScheduled", "updatedNumberScheduled", "numberAvailable")
    )
    if updated < wished:
        return Rollout("waiting", f"{updated} of {wished} nodes have the new pod"), wished
    if available < wished:
        return Rollout("waiting", f"{available} of {wished} new pods are ready"), wished
    return ARRIVED, wished


_ON_DELETE = Rollout("arrived", "its pods take the new image when somebody deletes them (OnDelete)")

_BY_STATUS = {"Deployment": _deployment, "StatefulSet": _stateful_set, "DaemonSet": _daemon_set}


def _pod(item: Mapping[str, Any], entry: Entry) -> Rollout:
    """A pod that was patched: its containers restart in place, so the status must name the new image."""
    names = {change.container: change for change in entry.images if "containers" in change.place}
    for status in _mappings(value_at(item, ("status", "containerStatuses"))):
        change = names.pop(str(status.get("name")), None)
        if change is None:
            continue
        told = f"{status.get('image')} {status.get('imageID')}"
        if change.new.partition("@")[0] not in told and change.digest not in told:
            return Rollout("waiting", f"the container {change.container} runs the old image still")
        if status.get("ready") is not True:
            return Rollout("waiting", f"the container {change.container} is not ready")
    return Rollout("waiting", "the kubelet tells nothing of its containers yet") if names else ARRIVED


def _custom(new: Sequence[Mapping[str, Any]], entry: Entry) -> Rollout:
    """A custom resource: nobody but its operator knows its rollout, so its new pods are looked at."""
    if not entry.runs_pods:
        return ARRIVED
    if not new:
        return Rollout("waiting", "no pod with the new image was started yet")
    ready = sum(_is_ready(pod) for pod in new)
    return ARRIVED if ready == len(new) else Rollout("waiting", f"{ready} of {len(new)} new pods are ready")


def _is_ready(pod: Mapping[str, Any]) -> bool:
    if _text(pod, "status", "phase") == "Succeeded":
        return True
    conditions = _mappings(value_at(pod, ("status", "conditions")))
    return any(one.get("type") == "Ready" and one.get("status") == "True" for one in conditions)


def _pull_trouble(pod: Mapping[str, Any]) -> str | None:
    for field in ("initContainerStatuses", "containerStatuses"):
        for status in _mappings(value_at(pod, ("status", field))):
            waiting = value_at(status, ("state", "waiting"))
            reason = waiting.get("reason") if isinstance(waiting, Mapping) else None
            if reason in PULL_ERRORS:
                name = _text(pod, "metadata", "name")
                said = str(waiting.get("message") or "")[:300]
                return f"the pod {name} cannot pull {status.get('image')}: {reason}{': ' + said if said else ''}"
    return None


def _images(pod: Mapping[str, Any]) -> list[str]:
    named = []
    for field in ("initContainers", "containers"):
        named += [str(one.get("image")) for one in _mappings(value_at(pod, ("spec", field)))]
    for volume in _mappings(value_at(pod, ("spec", "volumes"))):
        reference = value_at(volume, ("image", "reference"))
        named += [reference] if isinstance(reference, str) else []
    return named


def _wished(item: Mapping[str, Any]) -> int:
    """`spec.replicas`, which is 1 where nothing is written."""
    wished = _number(item, "spec", "replicas")
    return 1 if wished is None else wished


def _count(item: Mapping[str, Any], key: str) -> int:
    """A number of the status; absent is 0, as the API leaves out zeros."""
    return _number(item, "status", key) or 0


def _number(item: Mapping[str, Any], *place: str) -> int | None:
    value = value_at(item, place)
    return value if type(value) is int else None


def _text(item: Mapping[str, Any], *place: str) -> str:
    value = value_at(item, place)
    return value if isinstance(value, str) else ""


def _mappings(value: Any) -> list[Mapping[str, Any]]:
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []
