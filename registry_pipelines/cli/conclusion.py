"""How a reading command ends that could not read everything."""

from __future__ import annotations

from collections.abc import Sequence

from registry_core.errors import IncompleteSnapshot
from registry_pipelines.cli.output import note


def conclude(troubles: Sequence[str]) -> None:
    """Tell what was not read, a line each. Raises IncompleteSnapshot (exit code 5) where there is anything."""
    for trouble in troubles[:-1]:
        note(trouble)
    if troubles:
        raise IncompleteSnapshot(troubles[-1])
