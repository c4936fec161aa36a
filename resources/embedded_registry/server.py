"""Run the registry: in a thread for tests and quickstart, or as a process of its own."""

from __future__ import annotations

import socket
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import uvicorn

from registry_core.errors import ConfigError, Problem, RegistryError
from resources.embedded_registry.access import Access, Credentials
from resources.embedded_registry.app import make_app
from resources.embedded_registry.layout import Layout

#: How long requests under way may take to end when the registry is stopped.
GRACE_SECONDS = 3


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen. Port 0 takes a free one."""

    host: str = "127.0.0.1"
    port: int = 0


class EmbeddedRegistry:
    """A registry over the layout at `root`, serving in a thread of this process while the context is open.

    `layout` may be filled and looked at directly meanwhile. With `durable=False` nothing is synced to the disk
    (tests). Starting it again on the same `root` serves what was there.
    """

    def __init__(
        self,
        root: Path | str,
        *,
        port: int = 0,
        credentials: Credentials | tuple[str, str] | None = None,
        deletion: bool = True,
        read_only: bool = False,
        durable: bool = True,
    ) -> None:
        if isinstance(credentials, tuple):
            credentials = Credentials(*credentials)
        self.layout = Layout(root, read_only=read_only, durable=durable)
        self._access = Access(credentials=credentials, deletion=deletion, read_only=read_only)
        self._address = Address(port=port)
        self._running: RunningServer | None = None

    def start(self) -> EmbeddedRegistry:
        self._running = RunningServer(self.layout, self._access, self._address)
        self._running.start_in_thread()
        return self

    @property
    def host(self) -> str:
        """`127.0.0.1:PORT`, as it is written in image references."""
        if self._running is None:
            raise RegistryError("the embedded registry is not running: start it first", fault="unreachable")
        return f"{self._running.address.host}:{self._running.address.port}"

    @property
    def url(self) -> str:
        return f"http://{self.host}"

    def stop(self) -> None:
        """Finish requests under way, fold the journal, free the port. Does nothing the second time."""
        if self._running is not None:
            self._running.stop()
            self._running = None
        self.layout.close()

    def __enter__(self) -> EmbeddedRegistry:
        try:
            return self.start()
        except BaseException:
            self.layout.close()
            raise

    def __exit__(self, *_: object) -> None:
        self.stop()


@dataclass
class RunningServer:
    """One uvicorn server on one bound socket."""

    layout: Layout
    access: Access
    address: Address
    _server: uvicorn.Server = field(init=False, repr=False)
    _socket: socket.socket = field(init=False, repr=False)
    _thread: threading.Thread | None = field(init=False, default=None, repr=False)

    def __post_init__(self) -> None:
        self._socket = _bind(self.address)
        self.address = Address(self.address.host, self._socket.getsockname()[1])
        config = uvicorn.Config(
            make_app(self.layout, self.access),
            log_level="error",  # not "warning": skopeo and podman try TLS first, and each try would be told
            access_log=False,
            server_header=False,
            lifespan="off",
            timeout_keep_alive=60,
            timeout_graceful_shutdown=GRACE_SECONDS,
        )
        self._server = uvicorn.Server(config)

    def run(self) -> None:
        """Serve in this thread until SIGINT or SIGTERM."""
        try:
            self._server.run(sockets=[self._socket])
        finally:
            self._socket.close()

    def start_in_thread(self) -> None:
        self._thread = threading.Thread(target=self.run, name="embedded-registry", daemon=True)
        self._thread.start()
        while not self._server.started:
            if not self._thread.is_alive():
                raise RegistryError(
                    f"the embedded registry did not start on port {self.address.port}: see the log above",
                    fault="unreachable",
                )
            time.sleep(0.005)

    def stop(self) -> None:
        self._server.should_exit = True
        if self._thread is not None:
            self._thread.join()


def _bind(address: Address) -> socket.socket:
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((address.host, address.port))
        bound.listen(2048)  # from here on clients wait instead of being refused, so the address may be told
    except OSError as error:
        bound.close()
        raise ConfigError(
            Problem(
                f"{address.host}:{address.port}",
                f"the embedded registry cannot listen there ({error.strerror}): choose another port, or 0",
            )
        ) from error
    return bound
