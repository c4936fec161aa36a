"""The content of a pull secret, made from named credentials at the moment of use. It is a secret: never print it."""

from __future__ import annotations

import json
from collections.abc import Iterable

from registry_core.errors import ConfigError
from registry_core.registry_identity import is_docker_hub
from resources.configuration.docker_config import DOCKER_HUB_KEY
from resources.registry.sign_in.login import Credential, Login


def pull_secret_content(hosts: Iterable[str], credential: Credential | None, *, subject: str) -> bytes:
    """A docker config with this login for these hosts, as kubelets read it.

    Raises ConfigError for what is no user name and password: kubelets exchange no tokens.
    """
    if not isinstance(credential, Login):
        raise ConfigError(
            "a pull secret needs a user name and a password, and what is named here is a token; name a robot account"
            " with a password in `pull_secret.credentials`",
            subject=subject,
        )
    entry = {"username": credential.username, "password": credential.password, "auth": credential.basic[6:]}
    keys = dict.fromkeys(DOCKER_HUB_KEY if is_docker_hub(host) else host for host in hosts)
    return json.dumps({"auths": dict.fromkeys(keys, entry)}, sort_keys=True).encode()
