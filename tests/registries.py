"""Real registries on real sockets for tests: Debian's `docker-registry` and our embedded one.

Fixtures (`docker_registry`, `embedded_registry`) are known to every test through `tests/conftest.py`; tests
that want settings of their own use the context managers.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from resources.embedded_registry import EmbeddedRegistry


class DockerRegistry:
    """A `docker-registry` 2.8 process on a free port of 127.0.0.1, its storage under `root`.

    `credentials` switches on htpasswd (bcrypt). `auth` is a whole `auth:` section of its configuration
    (tokens), `settings` are laid over the generated configuration, one section deep.
    """

    def __init__(
        self,
        root: Path,
        *,
        deletion: bool = True,
        credentials: tuple[str, str] | None = None,
        auth: dict[str, Any] | None = None,
        settings: dict[str, dict[str, Any]] | None = None,
    ) -> None:
        self.storage = root / "storage"
        self.configuration = root / "config.yml"
        self.log = root / "docker-registry.log"
        root.mkdir(parents=True, exist_ok=True)
        document: dict[str, Any] = {
            "version": 0.1,
            "log": {"level": "info", "accesslog": {"disabled": True}},
            "storage": {
                "filesystem": {"rootdirectory": str(self.storage)},
                "delete": {"enabled": deletion},
                "maintenance": {"uploadpurging": {"enabled": False}},
            },
            "http": {"addr": "127.0.0.1:0", "headers": {"X-Content-Type-Options": ["nosniff"]}},
        }
        if credentials:
            auth = {"htpasswd": {"realm": "test", "path": str(_write_htpasswd(root, credentials))}}
        if auth:
            document["auth"] = auth
        for section, values in (settings or {}).items():
            document[section] = {**document.get(section, {}), **values}
        self.configuration.write_text(yaml.safe_dump(document))
        self._process: subprocess.Popen[bytes] | None = None
        self.host = ""

    @property
    def url(self) -> str:
        return f"http://{self.host}"

    def start(self) -> DockerRegistry:
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [_docker_registry_binary(), "serve", str(self.configuration)], stdout=log, stderr=log
            )
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            found = re.search(r"listening on (127\.0\.0\.1:\d+)", self.log.read_text())
            if found:
                self.host = found.group(1)
                return self
            if self._process.poll() is not None:
                break
            time.sleep(0.02)
        self.stop()
        raise AssertionError(f"docker-registry did not start: {self.log.read_text()}")

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(timeout=20)
            self._process = None

    def __enter__(self) -> DockerRegistry:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()


def _docker_registry_binary() -> str:
    binary = shutil.which("docker-registry")
    if binary is None:
        pytest.skip("install docker-registry (Debian) to run this")
    return binary


def _write_htpasswd(root: Path, credentials: tuple[str, str]) -> Path:
    binary = shutil.which("htpasswd")
    if binary is None:
        pytest.skip("install apache2-utils (Debian) to run this")
    username, password = credentials
    line = subprocess.run([binary, "-niB", username], input=password.encode(), stdout=subprocess.PIPE, check=True)
    path = root / "htpasswd"
    path.write_bytes(line.stdout.strip() + b"\n")
    return path


@pytest.fixture
def docker_registry(tmp_path: Path) -> Iterator[DockerRegistry]:
    """A `docker-registry` 2.8 with deletion enabled and no authentication."""
    with DockerRegistry(tmp_path / "docker-registry") as registry:
        yield registry


@pytest.fixture
def embedded_registry(tmp_path: Path) -> Iterator[EmbeddedRegistry]:
    """Our own registry, empty, with deletion enabled and no authentication; `.layout` fills it without HTTP."""
    with EmbeddedRegistry(tmp_path / "embedded-registry", durable=False) as registry:
        yield registry
