"""How fast a copy is, beside skopeo in the same run, between two docker-registries on this machine.

    python -m benchmarks.copy [--megabytes 900] [--images 20] [--rounds 3] [--large 0] [--page docs/copy.md]

Clients and both registries share the processors and take turns, so look at the ratios. Of `skopeo` the whole process
is measured; of ours the copy itself and, beside it, the whole process with the start of Python. `--large 2000` also
sends one layer of 2 GB and tells the peak memory.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import multiprocessing
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import yaml

from benchmarks import registry_storage
from benchmarks.content import OCI_CONFIG, OCI_LAYER, OCI_MANIFEST, Content, digest_of
from benchmarks.copy_content import described_as, write_source

_MEGABYTE = 1_000_000
BEGIN, END = "<!-- measured by `python -m benchmarks.copy` -->", "<!-- end of what was measured -->"


@dataclass(frozen=True)
class Measured:
    """One run of one client."""

    seconds: float
    cpu_seconds: float
    peak_bytes: int
    process_seconds: float


@dataclass
class Client:
    """One way to copy all images."""

    name: str
    run: Callable[[str, str, list[str]], Measured]
    first: list[Measured] = field(default_factory=list)
    second: list[Measured] = field(default_factory=list)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, default=900, help="of all blobs, each counted once")
    parser.add_argument("--images", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--large", type=int, default=0, help="megabytes of one layer for the memory test; 0: none")
    parser.add_argument("--folder", type=Path, help="where the storages are made; default: the temporary folder")
    parser.add_argument("--page", type=Path, help="put the table into this page, between its two marks")
    given = parser.parse_args()
    if shutil.which("skopeo") is None:
        raise SystemExit("install skopeo (Debian) to compare with it")
    load = f"{os.cpu_count()} processors shared by client and registries, load before {os.getloadavg()[0]:.2f}"
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        # In a process of its own: what we once held in memory would count as the peak of every client we start.
        with multiprocessing.get_context("spawn").Pool(1) as other:
            names, size_bytes, blobs = other.apply(
                write_source, (Path(folder) / "source", given.megabytes * _MEGABYTE, given.images)
            )
        told = [f"{given.images} images, {size_bytes / _MEGABYTE:,.0f} MB in {blobs} blobs; {load}"]
        print(told[0], file=sys.stderr)
        clients = [
            Client("skopeo sync", sync),
            Client("skopeo copy --all, one by one", one_by_one),
            Client("registry_pipelines", ours),
        ]
        with registry_storage.running(Path(folder) / "source") as source:
            read_once(source, names)
            for at in range(given.rounds):
                for client in clients[at % len(clients) :] + clients[: at % len(clients)]:
                    with empty_registry(Path(folder)) as destination:
                        client.first.append(client.run(source, destination, names))
                        client.second.append(client.run(source, destination, names))
                        print(f"  {client.name}: {client.first[-1].seconds:.2f} s", file=sys.stderr, flush=True)
        told += ["", table(clients, size_bytes), "", *targets(clients, size_bytes, floor(size_bytes))]
        if given.large:
            told.append(large(Path(folder), given.large * _MEGABYTE))
    print("\n".join(told))
    if given.page:
        head, _, rest = given.page.read_text().partition(BEGIN)
        _, _, tail = rest.partition(END)
        told[0] = f"Measured on {datetime.now(UTC):%Y-%m-%d}: {told[0]}."
        given.page.write_text(f"{head}{BEGIN}\n\n" + "\n".join(told) + f"\n\n{END}{tail}")


def ours(source: str, destination: str, names: list[str]) -> Measured:
    command = [sys.executable, "-m", "benchmarks.one_copy", source, destination, *names]
    began = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    process_seconds = time.perf_counter() - began
    if done.returncode:
        raise SystemExit(f"our copy failed:\n{done.stderr}")
    told = json.loads(done.stdout)
    if told["failed"]:
        raise SystemExit(f"our copy failed:\n{told['failed']}")
    return Measured(told["seconds"], told["cpu_seconds"], told["peak_bytes"], process_seconds)


def sync(source: str, destination: str, names: list[str]) -> Measured:
    tags: dict[str, list[str]] = {}
    for name in names:
        repository, _, tag = name.partition(":")
        tags.setdefault(repository, []).append(tag)
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        yaml.safe_dump({source.removeprefix("http://"): {"tls-verify": False, "images": tags}}, file)
        file.flush()
        host = destination.removeprefix("http://")
        flags = ["--all", "--src", "yaml", "--dest", "docker", "--dest-tls-verify=false"]
        return measured([["skopeo", "sync", *flags, file.name, host]])


def one_by_one(source: str, destination: str, names: list[str]) -> Measured:
    here, there = (f"docker://{url.removeprefix('http://')}" for url in (source, destination))
    flags = ["--all", "--src-tls-verify=false", "--dest-tls-verify=false"]
    return measured([["skopeo", "copy", *flags, f"{here}/{name}", f"{there}/{name}"] for name in names])


def measured(commands: list[list[str]]) -> Measured:
    """Run processes one after the other; their times and the largest of their peaks."""
    cpu_seconds, peak_bytes = 0.0, 0
    began = time.perf_counter()
    for command in commands:
        with tempfile.TemporaryFile() as output:
            process = subprocess.Popen(command, stdout=output, stderr=output)
            _, status, used = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            if process.returncode:
                output.seek(0)
                raise SystemExit(f"{' '.join(command)} failed:\n{output.read().decode(errors='replace')}")
        cpu_seconds += used.ru_utime + used.ru_stime
        peak_bytes = max(peak_bytes, used.ru_maxrss * 1024)
    seconds = time.perf_counter() - began
    return Measured(seconds, cpu_seconds, peak_bytes, seconds)


@contextmanager
def empty_registry(folder: Path) -> Iterator[str]:
    root = folder / "destination"
    root.mkdir()
    try:
        with registry_storage.running(root) as address:
            yield address
    finally:
        shutil.rmtree(root)


def read_once(source: str, names: list[str]) -> None:
    """Let the machine have the source's files in memory for everybody."""
    with tempfile.TemporaryDirectory() as folder:
        for name in names[:: max(1, len(names) // 4)]:
            host = source.removeprefix("http://")
            subprocess.run(
                ["skopeo", "copy", "--src-tls-verify=false", f"docker://{host}/{name}", f"dir:{folder}"],
                check=True,
                capture_output=True,
            )


def table(clients: list[Client], size_bytes: int) -> str:
    head = (
        "client", "first copy s", "MB/s", "CPU s per GB", "peak MB", "nothing to do s", "whole process s",
    )  # fmt: skip
    lines = [head, tuple("---" if at == 0 else "---:" for at in range(len(head)))]
    for client in clients:
        first, second = middle(client.first), middle(client.second)
        lines.append(
            (
                client.name,
                f"{first.seconds:.2f}",
                f"{size_bytes / first.seconds / _MEGABYTE:,.0f}",
                f"{first.cpu_seconds / size_bytes * 1e9:.2f}",
                f"{first.peak_bytes / _MEGABYTE:,.0f}",
                f"{second.seconds:.2f}",
                f"{first.process_seconds:.2f} · {second.process_seconds:.2f}",
            )
        )
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def floor(size_bytes: int) -> float:
    """Processor seconds for each GB that receiving, hashing and sending alone take, just now."""
    command = [sys.executable, "-m", "benchmarks.copy_floor", str(size_bytes)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(json.loads(done.stdout)["cpu_seconds_per_gb"])


def targets(clients: list[Client], size_bytes: int, floor_cpu: float) -> list[str]:
    skopeo, own = clients[0], clients[-1]
    ratio = middle(skopeo.first).seconds / middle(own.first).seconds
    again = middle(own.second).seconds / middle(skopeo.second).seconds
    cpu = middle(own.first).cpu_seconds / size_bytes * 1e9
    theirs = middle(skopeo.first).cpu_seconds / size_bytes * 1e9
    return [
        f"- {reached(ratio >= 1.5)}: first copy {ratio:.2f} × the rate of skopeo sync (wanted: at least 1.5)",
        f"- {reached(again <= 1)}: nothing to do takes {again:.2f} × the time of skopeo sync (wanted: at most 1)",
        f"- {reached(cpu < 1)}: {cpu:.2f} s of processor time for each GB (wanted: under 1; skopeo sync: {theirs:.2f};"
        f" receiving, hashing and sending alone, with nothing around them: {floor_cpu:.2f})",
    ]


def reached(good: bool) -> str:
    return "reached" if good else "missed"


def middle(runs: list[Measured]) -> Measured:
    """The run of median duration."""
    return sorted(runs, key=lambda run: run.seconds)[statistics.median_low(range(len(runs)))]


def large(folder: Path, size_bytes: int) -> str:
    """One layer, written and sent in pieces: how much memory its copy takes."""
    piece, hashed, home = random.Random(1).randbytes(4 * _MEGABYTE), hashlib.sha256(), folder / "large"
    file = home / "layer"
    home.mkdir()
    with file.open("wb") as output:
        for _ in range(size_bytes // len(piece)):
            output.write(piece)
            hashed.update(piece)
    digest, config = f"sha256:{hashed.hexdigest()}", b"{}"
    entry = {"mediaType": OCI_LAYER, "digest": digest, "size": file.stat().st_size}
    manifest = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": described_as(digest_of(config), config, OCI_CONFIG),
            "layers": [entry],
        }
    ).encode()
    content = Content(
        tags={"large": {"v1": digest_of(manifest)}},
        holds={"large": {digest_of(manifest)}},
        blobs_of={"large": {digest_of(config), digest}},
        manifests={digest_of(manifest): (OCI_MANIFEST, manifest)},
        blobs={digest_of(config): config},
    )
    registry_storage.write_storage(content, home / "storage")
    place = home / "storage/docker/registry/v2/blobs/sha256" / hashed.hexdigest()[:2] / hashed.hexdigest()
    place.mkdir(parents=True, exist_ok=True)
    file.rename(place / "data")
    with registry_storage.running(home / "storage") as source, empty_registry(folder) as destination:
        run = ours(source, destination, ["large:v1"])
    peak = run.peak_bytes / _MEGABYTE
    return (
        f"- {reached(peak < 150)}: a layer of {size_bytes / _MEGABYTE:,.0f} MB goes through with {peak:.0f} MB at the"
        f" peak, {size_bytes / run.seconds / _MEGABYTE:,.0f} MB/s (wanted: under 150 MB)"
    )


if __name__ == "__main__":
    main()
