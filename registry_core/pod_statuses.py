"""What a pod's status says of one container: its state, since when, and which image the runtime took.

Source: Kubernetes API v1, `PodStatus` and `ContainerStatus`; kubelet `pkg/kubelet/images/types.go` for the
reasons of waiting. `lastState` tells of the container before this one and is never read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from registry_core.inventory import State
from registry_core.references import split_status_image_id

LONGEST_MESSAGE = 1_000

_PHASES: dict[str, State] = {
    "Running": "running",
    "Pending": "waiting",
    "Succeeded": "terminated",
    "Failed": "terminated",
}


class SeenByRuntime(NamedTuple):
    """State and image of one container or image volume, as the node reports them."""

    state: State
    reason: str | None = None
    message: str | None = None
    since: datetime | None = None
    image: str | None = None
    digest: str | None = None
    repository: str | None = None


class PodStatus:
    """The status of one pod, asked container by container.

    A pod that no node has taken has no container statuses: its containers are `unknown`, with what the pod
    itself says (`Unschedulable`, `Evicted`) as the reason.
    """

    def __init__(self, pod: Mapping[str, Any]) -> None:
        self._status = _mapping(pod.get("status"))
        self._created = time_of(_mapping(pod.get("metadata")).get("creationTimestamp"))
        self._by_name: dict[tuple[str, str], Mapping[str, Any]] = {}
        for field in ("initContainerStatuses", "containerStatuses", "ephemeralContainerStatuses"):
            for one in _mappings(self._status.get(field)):
                self._by_name[field, str(one.get("name"))] = one

    def of_container(self, field: str, name: str) -> SeenByRuntime:
        """`field` is where the pod's spec lists it: `containers`, `initContainers`, `ephemeralContainers`."""
        one = self._by_name.get((f"{field[:-1]}Statuses", name))
        if one is None:
            reason, message = self._of_the_pod()
            return SeenByRuntime("unknown", reason, message, self._created)
        image = text_of(one.get("image"))
        repository, digest = split_status_image_id(text_of(one.get("imageID")) or "")
        if digest is None and image is not None and image.startswith("sha256:"):
            digest = split_status_image_id(image).digest
        seen = _state_of(one, self._created)
        return seen._replace(image=image, digest=digest, repository=repository)

    def of_volume(self, name: str) -> SeenByRuntime:
        """An image volume: the state is the pod's, the digest is told by kubelets from 1.35 on (KEP-5365)."""
        phase = self._status.get("phase")
        state = _PHASES.get(phase, "unknown") if self._by_name and isinstance(phase, str) else "unknown"
        reason, message = self._of_the_pod()
        since = time_of(self._status.get("startTime")) if state == "running" else self._created
        seen = SeenByRuntime(state, reason, message, since)
        for status in self._by_name.values():
            for mount in _mappings(status.get("volumeMounts")):
                if mount.get("name") == name and "volumeStatus" in mount:
                    written = text_of(_mapping(_mapping(mount["volumeStatus"]).get("image")).get("imageRef"))
                    if written:
                        repository, digest = split_status_image_id(written)
                        return seen._replace(image=written, digest=digest, repository=repository)
        return seen

    def _of_the_pod(self) -> tuple[str | None, str | None]:
        reason, message = self._status.get("reason"), self._status.get("message")
        if not reason:
            for condition in _mappings(self._status.get("conditions")):
                if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
                    reason, message = condition.get("reason"), condition.get("message")
        return text_of(reason), text_of(message)


def _state_of(status: Mapping[str, Any], created: datetime | None) -> SeenByRuntime:
    state = status.get("state")
    if not isinstance(state, Mapping):
        return SeenByRuntime("unknown", since=created)
    if isinstance(running := state.get("running"), Mapping):
        return SeenByRuntime("running", since=time_of(running.get("startedAt")))
    if isinstance(terminated := state.get("terminated"), Mapping):
        since = time_of(terminated.get("finishedAt"))
        return SeenByRuntime("terminated", text_of(terminated.get("reason")), text_of(terminated.get("message")), since)
    if isinstance(waiting := state.get("waiting"), Mapping):
        return SeenByRuntime("waiting", text_of(waiting.get("reason")), text_of(waiting.get("message")), created)
    # "If none of them is specified, the default one is ContainerStateWaiting" (API v1, ContainerState).
    return SeenByRuntime("waiting", since=created)


def time_of(value: Any) -> datetime | None:
    """A Kubernetes time (`2026-11-21T04:29:46Z`); None where there is none or it cannot be read."""
    if not isinstance(value, str):
        return None
    try:
        time = datetime.fromisoformat(value)
        return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def text_of(value: Any, longest: int = LONGEST_MESSAGE) -> str | None:
    """A text that every database takes: cut, without NUL and without halves of surrogate pairs."""
    if not isinstance(value, str) or not value:
        return None
    text = value if len(value) <= longest else value[: longest - 1] + "…"
    if text.isascii() and "\0" not in text:
        return text
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _mappings(value: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(value, list):
        for one in value:
            if isinstance(one, Mapping):
                yield one
