"""`plan backtest`: what a policy would have deleted in the past that was used afterwards."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from registry_pipelines.cli.invocation import invocation
from registry_pipelines.cli.output import CsvOption, JsonOption, form_of, note, show


def backtest(
    context: typer.Context,
    policy: Annotated[
        Path, typer.Option("--policy", metavar="FILE", help="YAML: a list of entries, or a file with `policies`.")
    ],
    days: Annotated[int, typer.Option("--days", min=1, max=3660, help="Replay each of the last so many days.")] = 60,
    registries: Annotated[
        list[str] | None, typer.Option("--registry", "-r", help="Only this one; may be given again.")
    ] = None,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """Replay a policy over what was recorded, and list what it would have deleted that was used afterwards.

    An empty list means that no workload which the inventories know would have lost an image. Exit code 1 when there
    is anything.
    """
    form = form_of(as_json, as_csv)

    from datetime import UTC, datetime, timedelta

    from assets.taking.past_usage import sightings_of  # pandas
    from registry_core.backtest import BACKTEST_COLUMNS, Period
    from registry_core.backtest import backtest as replay
    from registry_core.policy import read_policies
    from registry_core.policy_spans import print_window
    from resources.configuration.document import read_document
    from resources.connections import Connections

    written = read_document(policy).value
    policies = read_policies(written.get("policies") if isinstance(written, dict) else written)
    windows = (f"policies[{number}] {print_window(one.seen_within)}" for number, one in enumerate(policies.entries))
    note(f"uses count within `seen_within` of each entry: {', '.join(windows)}")
    now = datetime.now(UTC)
    rows = []
    with Connections(invocation(context).site()) as connections:
        for name in registries or list(connections.site.registries):
            connections.registry_settings(name)
            past = sightings_of(connections, name)
            begin = now - timedelta(days=days)
            if past.history_began_at is not None and past.history_began_at > begin:
                begin = past.history_began_at
                note(f"{name}: the history begins {begin:%Y-%m-%d %H:%M} UTC, so less than {days} days are replayed")
            found = replay(policies, past, Period(begin, now))
            rows += [{"registry": name, **row} for row in found.to_dict("records")]
    show(rows, ("registry", *BACKTEST_COLUMNS), form, empty="nothing that was used afterwards would have gone")
    if rows:
        raise typer.Exit(1)
