"""The quickstart as a newcomer starts it: one command, and everything it started ends with it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from assets.taking.plan import take_plan
from registry_core.errors import ConfigError
from registry_pipelines.quickstart.folder import QuickstartFolder
from registry_pipelines.quickstart.run import what_waits
from resources.processes import ProcessDied, Processes, free_port
from tests.company import REGISTRY, Company
from tests.registry_pipelines.planning import with_policies

_MATERIALIZED = """
{ assetNodes { assetKey { path } assetMaterializations(limit: 1) { runId } } }
"""


@contextmanager
def quickstart(folder: Path, *options: str) -> Iterator[subprocess.Popen[str]]:
    """A quickstart under way, ended as by Ctrl-C."""
    ports = ["--port", str(free_port(0)), "--registry-port", str(free_port(0))]
    command = [sys.executable, "-m", "registry_pipelines", "quickstart", "--folder", str(folder), *ports, *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGINT)


def address_of(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    said = []
    for line in process.stdout:
        said.append(line)
        found = re.search(r"Dagster UI is at (http://127\.0\.0\.1:\d+)", line)
        if found:
            return found[1]
    raise AssertionError("".join(said))


def processes_below(folder: Path) -> set[int]:
    """Processes that name the folder on their command line or in their environment."""
    found = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                told = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
            except OSError:
                continue
            if str(folder).encode() in told:
                found.add(int(entry.name))
    return found


def eventually(holds: Callable[[], bool], *, seconds: float = 30) -> bool:
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.2)
    return True


def test_it_serves_the_whole_graph_ends_without_a_trace_and_keeps_what_was_there(tmp_path: Path) -> None:
    folder = tmp_path / "quickstart"
    with quickstart(folder) as process:
        address = address_of(process)
        answer = requests.post(f"{address}/graphql", json={"query": _MATERIALIZED}, timeout=60).json()
        made = {
            node["assetKey"]["path"][-1]: bool(node["assetMaterializations"]) for node in answer["data"]["assetNodes"]
        }
        assert {"live_cluster", "cluster_inventory", "registry_catalog", "image_usage", "health_report"} <= made.keys()
        for name in ("live_cluster", "live_registry", "cluster_inventory", "registry_catalog", "health_report"):
            assert made[name], name
        assert len(processes_below(folder)) > 3
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
    assert eventually(lambda: not processes_below(folder)), "something was left running"

    with quickstart(folder, "--once") as again:
        said = again.communicate(timeout=180)[0]
    assert again.returncode == 0, said
    assert "was made before" in said
    assert eventually(lambda: not processes_below(folder))


def test_it_says_that_a_plan_waits_only_where_one_does(company: Company) -> None:
    address = "http://127.0.0.1:3000"
    assert what_waits(company.loaded, address).startswith("No eviction plan waits for you; see http://127.0.0.1:3000/")
    with_policies(company, policies=[{"repositories": ["**"], "protect": True}])
    with company.connections() as connections:
        take_plan(connections, REGISTRY)
    assert "No eviction plan waits for you, the newest is: nothing to do" in what_waits(company.loaded, address)
    with_policies(company)
    with company.connections() as connections:
        take_plan(connections, REGISTRY)
    assert what_waits(company.loaded, address).startswith(f"An eviction plan waits for you: {address}/assets/")


def test_without_the_sample_it_says_where_it_looked(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=f"the sample content is not at {tmp_path}"):
        QuickstartFolder(tmp_path / "q").prepare(tmp_path, registry_url="http://127.0.0.1:1")


def test_a_start_that_broke_off_while_unpacking_is_not_taken_for_a_whole_one(tmp_path: Path) -> None:
    folder = QuickstartFolder(tmp_path)
    (tmp_path / "registry.partial" / "blobs").mkdir(parents=True)
    sample = Path(__file__).resolve().parents[3] / "examples" / "quickstart"
    folder.prepare(sample, registry_url="http://127.0.0.1:1")
    assert (folder.registry / "index.json").exists()
    assert not (tmp_path / "registry.partial").exists()


def test_a_process_that_dies_is_told_with_the_end_of_its_log(tmp_path: Path) -> None:
    with Processes(tmp_path) as processes:
        processes.start("broken", [sys.executable, "-c", "print('it was the disk'); raise SystemExit(3)"])
        with pytest.raises(ProcessDied, match="broken ended by itself with status 3") as caught:
            processes.wait_for("http://127.0.0.1:1/", seconds=30)
    assert "it was the disk" in str(caught.value)


def test_a_process_that_will_not_listen_is_ended_with_its_children(tmp_path: Path) -> None:
    stubborn = (
        "import signal, subprocess, sys, time; signal.signal(signal.SIGINT, signal.SIG_IGN);"
        f"subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)  # {tmp_path}']); time.sleep(600)"
    )
    with Processes(tmp_path) as processes:
        processes.start("stubborn", [sys.executable, "-c", stubborn])
        assert eventually(lambda: len(processes_below(tmp_path)) == 2)
        processes.grace_seconds = 1.0
    assert eventually(lambda: not processes_below(tmp_path))
