"""A real kube-apiserver over a real etcd, where KUBEBUILDER_ASSETS names their folder (as envtest lays it out).

Nothing else of Kubernetes runs: no controllers, no kubelet, so a test that wants a rollout writes its status.
"""

from __future__ import annotations

import os
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

from kubernetes import client

TOKEN = "admin-of-the-test"
ASSETS = os.environ.get("KUBEBUILDER_ASSETS")


class RealApiServer:
    """Starts both, waits until the server is ready, and ends both."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._processes: list[subprocess.Popen[bytes]] = []
        self.port = _free_port()
        self.url = f"https://127.0.0.1:{self.port}"

    def __enter__(self) -> RealApiServer:
        assert ASSETS is not None
        etcd, peer = (f"http://127.0.0.1:{_free_port()}" for _ in range(2))
        key = self._root / "service-accounts.key"
        subprocess.run(["openssl", "genrsa", "-out", str(key), "2048"], check=True, capture_output=True)
        (self._root / "tokens.csv").write_text(f'{TOKEN},admin,1,"system:masters"\n')
        self._start(
            "etcd", f"--data-dir={self._root / 'etcd'}", f"--listen-client-urls={etcd}",
            f"--advertise-client-urls={etcd}", f"--listen-peer-urls={peer}", "--unsafe-no-fsync",
        )  # fmt: skip
        self._start(
            "kube-apiserver", f"--etcd-servers={etcd}", f"--secure-port={self.port}", "--bind-address=127.0.0.1",
            f"--cert-dir={self._root / 'certificates'}", f"--token-auth-file={self._root / 'tokens.csv'}",
            "--authorization-mode=RBAC", "--disable-admission-plugins=ServiceAccount",
            "--service-cluster-ip-range=10.0.0.0/24", "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={key}", f"--service-account-signing-key-file={key}",
        )  # fmt: skip
        self._wait()
        return self

    def __exit__(self, *_: object) -> None:
        for process in reversed(self._processes):
            process.terminate()
        for process in reversed(self._processes):
            process.wait(timeout=30)

    def client(self) -> client.ApiClient:
        """An administrator's."""
        configuration = client.Configuration()
        configuration.host, configuration.verify_ssl = self.url, False
        configuration.api_key["BearerToken"] = f"Bearer {TOKEN}"
        return client.ApiClient(configuration)

    def _start(self, name: str, *arguments: str) -> None:
        log = (self._root / f"{name}.log").open("wb")
        with log:
            self._processes.append(
                subprocess.Popen([str(Path(str(ASSETS)) / name), *arguments], stdout=log, stderr=log)
            )

    def _wait(self) -> None:
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            try:
                answer: Any = self.client().call_api(
                    "/readyz", "GET", auth_settings=["BearerToken"], response_type="str"
                )
                if answer[1] == 200:
                    return
            except Exception:  # noqa: BLE001  # not there yet, in whatever way
                time.sleep(0.3)
        logs = "\n".join(path.read_text(errors="replace")[-2000:] for path in self._root.glob("*.log"))
        raise AssertionError(f"kube-apiserver did not get ready:\n{logs}")


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port
