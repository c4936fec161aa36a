"""From the name of a secret to the credential that a registry is shown, at the moment of use."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from registry_core.errors import ConfigError
from resources.configuration.credential_helpers import ask_helper
from resources.configuration.credential_settings import Credentials
from resources.configuration.docker_config import (
    DockerConfig,
    parse_docker_config,
    read_docker_config,
    user_docker_configs,
)
from resources.configuration.registry_settings import RegistrySettings
from resources.configuration.secrets import read_secret
from resources.registry.providers.logins import vendor_login
from resources.registry.sign_in.login import BearerToken, Credential, Login

ReadKubernetesSecret = Callable[[str, str, str], tuple[str, Mapping[str, bytes]]]
"""(cluster, namespace, name) → (type of the secret, its data decoded). Raises ClusterError."""

#: Type of a pull secret → its key, and whether the document is the old one without `auths`.
_PULL_SECRETS = {
    "kubernetes.io/dockerconfigjson": (".dockerconfigjson", False),
    "kubernetes.io/dockercfg": (".dockercfg", True),
}


def sign_in_to(
    settings: RegistrySettings,
    *,
    to_change: bool = False,
    to_push: bool = False,
    read_kubernetes_secret: ReadKubernetesSecret | None = None,
) -> Credential | None:
    """The credential of a configured registry, fetched now; None where no sign-in is configured.

    `to_change` takes `delete_credentials` where they are given, `to_push` takes `push_credentials`. A docker config may
    know the registry by any of its names. Without either, what `provider` can make a login of signs in. Raises
    ConfigError, ClusterError for a pull secret that cannot be read, or RegistryError where the vendor gives no login.
    """
    first, *others = dict.fromkeys((*settings.known_as, settings.host))
    own = settings.delete_credentials if to_change else settings.push_credentials if to_push else None
    credentials = own or settings.credentials
    if credentials is None:
        return vendor_login(settings)
    return sign_in(credentials, first, aliases=others, read_kubernetes_secret=read_kubernetes_secret)


def sign_in(
    credentials: Credentials | None,
    host: str,
    *,
    aliases: Sequence[str] = (),
    repository: str = "",
    read_kubernetes_secret: ReadKubernetesSecret | None = None,
) -> Credential | None:
    """The credential for a registry by what its settings name; None only where no sign-in is configured.

    `host` and `aliases` are the registry as a docker config or pull secret may know it, with port; `repository`
    chooses where they keep several logins of one host. Raises ConfigError when the named place holds no login.
    """
    if credentials is None:
        return None
    if credentials.token is not None:
        return BearerToken(read_secret(credentials.token))
    if credentials.password is not None:
        return Login(credentials.username or "", read_secret(credentials.password))
    in_file = credentials.docker_config is not None
    if credentials.docker_config is not None:
        config = read_docker_config(Path(credentials.docker_config))
    elif read_kubernetes_secret is not None:
        config = _pull_secret(credentials, read_kubernetes_secret)
    else:
        raise ConfigError("a Kubernetes secret cannot be read here", subject=host)
    logins = (login_of(config, name, repository, ask_helpers=in_file) for name in (host, *aliases))
    found = next((login for login in logins if login is not None), None)
    if found is None:
        known = ", ".join(config.hosts()) or "none"
        raise ConfigError(
            f"there is no login for {host} (it has: {known}); run `docker login {host}`, or name another place",
            subject=config.place,
        )
    return found


def user_login(host: str) -> Credential | None:
    """The login for a registry in the user's own docker or podman config, None where there is none."""
    for path in user_docker_configs():
        found = login_of(read_docker_config(path), host)
        if found is not None:
            return found
    return None


def login_of(config: DockerConfig, host: str, repository: str = "", *, ask_helpers: bool = True) -> Credential | None:
    """The login for a registry: from its own helper, else the common store, else the file, as docker does.

    Raises ConfigError when a helper cannot be asked, when the only entry is broken, or when the config keeps
    different logins for parts of the host and `repository` does not choose one.
    """
    asked = _ask_helpers(config, host) if ask_helpers else None
    if asked is not None:
        return asked
    entries = config.entries_for(host, repository)
    if usable := [entry.credential for entry in entries if entry.credential]:
        return usable[0]
    if broken := [entry.broken for entry in entries if entry.broken]:
        raise ConfigError(f"the entry for {host} cannot be used: {broken[0]}; run `docker login {host}` again",
                          subject=config.place)  # fmt: skip
    if not repository:
        return _login_of_a_part(config, host)
    return None


def _ask_helpers(config: DockerConfig, host: str) -> Credential | None:
    own = config.helper_for(host)
    if own is not None:
        return ask_helper(own, host, place=config.place)
    if config.store is None:
        return None
    try:
        return ask_helper(config.store, host, place=config.place)
    except ConfigError:
        if config.credentials_for(host):  # written before the store was set; docker would still have it
            return None
        raise


def _login_of_a_part(config: DockerConfig, host: str) -> Credential | None:
    """A login that is kept for a path of the host, where it is the only one."""
    parts = [entry for entry in config.entries_of(host) if entry.credential]
    if len({entry.credential for entry in parts}) > 1:
        paths = ", ".join(f"{entry.host}{entry.path}" for entry in parts)
        raise ConfigError(f"there are several logins for parts of {host} ({paths}) and none for all of it; name"
                          " one with `username` and `password`", subject=config.place)  # fmt: skip
    return parts[0].credential if parts else None


def _pull_secret(credentials: Credentials, read: ReadKubernetesSecret) -> DockerConfig:
    namespace, name = (credentials.kubernetes_secret or "/").split("/", 1)
    cluster = credentials.cluster or ""
    place = f"secret {namespace}/{name} of cluster {cluster}"
    kind, data = read(cluster, namespace, name)
    if kind not in _PULL_SECRETS:
        raise ConfigError(f"its type is `{kind}`; a pull secret has {' or '.join(_PULL_SECRETS)}", subject=place)
    key, legacy = _PULL_SECRETS[kind]
    if key not in data:
        raise ConfigError(f"it lacks the key `{key}`; make it anew with `kubectl create secret docker-registry`",
                          subject=place)  # fmt: skip
    return parse_docker_config(data[key], place=place, legacy=legacy)
