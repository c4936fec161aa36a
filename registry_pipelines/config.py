"""From the site's file, or from what a person types, to the registry that is meant."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from registry_core.errors import ConfigError
from registry_core.registry_identity import is_docker_hub, url_host
from resources.configuration.load import LoadedSite, load_site
from resources.configuration.registry_settings import RegistrySettings
from resources.configuration.sign_in import sign_in_to, user_login
from resources.registry.connection import RegistryConnection
from resources.registry.sign_in.login import Credential

if TYPE_CHECKING:
    from resources.registry.providers.interface import Provider

#: The host that answers for Docker Hub; `docker.io` itself is a web site.
_DOCKER_HUB = "registry-1.docker.io"


def load(path: Path | None = None) -> LoadedSite:
    """The site, read and checked. Raises ConfigError with all problems of the file."""
    return load_site(path)


def open_registry(
    argument: str, loaded: LoadedSite | None, *, tell: Callable[[str], None] = lambda _: None
) -> RegistryConnection:
    """The registry that a person names: by its name in the file, by a host, or by an address.

    One that is not configured has default settings and the login of the user's docker config; `tell` hears why
    that login cannot be used. Nothing is contacted. Raises ConfigError for a name that nothing is known by.
    """
    name, settings = choose_registry(argument, loaded)
    if loaded is not None and name in loaded.site.registries:
        return RegistryConnection(name, settings, lambda: credential_of(settings, loaded))

    def login() -> Credential | None:
        try:
            return user_login(settings.names[0])
        except ConfigError as error:
            tell(f"not signed in to {name}: {error}")
            return None

    return RegistryConnection(name, settings, login)


def vendor_of(connection: RegistryConnection) -> Provider | None:
    """The vendor's own API of an opened registry; None where there is none that we ask. Nothing is contacted."""
    from resources.registry.providers.choice import provider_of  # requests, which most commands do without

    return provider_of(connection, connection.credentials)


def credential_of(settings: RegistrySettings, loaded: LoadedSite) -> Credential | None:
    """The credential of a configured registry, fetched now. Raises ConfigError or ClusterError."""

    def read_secret_of_cluster(cluster: str, namespace: str, name: str) -> tuple[str, Mapping[str, bytes]]:
        # The kubernetes package takes half a second to import, and few sites keep their logins there.
        from resources.clusters.connection import Connection
        from resources.clusters.kubernetes_secrets import read_kubernetes_secret
        from resources.configuration.secrets import read_secret

        return read_kubernetes_secret(Connection(cluster, loaded.site.clusters[cluster], read_secret), namespace, name)

    return sign_in_to(settings, read_kubernetes_secret=read_secret_of_cluster)


def choose_registry(argument: str, loaded: LoadedSite | None) -> tuple[str, RegistrySettings]:
    """Name and settings of the registry that is meant; the name is the host where it is not configured."""
    configured = loaded.site.registries if loaded is not None else {}
    if argument in configured:
        return argument, configured[argument]
    is_address = "://" in argument
    host = url_host(argument) if is_address else argument.rstrip("/")
    if loaded is not None and (name := loaded.site.registry_of_host(host)) is not None:
        return name, configured[name]
    if "@" in argument:
        raise ConfigError(
            "an address holds no user or password; run `docker login`, or configure the registry",
            subject="REGISTRY",
        )
    if not is_address and not re.fullmatch(
        r"localhost(:\d+)?|[\w-]+(\.[\w-]+)+\.?(:\d+)?|[\w-]+:\d+|\[[0-9a-f:]+\](:\d+)?", host
    ):
        known = ", ".join(configured) or "none"
        raise ConfigError(
            f"no registry is called `{argument}`; configured are: {known}. Or write a host"
            " (`registry.example.com`) or an address (`https://registry.example.com`)",
            subject="REGISTRY",
        )
    url = argument if is_address else f"{_scheme_of(host)}://{host}"
    if is_docker_hub(host):
        url = f"https://{_DOCKER_HUB}"
    try:
        return host, RegistrySettings.model_validate({"url": url})
    except ValidationError:
        raise ConfigError(
            "this is no address of a registry; write `https://registry.example.com`", subject=f"REGISTRY {argument}"
        ) from None


def _scheme_of(host: str) -> str:
    """Registries on loopback speak HTTP, as docker assumes; all others HTTPS."""
    return "http" if re.match(r"(localhost|127\.[\d.]+|\[::1\])(:|$)", host) else "https"
