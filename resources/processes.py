"""Processes that live and die with us, each in a group of its own so that their children end with them too."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from urllib.request import ProxyHandler, build_opener

from registry_core.errors import RegistryPipelinesError

_GRACE_SECONDS = 15.0


class ProcessDied(RegistryPipelinesError):
    """Something that the quickstart started ended on its own."""

    exit_code = 5


class Processes:
    """Starts processes and ends all of them, last first, when the `with` block is left for any reason."""

    def __init__(self, logs: Path) -> None:
        self.grace_seconds = _GRACE_SECONDS  #: how long each demand to end is waited for
        self._logs = logs
        self._running: list[tuple[str, subprocess.Popen[bytes]]] = []

    def __enter__(self) -> Processes:
        self._logs.mkdir(parents=True, exist_ok=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # A second Ctrl-C must not leave half of them behind.
        previous = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            for _, process in reversed(self._running):
                _end(process, self.grace_seconds)
        finally:
            signal.signal(signal.SIGINT, previous)

    def start(self, name: str, command: Sequence[str], *, environment: Mapping[str, str] | None = None) -> None:
        """Start one, its output going to a log of its name."""
        with (self._logs / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(  # noqa: S603  # our own commands, no shell
                list(command),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(environment or {})},
                start_new_session=True,
            )
        self._running.append((name, process))

    def check(self) -> None:
        """Raise ProcessDied, with the end of its log, when one of them has ended."""
        for name, process in self._running:
            status = process.poll()
            if status is not None:
                log = self._logs / f"{name}.log"
                tail = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
                raise ProcessDied(f"{name} ended by itself with status {status}; the end of {log}:\n{tail}")

    def wait_for(self, url: str, *, seconds: float) -> None:
        """Return when `url` answers. Raises ProcessDied when something ends before, or when time is up."""
        opener = build_opener(ProxyHandler({}))  # loopback never goes through a proxy
        deadline = time.monotonic() + seconds
        while True:
            self.check()
            try:
                with opener.open(url, timeout=5):
                    return
            except OSError:
                if time.monotonic() > deadline:
                    raise ProcessDied(f"{url} did not answer within {seconds:.0f} s; see {self._logs}") from None
                time.sleep(0.2)

    def watch(self) -> None:
        """Wait until one of them ends (ProcessDied) or somebody interrupts us (KeyboardInterrupt)."""
        while True:
            self.check()
            time.sleep(0.5)


def _end(process: subprocess.Popen[bytes], grace_seconds: float) -> None:
    """Ask the whole group to end, wait, then insist."""
    for demand in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, demand)
        except ProcessLookupError:
            break
        try:
            process.wait(grace_seconds)
            break
        except subprocess.TimeoutExpired:
            continue
    try:  # what the leader left behind in its group
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def free_port(preferred: int) -> int:
    """`preferred` when nobody listens there, else any free one, on loopback."""
    for port in (preferred, 0):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listener.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(listener.getsockname()[1])
    raise ProcessDied("no free port on loopback")
