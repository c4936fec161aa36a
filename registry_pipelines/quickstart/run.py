"""Run the quickstart: registry, graph, UI, until somebody presses Ctrl-C."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from registry_pipelines.quickstart.folder import QuickstartFolder
from resources.configuration.load import SITE_FILE_VARIABLE, LoadedSite, load_site
from resources.processes import Processes, free_port

SAMPLE = Path(__file__).resolve().parents[2] / "examples" / "quickstart"

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Ports:
    """Ports on loopback that are wished for; others are taken where these are not free."""

    registry: int
    ui: int
    web: int = 8055


def run_quickstart(root: Path, sample: Path, ports: Ports, *, stay: bool, say: Say) -> None:
    """Everything on loopback, everything below `root`. With `stay` False it ends once the UI answers.

    Raises ProcessDied when something that was started ends by itself.
    """
    folder = QuickstartFolder(root.resolve())
    folder.root.mkdir(parents=True, exist_ok=True)
    _end_like_an_interrupt()
    registry = f"http://127.0.0.1:{free_port(ports.registry)}"
    web = f"http://127.0.0.1:{free_port(ports.web)}"
    folder.prepare(sample, registry_url=registry, web_address=web)
    os.environ[SITE_FILE_VARIABLE] = str(folder.site_file)
    environment = {"DAGSTER_HOME": str(folder.dagster_home), "DAGSTER_DISABLE_TELEMETRY": "yes"}
    with Processes(folder.root / "logs") as processes:
        say(f"Embedded registry with the sample company: {registry}")
        processes.start(
            "registry",
            [sys.executable, "-m", "resources.embedded_registry", str(folder.registry), "--port", registry[17:]],
        )
        processes.wait_for(f"{registry}/v2/", seconds=30)
        _materialize(folder, say)
        processes.start(
            "web", [sys.executable, "-m", "registry_pipelines.cli", "serve", "--host", "127.0.0.1", "--port", web[17:]]
        )
        address = f"http://127.0.0.1:{free_port(ports.ui)}"
        processes.start(
            "dagster",
            [sys.executable, "-m", "dagster", "dev", "--workspace", str(folder.workspace),
             "--host", "127.0.0.1", "--port", address[17:], "--log-level", "warning"],
            environment=environment,
        )  # fmt: skip
        say("Starting the Dagster UI …")
        processes.wait_for(f"{address}/server_info", seconds=120)
        say(
            f"\nThe Dagster UI is at {address}/asset-groups/\n{what_waits(load_site(folder.site_file), address)}"
            f"\nReports and whole plans are at {web}/\nCtrl-C stops everything; `make clean` removes it."
        )
        if stay:
            processes.watch()


def what_waits(loaded: LoadedSite, address: str) -> str:
    """Whether an eviction plan waits for a decision, and where. One with nothing to do, or decided before, does not."""
    from resources.connections import Connections  # pandas

    with Connections(loaded) as connections:
        newest = connections.ledger.plans(kind="eviction", limit=1)
    where = f"{address}/assets/eviction_plan?view=partitions"
    if newest and newest[0].state == "waiting":
        return f"An eviction plan waits for you: {where}"
    return f"No eviction plan waits for you{f', the newest is: {newest[0].state}' if newest else ''}; see {where}"


def _materialize(folder: QuickstartFolder, say: Say) -> None:
    # Dagster takes over a second to import, and the registry starts meanwhile.
    from registry_pipelines.quickstart.materialize import materialize_once

    loaded = load_site(folder.site_file)
    runs = materialize_once(loaded, folder.dagster_home, on_step=lambda step: say(f"  {step}"))
    if runs == 0:
        say("The graph was made before; the schedules keep it fresh.")


def _end_like_an_interrupt() -> None:
    """A terminal that closes and a `kill` end us as Ctrl-C does: with everything that was started. Said for Ctrl-C
    too, because a shell that puts us in the background has it ignored."""

    def interrupt(signum: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, interrupt)
