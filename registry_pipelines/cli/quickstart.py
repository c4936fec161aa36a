"""`quickstart`: the whole main job on a sample company."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def quickstart(
    folder: Annotated[
        Path, typer.Option("--folder", metavar="PATH", help="Where everything is kept between starts.")
    ] = Path(".quickstart"),
    sample: Annotated[
        Path | None, typer.Option("--sample", metavar="PATH", help="Sample content. Default: that of the checkout.")
    ] = None,
    port: Annotated[int, typer.Option("--port", help="Port of the Dagster UI; another when it is taken.")] = 3000,
    registry_port: Annotated[
        int, typer.Option("--registry-port", help="Port of the embedded registry; another when it is taken.")
    ] = 5055,
    once: Annotated[bool, typer.Option("--once", help="Stop as soon as the UI answers, to see that it works.")] = False,
) -> None:
    """Start a registry with sample content, make the graph once and serve the Dagster UI, all on loopback.

    Ctrl-C stops everything it started; starting it again keeps what was there.
    """
    from registry_pipelines.quickstart.run import SAMPLE, Ports, run_quickstart

    run_quickstart(folder, sample or SAMPLE, Ports(registry=registry_port, ui=port), stay=not once, say=_say)


def _say(text: str) -> None:
    print(text, flush=True)  # also when somebody pipes it and waits for the address
