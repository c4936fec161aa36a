"""`count`: how many repositories and tags a registry has now."""

from __future__ import annotations

import typer

from registry_pipelines.cli.invocation import invocation
from registry_pipelines.cli.ls import RegistryArgument
from registry_pipelines.cli.output import CsvOption, JsonOption, form_of, note, progress, show
from registry_pipelines.cli.unread import Unread


def count(
    context: typer.Context, registry: RegistryArgument, as_json: JsonOption = False, as_csv: CsvOption = False
) -> None:
    """Count the repositories and tags of a registry, as it answers now.

    Repositories are those that the vendor's API lists, else the registry. Exit code 5 when the list or a repository
    could not be read whole: the counts are then too low.
    """
    form = form_of(as_json, as_csv)

    from registry_pipelines.cli.listing import read_tags  # pycurl, pydantic
    from registry_pipelines.cli.repositories import repositories_of
    from registry_pipelines.config import open_registry, vendor_of

    connection = open_registry(registry, invocation(context).site_if_any(), tell=note)
    repositories = repositories_of(connection, vendor_of(connection))
    unread = Unread(connection.name, repositories, named=False)
    tags = 0
    with progress("repositories", len(repositories)) as advance:
        for one in unread.noting(read_tags(connection, repositories.names)):
            tags += len(one.tags)
            advance()
    row = {"registry": connection.name, "repositories": len(repositories), "tags": tags}
    show([row], ("registry", "repositories", "tags"), form)
    unread.conclude()
