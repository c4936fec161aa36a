"""Run a command in a running pod, as `kubectl exec` does (Kubernetes API: pods/exec, v4.channel.k8s.io)."""

from __future__ import annotations

import shlex
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import yaml
from kubernetes import client
from kubernetes.stream import stream, ws_client
from kubernetes.stream.ws_client import ERROR_CHANNEL, STDERR_CHANNEL, STDOUT_CHANNEL
from urllib3.exceptions import HTTPError
from websocket import WebSocket, WebSocketException

from registry_core.errors import ClusterError
from registry_core.foreign_json import entries_of, read_json, whole_number
from resources.clusters.connection import Connection

#: Of what a command writes, the last.
KEPT_LINES = 2000

_READ_EVERY_SECONDS = 1


class _UnredirectedWebSocket(WebSocket):
    """The library follows three redirects, and sends our token to wherever they lead."""

    def connect(self, url: str, **options: Any) -> None:
        super().connect(url, **{**options, "redirect_limit": 0})  # type: ignore[no-untyped-call]


# The client has no other place to say so.
ws_client.WebSocket = _UnredirectedWebSocket


@dataclass(frozen=True)
class CommandOutput:
    """How a command ended. `lines` are the last of what it wrote, both streams together."""

    status: int
    lines: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True)
class PodPlace:
    """Where commands run: the one running pod of a namespace that has these labels."""

    namespace: str
    selector: str
    container: str | None = None

    def __str__(self) -> str:
        where = f" container {self.container}" if self.container else ""
        return f"pods {self.selector} in {self.namespace}{where}"


class RunsCommands(Protocol):
    """Runs a command in one place, to its end."""

    def run(self, command: Sequence[str]) -> CommandOutput: ...


class PodCommands:
    """Runs commands in one pod. Raises ClusterError; the right `create` on `pods/exec` is needed."""

    def __init__(self, connection: Connection, place: PodPlace) -> None:
        self._connection = connection
        self._place = place

    def run(self, command: Sequence[str]) -> CommandOutput:
        """Run it to its end and tell its status. The pod is looked up anew each time."""
        with self._connection.open() as api:
            core = client.CoreV1Api(api)
            pod = self._pod(core)
            options: dict[str, Any] = {"container": self._place.container} if self._place.container else {}
            try:
                running = stream(
                    core.connect_get_namespaced_pod_exec, pod, self._place.namespace, command=list(command),
                    stdin=False, stdout=True, stderr=True, tty=False, _preload_content=False, **options,
                )  # fmt: skip
                return self._to_its_end(running, command)
            except client.ApiException as error:
                raise self._failed(f"run `{shlex.join(command)}`", f"{error.status} {_reason(error)}") from error
            except AttributeError as error:
                # The client stumbles over its own error where the handshake is refused.
                if not isinstance(error.__context__, client.ApiException):
                    raise
                why = _handshake(str(error.__context__.reason))
                raise self._failed(f"run `{shlex.join(command)}`", why) from error
            except (WebSocketException, HTTPError, OSError) as error:
                raise self._failed(f"run `{shlex.join(command)}`", str(error), retryable=True) from error

    def _pod(self, core: client.CoreV1Api) -> str:
        try:
            listed = core.list_namespaced_pod(self._place.namespace, label_selector=self._place.selector)
        except client.ApiException as error:
            raise self._failed(f"find {self._place}", f"{error.status} {_reason(error)}") from error
        except (HTTPError, OSError) as error:
            raise self._failed(f"find {self._place}", str(error), retryable=True) from error
        names = [pod.metadata.name for pod in listed.items if pod.status and pod.status.phase == "Running"]
        if len(names) != 1:
            found = ", ".join(names) or "none"
            raise self._failed(f"find {self._place}", f"one running pod is needed, and there is: {found}")
        return str(names[0])

    def _to_its_end(self, running: Any, command: Sequence[str]) -> CommandOutput:
        lines: deque[str] = deque(maxlen=KEPT_LINES)
        rest = {STDOUT_CHANNEL: "", STDERR_CHANNEL: ""}
        is_open = True
        while is_open:
            running.update(timeout=_READ_EVERY_SECONDS)
            is_open = running.is_open()
            for channel in rest:
                # Not `read_all`: it throws the channel away on which the end of the command is told.
                *whole, rest[channel] = (rest[channel] + running.read_channel(channel)).split("\n")
                lines.extend(whole)
        lines.extend(line for line in rest.values() if line)
        ended = _status_object(running.read_channel(ERROR_CHANNEL))
        if not ended:
            raise self._failed(
                f"run `{shlex.join(command)}`", "the connection ended before the command", retryable=True
            )
        return CommandOutput(_status(ended), tuple(lines))

    def _failed(self, wanted: str, why: str, *, retryable: bool = False) -> ClusterError:
        return ClusterError(
            f"cluster {self._connection.cluster}: could not {wanted} ({self._place}): {why}; look at `collection` of"
            " the registry, and whether we may `create pods/exec` there",
            fault="unreachable" if retryable else "forbidden",
            retryable=retryable,
        )


def _status_object(text: str) -> dict[str, Any]:
    """What the API server says at the end of a command; empty where that is no `Status`."""
    try:
        ended = yaml.safe_load(text or "{}")
    except (yaml.YAMLError, ValueError, RecursionError):
        return {}
    return ended if isinstance(ended, dict) else {}


def _status(ended: dict[str, Any]) -> int:
    if ended.get("status") == "Success":
        return 0
    details = ended.get("details")
    causes = entries_of(details, "causes") if isinstance(details, dict) else []
    codes = [whole_number(str(cause.get("message"))) for cause in causes if cause.get("reason") == "ExitCode"]
    return (codes[0] if codes else None) or 1


def _reason(error: client.ApiException) -> str:
    try:
        return str(read_json(error.body)["message"])[:300]
    except (ValueError, KeyError, TypeError):
        return str(error.reason or "")[:300]


def _handshake(reason: str) -> str:
    """`Handshake status 403 Forbidden`, and what the API server says; not the headers between."""
    head, *rest = reason.split(" -+-+- ")
    try:
        return f"{head}: {read_json(rest[-1])['message']}"[:300]
    except (ValueError, KeyError, TypeError, IndexError):
        return head[:300]
