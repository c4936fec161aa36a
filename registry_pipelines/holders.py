"""Who carries out a plan, and whether they are still alive: runs of Dagster, and processes of the command line."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import dagster as dg

_COMMAND = "command"


def this_process() -> str:
    """The id under which a command of this process holds a plan."""
    pid = os.getpid()
    return f"{_COMMAND}:{socket.gethostname()}:{pid}:{_started(pid)}"


class Holders:
    """Tells whether a holder may still be working. What cannot be told counts as alive: `instance` None, another
    machine's process, a run that this Dagster does not know."""

    def __init__(self, instance: dg.DagsterInstance | None) -> None:
        self._instance = instance

    def is_alive(self, holder: str) -> bool:
        if holder.startswith(f"{_COMMAND}:"):
            return _process_is_alive(holder)
        if self._instance is None:
            return True
        run = self._instance.get_run_by_id(holder)
        return run is None or not run.is_finished


def _process_is_alive(holder: str) -> bool:
    _, host, pid, started = holder.split(":")
    if host != socket.gethostname():
        return True
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # somebody else's, so it lives
    return _started(int(pid)) == started


def _started(pid: int) -> str:
    """When a process was started, so that a number that was given again is not taken for it; `` where unknown."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return ""
    return stat.rpartition(")")[2].split()[19]  # field 22 of proc(5); the name before it may hold spaces
