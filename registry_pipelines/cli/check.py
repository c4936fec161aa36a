"""`check`: is everything that is in use still there to be pulled?"""

from __future__ import annotations

from typing import Annotated

import typer

from registry_pipelines.cli.conclusion import conclude
from registry_pipelines.cli.invocation import invocation
from registry_pipelines.cli.ls import RepositoryOption
from registry_pipelines.cli.output import CsvOption, JsonOption, form_of, note, show

_COLUMNS = ("severity", "kind", "what", "repository", "tag", "platform", "used_by", "detail")


def check(
    context: typer.Context,
    registry: Annotated[str, typer.Argument(metavar="REGISTRY", help="A configured registry.")],
    everything: Annotated[bool, typer.Option("--all", help="All that is stored, used or not.")] = False,
    repository: RepositoryOption = None,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """Ask a registry for every part of the images in use, and tell what is missing, corrupt, forbidden,
    unreachable or throttled, and whom it hurts.

    Stands on the last inventories and the last catalog. Exit code 1 when a finding is an error, 5 when the
    evidence is not complete.
    """
    form = form_of(as_json, as_csv)

    from assets.taking.health import examine  # pandas, pycurl
    from registry_core.findings import FINDING_COLUMNS
    from registry_pipelines.cli.progress_bar import progress_bar
    from resources.connections import Connections

    with Connections(invocation(context).site()) as connections, progress_bar() as progress:
        found = examine(
            connections, registry, everything=everything or None, repositories=repository or (), progress=progress
        )
    columns = _COLUMNS if not (as_json or as_csv) else FINDING_COLUMNS
    show(found.findings.to_dict("records"), columns, form, empty="no finding")
    errors = int(found.findings["severity"].eq("error").sum())
    note(
        f"{found.images:,} images, {found.parts:,} parts: {errors:,} errors, {len(found.findings) - errors:,} warnings"
    )
    for unseen in found.unseen:
        note(f"not looked at: {unseen}")
    unread = [f"not read: {gap}" for gap in found.coverage.unexcused]
    if errors:
        for gap in unread:
            note(gap)
        raise typer.Exit(1)
    conclude(unread)
