"""The journal: changes appended one a line, durable before anybody is told that they happened.

A push costs one line, however large the index is. Lines are folded into the layout's own files now and then
(see `layout.py`). A torn last line is the trace of a process that was killed while it wrote: nobody was told
about that change, so it is dropped. A bad line with others after it is damage, and refused.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path

from registry_core.errors import RegistryError
from resources.embedded_registry.contents import Change


def read_changes(path: Path) -> list[Change]:
    """All whole lines of a journal; none where the file is absent."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return []
    lines = content.split(b"\n")
    torn = lines.pop()  # after the last line break: empty, or what a killed process left
    changes = []
    for number, line in enumerate(lines, start=1):
        try:
            changes.append(Change.from_line(line))
        except (ValueError, TypeError) as error:
            if number == len(lines) and not torn:
                break
            raise RegistryError(
                f"{path}:{number} cannot be read as a change of the registry ({error}), and lines follow it:"
                " the file was damaged. Take the layout back from a copy, or remove that line",
                fault="corrupt",
            ) from error
    return changes


class Journal:
    """Appends to one file. `write` must be called by one thread at a time; `sync` by any number at once."""

    def __init__(self, path: Path, *, durable: bool) -> None:
        self.lines = 0
        self._path = path
        self._durable = durable
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        self._syncing = threading.Lock()
        self._written = 0
        self._synced = 0

    def write(self, change: Change) -> int:
        """Append; returns the number to wait for with `sync`."""
        line = change.to_line()
        before = os.fstat(self._file).st_size
        if os.write(self._file, line) != len(line):
            os.ftruncate(self._file, before)
            raise RegistryError(
                f"could not write a whole line to {self._path}: the disk is full. Make room and push again",
                fault="unreachable",
            )
        self.lines += 1
        self._written += 1
        return self._written

    def sync(self, number: int) -> None:
        """Return when that line is on the disk. Those who wait together are served by one fsync."""
        if not self._durable:
            return
        with self._syncing:
            if self._synced < number:
                written = self._written
                os.fsync(self._file)
                self._synced = written

    def clear(self) -> None:
        """Forget all lines, after they were folded."""
        with self._syncing:
            os.ftruncate(self._file, 0)
            if self._durable:
                os.fsync(self._file)
            self.lines = 0
            self._synced = self._written

    def close(self) -> None:
        os.close(self._file)
