"""The service on a socket: bound at once, served until it is told to stop."""

from __future__ import annotations

import socket
from dataclasses import dataclass

import uvicorn
from starlette.applications import Starlette

from registry_core.errors import ConfigError, Problem

#: How long requests under way may take to end when the service is stopped.
GRACE_SECONDS = 3
#: Requests at once; more are refused with 503 rather than piled up.
MOST_AT_ONCE = 256


@dataclass(frozen=True, slots=True)
class Listening:
    """A bound socket: from here on clients wait instead of being refused."""

    socket: socket.socket
    host: str
    port: int

    @property
    def url(self) -> str:
        return f"http://[{self.host}]:{self.port}" if ":" in self.host else f"http://{self.host}:{self.port}"


def listen(host: str, port: int) -> Listening:
    """Bind; port 0 takes a free one. Raises ConfigError where that cannot be."""
    place = f"--host {host} --port {port}"
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except OSError as error:
        raise ConfigError(Problem(place, f"is no address of this machine ({error.strerror})")) from error
    bound = socket.socket(family, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind(address)
        bound.listen(128)
    except OSError as error:
        bound.close()
        raise ConfigError(Problem(place, f"cannot listen there ({error.strerror}); choose another port")) from error
    return Listening(bound, *bound.getsockname()[:2])


def make_server(app: Starlette) -> uvicorn.Server:
    """A uvicorn server; `run(sockets=[…])` serves until SIGINT, SIGTERM or `should_exit`."""
    return uvicorn.Server(
        uvicorn.Config(
            app,
            log_config=None,  # logging is set up by the command; the access log is ours
            access_log=False,
            server_header=False,
            proxy_headers=False,
            limit_concurrency=MOST_AT_ONCE,
            timeout_graceful_shutdown=GRACE_SECONDS,
        )
    )
