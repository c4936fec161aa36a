"""What all commands share: the site's file, and how errors are told."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from registry_core.errors import ConfigError

if TYPE_CHECKING:
    from resources.configuration.load import LoadedSite


@dataclass(frozen=True, slots=True)
class Invocation:
    """The global options of one call of `registry-pipelines`."""

    config: Path | None = None
    debug: bool = False

    @property
    def site_file(self) -> Path:
        """The file that is meant: `--config`, REGISTRY_PIPELINES_CONFIG, or the one here. It may not exist."""
        from resources.configuration.load import find_site_file  # pydantic; not for --help
        from resources.configuration.paths import from_home

        if self.config is None:
            return find_site_file()
        try:
            return from_home(str(self.config)).absolute()
        except ValueError as error:
            raise ConfigError(str(error), subject="--config") from None

    def site(self) -> LoadedSite:
        """The settings of the site. Raises ConfigError with all problems of its file."""
        from registry_pipelines.config import load

        return load(self.site_file)

    def site_if_any(self) -> LoadedSite | None:
        """The settings of the site; None where no file is named and none is here."""
        from resources.configuration.load import SITE_FILE_VARIABLE  # pydantic; not for --help

        named = self.config is not None or bool(os.environ.get(SITE_FILE_VARIABLE))
        return self.site() if named or self.site_file.exists() else None


def invocation(context: typer.Context) -> Invocation:
    """The global options, from inside a command."""
    found = context.find_object(Invocation)
    return found if found is not None else Invocation()
