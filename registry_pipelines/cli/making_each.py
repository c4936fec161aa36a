"""Make a plan for each name: one that cannot be made does not keep the others from being made and shown."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from registry_core.errors import ConfigError, RegistryPipelinesError
from registry_pipelines.cli.output import note


class MakingEach:
    """Remembers what went wrong until all were tried."""

    def __init__(self) -> None:
        self.failed: list[RegistryPipelinesError] = []

    @contextmanager
    def one(self) -> Iterator[None]:
        """What a configuration has wrong ends all at once; anything else is for the end."""
        try:
            yield
        except ConfigError:
            raise
        except RegistryPipelinesError as error:
            self.failed.append(error)

    def conclude(self) -> None:
        """Tell what went wrong, a line each, and end with the last of it: its exit code is that of the command."""
        for error in self.failed[:-1]:
            note(str(error))
        if self.failed:
            raise self.failed[-1]
