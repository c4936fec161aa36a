"""How fast the crawl is: against docker-registry, an instant server, a far one, and a naive loop.

    python -m benchmarks.crawl [--tags 20000] [--repositories 500] [--large 400000] [--page docs/performance.md]

Everything is measured in one run on one machine, so that the ratios mean something; the server's own limit is
measured just before and just after. Client and server share the processors.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks import instant_server, registry_storage
from benchmarks.content import Content, build
from benchmarks.server_limit import requests_per_second

_MEGABYTE = 1_000_000
BEGIN, END = "<!-- measured by `make benchmark` -->", "<!-- end of what was measured -->"


@dataclass
class Report:
    """The rows of the table, and the targets."""

    rows: list[tuple[str, ...]] = field(default_factory=list)
    targets: list[str] = field(default_factory=list)

    def row(self, what: str, told: dict[str, Any], *, limit: float | None, naive: float | None) -> None:
        rate = told["requests"] / told["seconds"]
        cells = (
            what,
            f"{told['tags']:,}",
            f"{told['requests']:,}",
            f"{told['seconds']:.1f}",
            f"{told['tags'] / told['seconds']:,.0f}",
            f"{rate:,.0f}",
            f"{rate / limit:.2f}" if limit else "",
            f"{rate / naive:.1f}" if naive else "",
            f"{told['cpu_seconds'] * 1000 / told['tags']:.3f}",
            f"{told['peak_bytes'] / _MEGABYTE:.0f}",
        )
        self.rows.append(cells)
        print("  " + " · ".join(cell for cell in cells if cell), file=sys.stderr, flush=True)

    def target(self, what: str, value: float, bound: float, *, below: bool = False) -> None:
        good = value <= bound if below else value >= bound
        wish = f"{'at most' if below else 'at least'} {bound:g}"
        shown = f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
        self.targets.append(f"{'reached' if good else 'missed'}: {what} {shown} (wanted: {wish})")
        print("  " + self.targets[-1], file=sys.stderr, flush=True)

    def table(self) -> str:
        head = (
            "what", "tags", "requests", "seconds", "tags/s", "requests/s", "of the limit", "× naive",
            "CPU s per 1,000 tags", "peak MB",
        )  # fmt: skip
        lines = [head, tuple("---" if at == 0 else "---:" for at in range(len(head))), *self.rows]
        return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tags", type=int, default=20_000)
    parser.add_argument("--repositories", type=int, default=500)
    parser.add_argument("--large", type=int, default=400_000, help="tags of the memory test; 0 leaves it out")
    parser.add_argument("--seconds", type=int, default=6, help="of each measurement of a server's limit")
    parser.add_argument("--page", type=Path, help="put the table into this page, between its two marks")
    given = parser.parse_args()
    report = Report()
    content = build(tags=given.tags, repositories=given.repositories)
    load = f"{os.cpu_count()} processors shared by client and server, load before {os.getloadavg()[0]:.2f}"
    print(f"{content.tag_count} tags, {len(content.manifests)} manifests; {load}", file=sys.stderr)
    with tempfile.TemporaryDirectory() as folder:
        against_docker_registry(report, content, Path(folder), given.seconds)
    against_instant_server(report, given.tags, given.repositories, given.seconds, content)
    against_far_server(report, given.tags, given.repositories, given.seconds, content)
    if given.large:
        large(report, given.large)
    print(report.table())
    if given.page:
        put_into(given.page, f"{load}, {datetime.now(UTC):%Y-%m-%d}", report)


def against_docker_registry(report: Report, content: Content, folder: Path, seconds: int) -> None:
    """Debian's docker-registry over a real storage, on the same processors."""
    registry_storage.write_storage(content, folder)
    paths = [f"/v2/{repository}/manifests/{tag}" for repository, tag in content.tagged()]
    with registry_storage.running(folder) as address:
        requests_per_second(address, paths, seconds=2)  # everything is read once
        before = requests_per_second(address, paths, seconds=seconds)
        naive = one("naive", address)[0]
        first, second = one("crawl", address)  # with as many connections as wrk, and as the settings have
        after = requests_per_second(address, paths, seconds=seconds)
    limit = (before + after) / 2
    print(f"  docker-registry: {before:,.0f} requests/s before, {after:,.0f} after", file=sys.stderr)
    slow = naive["requests"] / naive["seconds"]
    report.row("docker-registry 2.8: naive loop", naive, limit=limit, naive=None)
    report.row("docker-registry 2.8: first crawl", first, limit=limit, naive=slow)
    report.row("docker-registry 2.8: second crawl", second, limit=limit, naive=slow)
    report.target("share of docker-registry's limit", second["requests"] / second["seconds"] / limit, 0.9)
    report.target("CPU seconds per 1,000 tags", second["cpu_seconds"] * 1000 / second["tags"], 0.12, below=True)
    report.target("times the naive loop", second["requests"] / second["seconds"] / slow, 5)
    report.target("manifests read by the second crawl", second["manifests"], 0, below=True)


