"""`check_docker_registry`: ask a running web service, print what it says, end as a Nagios plugin ends.

A console script of its own: monitoring hosts run it every minute, and its exit codes are Nagios', not ours.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import NoReturn

from registry_core.errors import RegistryPipelinesError
from resources.check_endpoint import CheckEndpoint
from resources.configuration.secrets import SecretName, read_secret

#: By the first word of the answer; any other word is no answer.
EXIT_CODES = {"OK": 0, "WARNING": 1, "CRITICAL": 2, "ERROR": 3, "UNKNOWN": 3}
UNKNOWN = 3


class _Parser(argparse.ArgumentParser):
    """argparse ends with 2, which Nagios takes for CRITICAL: a mistake on the command line is UNKNOWN."""

    def error(self, message: str) -> NoReturn:
        print(f"ERROR: {message} (check_docker_registry --help tells more)")
        raise SystemExit(UNKNOWN)


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point of the console script. Always ends in SystemExit with 0, 1, 2 or 3."""
    options = _parser().parse_args(arguments)
    try:
        text = _ask(options)
    except RegistryPipelinesError as error:
        text = f"ERROR: {error}"
    except KeyboardInterrupt:
        text = "ERROR: interrupted"
    except Exception as error:  # noqa: BLE001 – an exit code of 1 would be told as a warning about images
        text = f"ERROR: this should not have happened: {type(error).__name__}: {error}"
    print(text.rstrip())
    raise SystemExit(exit_code_of(text))


def exit_code_of(text: str) -> int:
    """By the first word. Trap: a word further down is part of an image's name, not of the state."""
    return EXIT_CODES.get(text.partition(":")[0], UNKNOWN)


def _ask(options: argparse.Namespace) -> str:
    token = read_secret(SecretName(file=str(options.token_file.absolute()))) if options.token_file else None
    endpoint = CheckEndpoint(options.address or options.url, token, timedelta(seconds=options.timeout))
    text = endpoint.fetch()
    if text.partition(":")[0] not in EXIT_CODES:
        return f"ERROR: {endpoint.url} answered nonsense: {text.strip()[:200] or 'nothing'}"
    return text


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="check_docker_registry",
        description="Ask the web service of registry_pipelines whether the images that clusters use are still there.",
        epilog="Exit codes: 0 OK, 1 WARNING, 2 CRITICAL, 3 ERROR: the check could not be made, or not by us.",
    )
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("address", nargs="?", metavar="URL", help="the same as --url")
    where.add_argument("--url", help="address of the service, or of its check")
    parser.add_argument("--token-file", type=Path, metavar="PATH", help="file with the token of the service")
    parser.add_argument("--timeout", type=_seconds, default=10.0, metavar="SECONDS", help="default: 10")
    return parser


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 < value <= 600:
        raise argparse.ArgumentTypeError("between 0 and 600 seconds")
    return value
