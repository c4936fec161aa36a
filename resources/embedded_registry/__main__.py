"""`python -m resources.embedded_registry ROOT`: serve one layout in the foreground."""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path
from types import FrameType

from registry_core.errors import ConfigError, Problem, RegistryPipelinesError
from resources.embedded_registry.access import Access, Credentials
from resources.embedded_registry.layout import Layout
from resources.embedded_registry.server import Address, RunningServer


def main(arguments: list[str] | None = None) -> int:
    """Serve until SIGINT or SIGTERM; the address is the first line printed."""
    options = _parser().parse_args(arguments)
    # uvicorn ends gracefully and then raises the signal again: without this, SIGTERM would leave no time to fold.
    signal.signal(signal.SIGTERM, _stop)
    try:
        access = Access(
            credentials=_credentials(options.username, options.password_file),
            deletion=not options.no_delete,
            read_only=options.read_only,
        )
        with Layout(options.root, read_only=options.read_only) as layout:
            server = RunningServer(layout, access, Address(options.host, options.port))
            print(f"serving {options.root} at http://{_host_of_url(server.address)}", flush=True)
            server.run()
    except RegistryPipelinesError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    return 0


def _stop(number: int, frame: FrameType | None) -> None:
    raise SystemExit(0)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m resources.embedded_registry",
        description="Serve an OCI image layout as a registry (OCI distribution specification v1.1.1).",
    )
    parser.add_argument("root", type=Path, help="folder of the layout; made if it is not there")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=0, help="port to listen on (default: a free one, printed)")
    parser.add_argument("--read-only", action="store_true", help="refuse every change; write nothing, not even a lock")
    parser.add_argument("--no-delete", action="store_true", help="answer 405 to deletions")
    parser.add_argument("--username", help="ask for basic authentication with this name")
    parser.add_argument("--password-file", type=Path, help="file that holds the password for --username")
    return parser


def _credentials(username: str | None, password_file: Path | None) -> Credentials | None:
    if (username is None) != (password_file is None):
        raise ConfigError(Problem("--username, --password-file", "name both, or neither"))
    if username is None or password_file is None:
        return None
    try:
        return Credentials(username, password_file.read_text().rstrip("\r\n"))
    except OSError as error:
        raise ConfigError(Problem(str(password_file), f"cannot be read ({error.strerror})")) from error


def _host_of_url(address: Address) -> str:
    return f"[{address.host}]:{address.port}" if ":" in address.host else f"{address.host}:{address.port}"


if __name__ == "__main__":
    sys.exit(main())
