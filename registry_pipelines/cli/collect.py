"""`collect`: let a registry free what deletions left behind."""

from __future__ import annotations

from typing import Annotated

import typer

from registry_pipelines.cli.invocation import invocation
from registry_pipelines.cli.output import JsonOption, form_of, note, show

_COLUMNS = ("registry", "before_bytes", "after_bytes", "freed_bytes")


def collect(
    context: typer.Context,
    registry: Annotated[str, typer.Argument(metavar="REGISTRY", help="A configured registry.")],
    confirm: Annotated[
        str | None, typer.Option("--confirm", metavar="REGISTRY", help="Its name again, instead of being asked.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Run the registry's garbage collection in its pod, and measure its storage before and after.

    What was collected cannot be restored but from a quarantine, so the name of the registry is asked for again.
    Refused (exit code 3) without it, while the registry takes pushes, and while a plan is being carried out there.
    Without a `collection` setting it says how to collect by hand.
    """
    form = form_of(as_json, False)

    from registry_pipelines.cli.progress_bar import progress_bar  # pandas, kubernetes
    from registry_pipelines.eviction import collection
    from resources.connections import Connections

    with Connections(invocation(context).site()) as connections:
        if connections.registry_settings(registry).collection is None:
            note(collection.how_to_collect(connections, registry))
            raise typer.Exit(2)
        confirmed = confirm if confirm is not None else typer.prompt(f"Type {registry} to collect it", err=True)
        with progress_bar() as progress:
            collected = collection.collect(connections, registry, confirmed=confirmed, progress=progress)
    row = {
        "registry": registry,
        "before_bytes": collected.before_bytes,
        "after_bytes": collected.after_bytes,
        "freed_bytes": collected.freed_bytes,
    }
    show([row], _COLUMNS, form)
