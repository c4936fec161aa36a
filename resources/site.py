"""The Dagster resource through which assets and jobs reach a site. The one file of this storey that knows Dagster."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
from pydantic import Field

from resources.configuration.load import LoadedSite, load_site
from resources.connections import Connections


class SiteResource(dg.ConfigurableResource):
    """A site by its file. Nothing is read or opened before a run asks for it."""

    site_file: str = Field(description="path of the site's registry_pipelines.yaml")

    def loaded(self) -> LoadedSite:
        """The file, read and checked now. Raises ConfigError with all its problems."""
        return load_site(Path(os.fspath(self.site_file)))

    @contextmanager
    def connections(self) -> Iterator[Connections]:
        """Clusters, registries and history of the site, closed at the end of the block."""
        with Connections(self.loaded()) as connections:
            yield connections
