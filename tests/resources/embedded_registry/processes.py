"""The embedded registry as a process of its own, to be killed."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

REPOSITORY_ROOT = Path(__file__).parents[3]


class RegistryProcess:
    """`python -m resources.embedded_registry ROOT`, on a free port."""

    def __init__(self, root: Path, *options: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "resources.embedded_registry", str(root), *options],
            cwd=REPOSITORY_ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        found = re.search(r"at (http://(\S+))$", line.strip())
        if found is None:
            raise AssertionError(f"the registry did not start: {line}{self.process.communicate()[1]}")
        self.url, self.host = found[1], found[2]

    def kill(self) -> None:
        """SIGKILL: no goodbye, nothing flushed."""
        self.process.kill()
        self.process.communicate()

    def stop(self) -> int:
        """SIGTERM; returns the exit code."""
        self.process.terminate()
        self.process.communicate(timeout=20)
        return self.process.returncode

    def __enter__(self) -> RegistryProcess:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.kill()
