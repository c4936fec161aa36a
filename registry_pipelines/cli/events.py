"""`events`: what registries told of themselves."""

from __future__ import annotations

from typing import Annotated

import typer

from registry_pipelines.cli.invocation import invocation
from registry_pipelines.cli.output import CsvOption, JsonOption, form_of, show

_COLUMNS = ("received_at", "source", "registry", "action", "repository", "tag", "digest", "happened_at", "taken_by",
            "taken_at")  # fmt: skip


def events(
    context: typer.Context,
    source: Annotated[
        str | None, typer.Option("--source", metavar="NAME", help="Only those of this entry of `events`.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="So many of the newest.")] = 20,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """List the newest push events that the web service took, and whether something was made of them."""
    form = form_of(as_json, as_csv)

    from resources.connections import Connections

    with Connections(invocation(context).site()) as connections:
        configured = connections.site.events
        if source is not None and source not in configured:
            known = ", ".join(configured) or "none"
            raise typer.BadParameter(f"no entry is called {source}; configured are: {known}", param_hint="--source")
        found = connections.history.push_events.newest(source=source, limit=limit)
    rows = ({name: getattr(event, name) for name in _COLUMNS} for event in found)
    show(rows, _COLUMNS, form, empty="no event has come yet")