def against_instant_server(report: Report, tags: int, repositories: int, seconds: int, content: Content) -> None:
    """A server that has every answer ready: the client's own limit."""
    paths = [f"/v2/{repository}/manifests/{tag}" for repository, tag in content.tagged()]
    with server(tags, repositories, 0.0) as address:
        limit = requests_per_second(address, paths, seconds=seconds)
        naive = one("naive", address)[0]
        first, second = one("crawl", address, "--connections", "16")
    slow = naive["requests"] / naive["seconds"]
    report.row("instant server: naive loop", naive, limit=limit, naive=None)
    report.row("instant server: first crawl", first, limit=limit, naive=slow)
    report.row("instant server: second crawl", second, limit=limit, naive=slow)
    report.target("tags a second, instant server", second["tags"] / second["seconds"], 8000)
    report.target("times the naive loop, instant server", second["requests"] / second["seconds"] / slow, 5)


def against_far_server(report: Report, tags: int, repositories: int, seconds: int, content: Content) -> None:
    """20 ms to the server and 128 connections: at most 6,400 requests a second."""
    paths = [f"/v2/{repository}/manifests/{tag}" for repository, tag in content.tagged()]
    most = 128 / 0.02
    with server(tags, repositories, 0.02) as address:
        limit = requests_per_second(address, paths, connections=128, seconds=seconds)
        naive = one("naive", address, "--most", "300")[0]
        first, second = one("crawl", address, "--connections", "128")
    print(f"  20 ms away: {limit:,.0f} requests/s by wrk, {most:,.0f} by the clock", file=sys.stderr)
    slow = naive["requests"] / naive["seconds"]
    report.row("20 ms away: naive loop", naive, limit=most, naive=None)
    report.row("20 ms away: first crawl, 128 connections", first, limit=most, naive=slow)
    report.row("20 ms away: second crawl, 128 connections", second, limit=most, naive=slow)
    report.target("share of connections ÷ latency", second["requests"] / second["seconds"] / most, 0.8)


def large(report: Report, tags: int) -> None:
    """Memory at many tags."""
    with server(tags, max(1, tags // 80), 0.0) as address:
        (first,) = one("crawl", address, "--connections", "16", "--once")
    report.row(f"instant server: first crawl of {tags:,} tags", first, limit=None, naive=None)
    report.target(f"peak MB at {tags:,} tags", first["peak_bytes"] / _MEGABYTE, 300, below=True)


def put_into(page: Path, circumstances: str, report: Report) -> None:
    """Replace what stands between the two marks of the page."""
    head, _, rest = page.read_text().partition(BEGIN)
    _, _, tail = rest.partition(END)
    busy = os.getloadavg()[2] > (os.cpu_count() or 1)
    circumstances += "; the machine was busy with other work, so take no figure but memory for good" if busy else ""
    told = f"Measured on {circumstances}.\n\n{report.table()}\n" + "".join(f"- {line}\n" for line in report.targets)
    page.write_text(f"{head}{BEGIN}\n\n{told}\n{END}{tail}")


def one(client: str, address: str, *options: str) -> list[dict[str, Any]]:
    """Run one client in its own process."""
    command = [sys.executable, "-m", "benchmarks.one_crawl", client, address, *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr}{done.stdout}")
    told: list[dict[str, Any]] = json.loads(done.stdout)
    return told


@contextmanager
def server(tags: int, repositories: int, latency_seconds: float) -> Iterator[str]:
    """The instant server in a process of its own."""
    ours, theirs = multiprocessing.get_context("spawn").Pipe()
    process = multiprocessing.get_context("spawn").Process(
        target=instant_server.run, args=(theirs, tags, repositories, latency_seconds), daemon=True
    )
    process.start()
    try:
        yield ours.recv()
    finally:
        process.terminate()
        process.join()


if __name__ == "__main__":
    main()
