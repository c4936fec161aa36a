"""Everything that a site talks to, opened when it is first used and closed together."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from types import TracebackType

from registry_core.errors import ConfigError, Refused
from resources.clusters.connection import Connection as ClusterConnection
from resources.clusters.kubernetes_secrets import read_kubernetes_secret
from resources.clusters.opening import open_cluster
from resources.clusters.source import ClusterSource
from resources.configuration.load import LoadedSite
from resources.configuration.pull_secrets import pull_secret_content
from resources.configuration.registry_settings import RegistrySettings
from resources.configuration.secrets import read_secret
from resources.configuration.settings import ClusterSettings, Site
from resources.configuration.sign_in import sign_in, sign_in_to
from resources.database.history import History
from resources.database.ledger import Ledger
from resources.registry.connection import RegistryConnection
from resources.registry.providers.choice import provider_of
from resources.registry.providers.interface import Provider
from resources.registry.sign_in.login import Credential


class Connections:
    """Clusters, registries and history of one site, by the names that its file gives them.

    Nothing is contacted before it is used; secrets are fetched at the moment of use. ConfigError names what the
    file knows when a name is not among it.
    """

    def __init__(self, loaded: LoadedSite) -> None:
        self._loaded = loaded
        self._registries: dict[str, RegistryConnection] = {}
        self._providers: dict[str, Provider | None] = {}

    def __repr__(self) -> str:
        return f"Connections({self._loaded.path})"

    def __enter__(self) -> Connections:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    @property
    def site(self) -> Site:
        return self._loaded.site

    @property
    def environments(self) -> Mapping[str, str]:
        """What each cluster is for, by its name."""
        return {name: settings.environment for name, settings in self.site.clusters.items()}

    @cached_property
    def history(self) -> History:
        """The site's own database."""
        settings = self.site.database
        password = None if settings.password is None else read_secret(settings.password)
        return History.open(self._loaded.database_url, password)

    @property
    def ledger(self) -> Ledger:
        """Plans, approvals and journals, in the site's own database."""
        return self.history.ledger

    def cluster(self, name: str) -> ClusterSource:
        """Where the inventory of a cluster comes from."""
        return open_cluster(name, self._cluster_settings(name), resolve=read_secret)

    def cluster_connection(self, name: str) -> ClusterConnection:
        """The way to the API of a cluster, not yet tried, for what is more than reading an inventory."""
        return ClusterConnection(name, self._cluster_settings(name), read_secret)

    def cluster_to_change(self, name: str) -> ClusterConnection:
        """The way of the jobs that change workloads: with `change_context` or `change_token`. Refused for a dump."""
        settings = self._cluster_settings(name)
        if settings.dump is not None:
            raise Refused(
                f"the cluster {name} is read from a dump, so nothing can be changed in it from here; write the changes"
                " as files (`registry-pipelines cutover patches`) and apply them where it can be reached"
            )
        if settings.change_context is not None and settings.context is None:
            raise self._unusable(name, "`change_context` goes with `context`: it is another one of that kubeconfig")
        if settings.change_token is not None and settings.server is None:
            raise self._unusable(name, "`change_token` goes with `server` and `token`")
        changing = {
            "context": settings.change_context or settings.context,
            "token": settings.change_token or settings.token,
        }
        return ClusterConnection(name, settings.model_copy(update=changing), read_secret)

    def pull_secret_content(self, cutover: str) -> bytes:
        """What goes into the pull secret of a cut-over, fetched now. It is a secret: never print it.

        Raises ConfigError where its credentials are no user name and password, or cannot be had.
        """
        settings = self.site.cutovers[cutover]
        destination = self.registry_settings(settings.to)
        secret = settings.pull_secret
        if secret is not None and secret.credentials is not None:
            credential = sign_in(
                secret.credentials, destination.names[0], read_kubernetes_secret=self._kubernetes_secret
            )
        else:
            credential = self._credential(destination)
        return pull_secret_content(destination.names, credential, subject=f"cutovers.{cutover}.pull_secret")

    def registry(self, name: str) -> RegistryConnection:
        """The one connection to a registry that all in this process share, so that its limits hold."""
        if name not in self._registries:
            settings = self.registry_settings(name)
            self._registries[name] = RegistryConnection(name, settings, lambda: self._credential(settings))
        return self._registries[name]

    def registry_to_change(self, name: str) -> RegistryConnection:
        """A connection of its own, with `delete_credentials`, for what deletes and restores; the caller closes it."""
        settings = self.registry_settings(name)
        return RegistryConnection(name, settings, lambda: self._credential(settings, to_change=True))

    def registry_to_push(self, name: str) -> RegistryConnection:
        """A connection of its own, with `push_credentials`, for what copies images there; the caller closes it."""
        settings = self.registry_settings(name)
        return RegistryConnection(name, settings, lambda: self._credential(settings, to_push=True))

    def provider(self, name: str) -> Provider | None:
        """The vendor's own API of a registry, where it has one that we ask."""
        if name not in self._providers:
            settings = self.registry_settings(name)
            self._providers[name] = provider_of(self.registry(name), lambda: self._credential(settings))
        return self._providers[name]

    def registry_settings(self, name: str) -> RegistrySettings:
        """Settings of a registry. Raises ConfigError for a name that the file does not know."""
        try:
            return self.site.registries[name]
        except KeyError:
            known = ", ".join(self.site.registries) or "none"
            raise ConfigError(
                f"no registry is called {name}; it knows: {known}", subject=str(self._loaded.path)
            ) from None

    def close(self) -> None:
        """Close what was opened. The next use opens it again."""
        while self._providers:
            provider = self._providers.popitem()[1]
            if provider is not None:
                provider.close()
        while self._registries:
            self._registries.popitem()[1].close()
        if "history" in self.__dict__:
            self.history.close()
            del self.__dict__["history"]

    def _cluster_settings(self, name: str) -> ClusterSettings:
        try:
            return self.site.clusters[name]
        except KeyError:
            known = ", ".join(self.site.clusters) or "none"
            raise ConfigError(
                f"no cluster is called {name}; it knows: {known}", subject=str(self._loaded.path)
            ) from None

    def _credential(
        self, settings: RegistrySettings, *, to_change: bool = False, to_push: bool = False
    ) -> Credential | None:
        read = self._kubernetes_secret
        return sign_in_to(settings, to_change=to_change, to_push=to_push, read_kubernetes_secret=read)

    def _kubernetes_secret(self, cluster: str, namespace: str, name: str) -> tuple[str, Mapping[str, bytes]]:
        return read_kubernetes_secret(self.cluster_connection(cluster), namespace, name)

    def _unusable(self, cluster: str, why: str) -> ConfigError:
        return ConfigError(why, subject=f"{self._loaded.path} clusters.{cluster}")
