"""Fills the storage of Debian's `docker-registry` without pushing, and runs it.

Source of the layout: distribution 2.8 `registry/storage/paths.go`.
"""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.content import Content


def write_storage(content: Content, root: Path) -> None:
    """Write everything as the registry's filesystem driver would have."""
    base = root / "docker" / "registry" / "v2"
    for digest, body in {**content.blobs, **{key: body for key, (_, body) in content.manifests.items()}}.items():
        hexadecimal = digest.removeprefix("sha256:")
        _write(base / "blobs" / "sha256" / hexadecimal[:2] / hexadecimal / "data", body)
    for repository, tags in content.tags.items():
        home = base / "repositories" / repository
        for digest in content.holds[repository]:
            _link(home / "_manifests" / "revisions", digest)
        for digest in content.blobs_of[repository]:
            _link(home / "_layers", digest)
        for tag, digest in tags.items():
            _link(home / "_manifests" / "tags" / tag / "index", digest)
            _write(home / "_manifests" / "tags" / tag / "current" / "link", digest.encode())


def _link(folder: Path, digest: str) -> None:
    _write(folder / "sha256" / digest.removeprefix("sha256:") / "link", digest.encode())


def _write(path: Path, body: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(body)


@contextmanager
def running(root: Path) -> Iterator[str]:
    """The registry over this storage, on a free port of loopback; yields its address.

    It logs errors only: at `info` it writes a line for each request, which costs more than answering.
    """
    configuration, log = root / "config.yml", root / "registry.log"
    with socket.create_server(("127.0.0.1", 0)) as free:
        host = f"127.0.0.1:{free.getsockname()[1]}"
    configuration.write_text(
        "version: 0.1\n"
        "log: {level: error, accesslog: {disabled: true}}\n"
        f"storage: {{filesystem: {{rootdirectory: {root}}}, maintenance: {{uploadpurging: {{enabled: false}}}}}}\n"
        f"http: {{addr: '{host}'}}\n"
    )
    with log.open("wb") as output:
        process = subprocess.Popen(["docker-registry", "serve", str(configuration)], stdout=output, stderr=output)
    try:
        _wait_for(host, process, log)
        yield f"http://{host}"
    finally:
        process.terminate()
        process.wait(timeout=20)


def _wait_for(host: str, process: subprocess.Popen[bytes], log: Path) -> None:
    name, _, port = host.partition(":")
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection((name, int(port)), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise SystemExit(f"docker-registry did not start: {log.read_text()}")
