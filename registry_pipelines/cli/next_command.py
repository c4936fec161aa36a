"""The next command after one that changed a registry or a cluster: what is known of it was read before.

A run in Dagster launches a backfill for this. A command leaves it to the user, because a crawl may take hours.
"""

from __future__ import annotations

import shlex

import typer

from registry_pipelines.cli.invocation import invocation
from registry_pipelines.cli.output import note


def note_reading_again(context: typer.Context, command: str, *names: str) -> None:
    """Name the command (`catalog`, `inventory`) that reads `names` again, with the file that this call was given."""
    config = invocation(context).config
    words = ["registry-pipelines", *(["--config", str(config)] if config else []), command, *names]
    note(f"the {command} of {', '.join(names)} is older than these changes; `{shlex.join(words)}` reads it again")
