"""`ls`: what a registry lists now, one tag a line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from registry_pipelines.cli.invocation import invocation
from registry_pipelines.cli.output import CsvOption, Form, JsonOption, form_of, line, note, show
from registry_pipelines.cli.unread import Unread

if TYPE_CHECKING:
    from registry_pipelines.cli.listing import Listed

RegistryArgument = Annotated[
    str, typer.Argument(metavar="REGISTRY", help="A configured name, a host, or an address (https://…).")
]
RepositoryOption = Annotated[
    list[str] | None,
    typer.Option("-r", "--repository", metavar="REPO", help="Only this repository; may be given again."),
]


def ls(
    context: typer.Context,
    registry: RegistryArgument,
    repository: RepositoryOption = None,
    digest: Annotated[bool, typer.Option("--digest", help="Add @sha256:… to each line.")] = False,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """List repository:tag, one a line, as the registry answers now.

    Repositories are those that the vendor's API lists (GHCR, Harbor, Docker Hub, Quay …), else the registry. One that
    is not configured is read with the login of your docker config. Exit code 5 when the list or a repository could not
    be read whole: the lines are then not all there are.
    """
    form = form_of(as_json, as_csv)

    from registry_pipelines.cli.listing import read_tags  # pycurl, pydantic
    from registry_pipelines.cli.repositories import repositories_of
    from registry_pipelines.config import open_registry, vendor_of

    connection = open_registry(registry, invocation(context).site_if_any(), tell=note)
    provider = None if repository else vendor_of(connection)
    repositories = repositories_of(connection, provider, repository or ())
    unread = Unread(connection.name, repositories, named=bool(repository))
    listed = unread.noting(read_tags(connection, repositories.names, digests=digest))
    if form is Form.TABLE:
        for one in listed:
            for tag, found in _tags(one, digest):
                line(f"{one.repository}:{tag}{f'@{found}' if found else ''}")
    else:
        columns = ("repository", "tag", "digest") if digest else ("repository", "tag")
        show(_rows(listed, digest), columns, form)
    unread.conclude()


def _tags(listed: Listed, digest: bool) -> Iterator[tuple[str, str | None]]:
    """Tags with their digests; a tag that does not resolve is told apart, not listed without one."""
    if not digest:
        yield from ((tag, None) for tag in listed.tags)
        return
    yield from ((tag, found) for tag, found in zip(listed.tags, listed.digests, strict=True) if found)


def _rows(listed: Iterator[Listed], digest: bool) -> Iterator[Mapping[str, Any]]:
    for one in listed:
        for tag, found in _tags(one, digest):
            yield {"repository": one.repository, "tag": tag, "digest": found}
