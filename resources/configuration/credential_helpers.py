"""Docker's credential helpers: `docker-credential-NAME get`, asked as docker asks them.

Protocol: the server's address on standard input, `{"ServerURL", "Username", "Secret"}` on standard output; the
user name `<token>` means an identity token (github.com/docker/docker-credential-helpers, README).
"""

from __future__ import annotations

import re
import shutil
import subprocess

from registry_core.errors import ConfigError
from registry_core.foreign_json import read_json
from registry_core.registry_identity import is_docker_hub
from resources.configuration.docker_config import DOCKER_HUB_KEY
from resources.registry.sign_in.login import Credential, IdentityToken, Login

#: Key chains may ask the user; nobody answers in a job.
PATIENCE_SECONDS = 20.0

#: What helpers print when they hold nothing for a server; docker compares the same words.
_NOT_FOUND = "credentials not found in native keychain"


def ask_helper(name: str, host: str, *, place: str, patience_seconds: float = PATIENCE_SECONDS) -> Credential | None:
    """The credential that the helper `docker-credential-NAME` keeps for a registry, None where it keeps none.

    Raises ConfigError when the helper is missing, hangs or answers nonsense. Its output is never quoted: it
    may hold the secret.
    """
    if not re.fullmatch(r"[A-Za-z0-9._-]+", name):
        raise ConfigError("the name of a credential helper has letters, digits, `.`, `_` and `-` only", subject=place)
    command = f"docker-credential-{name}"
    executable = shutil.which(command)
    if executable is None:
        raise ConfigError(
            f"it leaves the login of {host} to `{command}`, which is not on the PATH; install it, or name"
            " another source of the password",
            subject=place,
        )
    server = DOCKER_HUB_KEY if is_docker_hub(host) else host
    by_hand = f"see why with `echo {server} | {command} get`"
    try:
        answer = subprocess.run(  # noqa: S603 (named by the user's own docker config, as docker runs it)
            [executable, "get"], input=server.encode(), capture_output=True, timeout=patience_seconds, check=False
        )
    except subprocess.TimeoutExpired:
        # Unchained: the exception holds what the helper printed so far.
        raise ConfigError(
            f"`{command}` did not answer for {host} within {patience_seconds:g} s; {by_hand}", subject=place
        ) from None
    except OSError as error:
        raise ConfigError(f"`{command}` cannot be run: {error.strerror}", subject=place) from None
    if answer.returncode != 0:
        if _NOT_FOUND.encode() in answer.stdout + answer.stderr:
            return None
        raise ConfigError(f"`{command}` failed for {host} (exit {answer.returncode}); {by_hand}", subject=place)
    return _credential(answer.stdout, command=command, host=host, place=place)


def _credential(output: bytes, *, command: str, host: str, place: str) -> Credential | None:
    try:
        document = read_json(output)
        username, secret = document["Username"], document["Secret"]
    except (ValueError, KeyError, TypeError):
        raise ConfigError(f"`{command}` answered for {host}, but not with a login", subject=place) from None
    if not isinstance(username, str) or not isinstance(secret, str):
        raise ConfigError(f"`{command}` answered for {host}, but not with a login", subject=place)
    if not secret:
        return None
    return IdentityToken(secret) if username == "<token>" else Login(username, secret)
