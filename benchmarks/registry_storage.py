"""Fills the storage of Debian's `docker-registry` without pushing, and runs it.

Source of the layout: distribution 2.8 `registry/storage/paths.go`.
"""

from __future__ import annotations

import re
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
    """The registry over this storage, on a free port of loopback; yields its address."""
    configuration, log = root / "config.yml", root / "registry.log"
    configuration.write_text(
        "version: 0.1\n"
        "log: {level: error, accesslog: {disabled: true}}\n"
        f"storage: {{filesystem: {{rootdirectory: {root}}}, maintenance: {{uploadpurging: {{enabled: false}}}}}}\n"
        "http: {addr: '127.0.0.1:0'}\n"
    )
    configuration.write_text(configuration.read_text().replace("level: error", "level: info"))
    with log.open("wb") as output:
        process = subprocess.Popen(["docker-registry", "serve", str(configuration)], stdout=output, stderr=output)
    try:
        yield f"http://{_address(log, process)}"
    finally:
        process.terminate()
        process.wait(timeout=20)


def _address(log: Path, process: subprocess.Popen[bytes]) -> str:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and process.poll() is None:
        found = re.search(r"listening on (127\.0\.0\.1:\d+)", log.read_text())
        if found:
            return found[1]
        time.sleep(0.05)
    raise SystemExit(f"docker-registry did not start: {log.read_text()}")
