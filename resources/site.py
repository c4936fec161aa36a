"""The Dagster resource through which assets and jobs reach a site. The one file of this storey that knows Dagster."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
from pydantic import Field

from registry_core.plain_config import refuse_what_is_not_plain
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


def site_resource(
    path: Path, *, at_the_begin: Callable[[dg.InitResourceContext], None] = lambda _: None
) -> dg.ResourceDefinition:
    """The resource of a deployment: a site whose file is decided here, and by nothing that a run is given.

    It has no config, which could name another site's file, with other approvers. Every job and asset takes it, so that
    here each run is refused whose config is not plain, also one that passed no run coordinator of ours. `at_the_begin`
    is called with each run that is not refused.
    """

    def open_site(context: dg.InitResourceContext) -> SiteResource:
        if context.run is not None:  # sensors and schedules have none
            refuse_what_is_not_plain(context.run.run_config)
            at_the_begin(context)
        return SiteResource(site_file=str(path))

    return dg.ResourceDefinition(open_site, config_schema={}, description="The site and its configuration file.")


class NothingHandedOn(dg.ConfigurableIOManager):
    """The IO manager of all assets and ops: what they make is in the history, and they hand nothing on.

    Dagster's default one writes pickles below a folder that the config of a run can name.
    """

    def handle_output(self, context: dg.OutputContext, obj: object) -> None:
        """Raises TypeError for a value: there is no place for it."""
        if obj is not None:
            raise TypeError(f"{context.step_key} returned a value; keep it in the history and return its description")

    def load_input(self, context: dg.InputContext) -> None:
        """There is nothing to load."""
        raise TypeError(f"the input {context.name} asks for a value that was handed on; read it from the history")
