"""How to reach and sign in to an API server: a kubeconfig context, the pod we run in, or an address and a token.

Reading the configuration is left to the `kubernetes` package, so that client certificates, tokens that are
renewed and sign-in plugins (`aws`, `gke-gcloud-auth-plugin`, `kubelogin`) work as for kubectl. Four of its traps
are met here: it reads `KUBECONFIG` once, at import; a plugin that fails is only logged and the request goes out
unsigned; `HTTP_PROXY` wins over `HTTPS_PROXY`; `proxy-url` is not read at all.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies

import urllib3
import yaml
from kubernetes import client
from kubernetes.config import ConfigException, kube_config, load_incluster_config

from registry_core.errors import ClusterError
from resources.configuration.paths import from_home
from resources.configuration.secrets import SecretName
from resources.configuration.settings import ClusterSettings

ResolveSecret = Callable[[SecretName], str]


@dataclass(frozen=True, slots=True)
class Connection:
    """A way to one API server, not yet tried."""

    cluster: str
    settings: ClusterSettings
    resolve: ResolveSecret

    @property
    def kubeconfig(self) -> str:
        """Path, or paths joined by `:`, as kubectl finds it."""
        return self.settings.kubeconfig or os.environ.get("KUBECONFIG") or "~/.kube/config"

    def describe(self) -> str:
        if self.settings.context is not None:
            return f"context {self.settings.context} of {self.kubeconfig}"
        if self.settings.in_cluster:
            return "the cluster we run in"
        return _without_user(self.settings.server or "")

    @property
    def sign_in_again(self) -> str:
        """What a person does when the credentials were refused."""
        if self.settings.context is not None:
            return f"sign in again until `kubectl --context {self.settings.context} get namespaces` works"
        if self.settings.in_cluster:
            return "look whether the pod mounts a service account token that is not revoked"
        return f"renew the token in {self.settings.token}"

    def open(self) -> client.ApiClient:
        """A client that has read its configuration and not connected. Raises ClusterError."""
        configuration = client.Configuration()
        try:
            if self.settings.context is not None:
                self._from_kubeconfig(configuration, self.settings.context)
            elif self.settings.in_cluster:
                load_incluster_config(client_configuration=configuration)
            else:
                self._from_server(configuration)
            self._choose_proxy(configuration)
        except (
            ConfigException, yaml.YAMLError, OSError, KeyError, TypeError, AttributeError, ValueError, IndexError,
            RecursionError,
        ) as error:  # fmt: skip
            raise self.unusable(_first_line(error)) from error
        # Tries are counted in one place, which knows what may be tried again: `api`.
        configuration.retries = False
        return client.ApiClient(configuration)

    @staticmethod
    def _choose_proxy(configuration: client.Configuration) -> None:
        if not isinstance(configuration.proxy, _FromKubeconfig):
            configuration.proxy = getproxies().get(urlsplit(configuration.host).scheme)
        if configuration.proxy and (user := urlsplit(configuration.proxy)).username:
            basic = f"{user.username}:{user.password or ''}"
            configuration.proxy_headers = urllib3.make_headers(proxy_basic_auth=basic)

    def unusable(self, what: str) -> ClusterError:
        if self.settings.in_cluster:
            return ClusterError(
                f"cluster {self.cluster}: `in_cluster` is for a pod with a service account, and this process is"
                f" not in one ({what}); name a `context`, or `server` and `token`",
                fault="unreachable",
            )
        return ClusterError(
            f"cluster {self.cluster}: the way to it, {self.describe()}, cannot be used: {what}", fault="unreachable"
        )

    def _from_kubeconfig(self, configuration: client.Configuration, context: str) -> None:
        try:
            paths = [from_home(one) for one in self.kubeconfig.split(os.pathsep) if one]
        except ValueError as error:
            raise self.unusable(str(error)) from None
        if not any(path.exists() for path in paths):
            raise self.unusable("there is no such file; set `kubeconfig`, or KUBECONFIG in the environment")
        merged = kube_config.KubeConfigMerger(self.kubeconfig)
        names = [str(one["name"]) for one in (merged.config.value.get("contexts") or [])]
        if context not in names:
            known = ", ".join(sorted(names)) or "none"
            raise self.unusable(f"there is no context {context} in it; it has: {known}")
        loader = kube_config.KubeConfigLoader(config_dict=merged.config, active_context=context)
        loader.load_and_set(configuration)
        chosen = merged.config["contexts"].get_with_name(context)["context"]
        cluster = merged.config["clusters"].get_with_name(chosen["cluster"])["cluster"]
        name = chosen.safe_get("user")
        user = merged.config["users"].get_with_name(name, safe=True) if name else None
        plugin = user["user"].safe_get("exec") if user is not None and user.safe_get("user") else None
        if plugin and not configuration.api_key and not configuration.cert_file:
            raise self.unusable(
                f"its sign-in plugin `{plugin.get('command')}` gave no credentials; {self.sign_in_again}"
            )
        if proxy := cluster.safe_get("proxy-url"):
            configuration.proxy = _FromKubeconfig(proxy)
            configuration.no_proxy = None

    def _from_server(self, configuration: client.Configuration) -> None:
        configuration.host = (self.settings.server or "").rstrip("/")
        if not configuration.host.startswith(("https://", "http://")):
            raise self.unusable("`server` must begin with `https://`")
        configuration.verify_ssl = not self.settings.tls.insecure
        ca = self.settings.tls.ca
        if ca is not None:
            if not from_home(ca).is_file():
                raise self.unusable(f"there is no file {ca} (`tls.ca`)")
            configuration.ssl_ca_cert = str(from_home(ca))
        assert self.settings.token is not None
        configuration.api_key["BearerToken"] = f"Bearer {self.resolve(self.settings.token)}"


class _FromKubeconfig(str):
    """A proxy that the kubeconfig names, which stands above the environment."""


def _without_user(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        return "an address that cannot be read"
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def _first_line(error: Exception) -> str:
    """The error in a line, without what could quote the file: the YAML library shows the text around a mistake."""
    if isinstance(error, yaml.YAMLError):
        mark: Any = getattr(error, "problem_mark", None)
        return f"it is not YAML{f' (line {mark.line + 1})' if mark else ''}"
    if isinstance(error, ConfigException):
        return str(error).splitlines()[0][:300]
    if isinstance(error, OSError):
        return f"{error.strerror or type(error).__name__}: {error.filename or ''}".rstrip(": ")
    return f"it is not a kubeconfig that we understand ({type(error).__name__})"
