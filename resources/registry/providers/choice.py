"""Which vendor's API is asked for a registry: the one that its settings name, else the one that its host tells."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping

from registry_core.registry_identity import is_docker_hub
from resources.configuration.provider_settings import (
    AzureSettings,
    DockerHubSettings,
    EcrSettings,
    GhcrSettings,
    GoogleSettings,
    ProviderSettings,
    QuaySettings,
)
from resources.configuration.registry_settings import RegistrySettings
from resources.configuration.secrets import SecretName, read_secret
from resources.registry.connection import RegistryConnection
from resources.registry.providers.aliyun import Aliyun
from resources.registry.providers.api_client import ApiClient, NoSignIn, SignIn
from resources.registry.providers.api_sign_in import BasicSignIn, TokenSignIn
from resources.registry.providers.azure import Azure
from resources.registry.providers.azure_sign_in import AzureRefresh, AzureSignIn
from resources.registry.providers.docker_hub import DockerHub, hub_sign_in
from resources.registry.providers.ecr import HOST as ECR_HOST
from resources.registry.providers.ecr import Ecr
from resources.registry.providers.ghcr import Ghcr
from resources.registry.providers.google import HOST_END as GOOGLE_HOST_END
from resources.registry.providers.google import Google
from resources.registry.providers.google_sign_in import google_sign_in
from resources.registry.providers.harbor import Harbor
from resources.registry.providers.ibm import Ibm
from resources.registry.providers.interface import Provider
from resources.registry.providers.quay import Quay
from resources.registry.sign_in.login import BearerToken, CredentialSource, Login

#: All vendors, by the name that the settings give them.
PROVIDERS: Mapping[str, type[Provider]] = {
    one.name: one for one in (Ghcr, Harbor, DockerHub, Quay, Azure, Ecr, Google, Ibm, Aliyun)
}


def provider_of(connection: RegistryConnection, credentials: CredentialSource) -> Provider | None:
    """The vendor's API of a registry; None where only the OCI API is asked. Nothing is contacted.

    By its host alone (`auto`) a vendor is asked only where its API can answer: GHCR and Azure want a sign-in, ECR
    wants boto3 installed. Harbor cannot be known by its host.
    """
    settings = connection.settings
    own = own_settings_of(settings)
    label = connection.label
    provider: Provider | None = None
    if own.ghcr is not None:
        provider = Ghcr(label, settings, own.ghcr, ghcr_sign_in(own.ghcr, credentials))
    elif own.harbor is not None:
        provider = Harbor(label, settings, own.harbor, BasicSignIn(credentials))
    elif own.docker_hub is not None:
        provider = DockerHub(label, settings, own.docker_hub, hub_sign_in(credentials))
    elif own.quay is not None:
        provider = Quay(label, settings, own.quay, token_sign_in(own.quay.token))
    elif own.azure is not None:
        provider = Azure(label, settings, own.azure, azure_sign_in(label, settings, own.azure, credentials))
    elif own.ecr is not None:
        provider = Ecr(label, settings, own.ecr)
    elif own.google is not None:
        provider = Google(label, settings, own.google, google_sign_in(own.google))
    elif own.ibm is not None:
        provider = Ibm(label, settings, own.ibm)
    elif own.aliyun is not None:
        provider = Aliyun(label, settings, own.aliyun)
    if provider is not None:
        provider.by_host = not settings.provider.vendors
    return provider


def vendor_named_by(settings: RegistrySettings) -> str:
    """Name of the vendor whose API is asked; empty for none."""
    return next(iter(own_settings_of(settings).vendors), "")


def ghcr_sign_in(own: GhcrSettings, credentials: CredentialSource) -> SignIn:
    """The token that is named, else the password that the registry itself is shown: both are one GitHub token."""
    if own.token is not None:
        return token_sign_in(own.token)

    def password() -> str | None:
        login = credentials()
        return login.password if isinstance(login, Login) else login.value if isinstance(login, BearerToken) else None

    return TokenSignIn(password)


def changing_ghcr_sign_in(settings: RegistrySettings, own: GhcrSettings, credentials: CredentialSource) -> SignIn:
    """Where `delete_credentials` are given, their password comes before the token that GHCR is read with."""
    return ghcr_sign_in(
        own if settings.delete_credentials is None else own.model_copy(update={"token": None}), credentials
    )


def token_sign_in(place: SecretName | None) -> SignIn:
    return NoSignIn() if place is None else TokenSignIn(lambda: read_secret(place))


def azure_sign_in(
    label: str,
    settings: RegistrySettings,
    own: AzureSettings,
    credentials: CredentialSource,
    action: str = "metadata_read",
) -> AzureSignIn:
    entra = ApiClient(f"{label}: Entra", own.authority, settings)
    return AzureSignIn(AzureRefresh(own, credentials, lambda: entra), settings.host, action)


def own_settings_of(settings: RegistrySettings) -> ProviderSettings:
    """What the settings name, else what the host tells; `plain` where no vendor is asked."""
    written = settings.provider
    if written.plain or written.vendors:
        return written
    return _by_host(settings)


def removes_single_tags(settings: RegistrySettings) -> bool:
    """Whether a tag can be removed from an image that stays: as the settings say, else as the vendor documents its API.

    Never found out by trial: some registries take the whole image.
    """
    if settings.removes_single_tags != "unknown":
        return settings.removes_single_tags
    own = own_settings_of(settings)
    if own.quay is not None and own.quay.token is None:
        return False  # the registry's own DELETE is asked then
    return any(PROVIDERS[vendor].capabilities.removes_single_tags.verdict == "yes" for vendor in own.vendors)


def _by_host(settings: RegistrySettings) -> ProviderSettings:
    host = settings.host
    signed_in = settings.credentials is not None
    if host == "ghcr.io" and signed_in:
        return ProviderSettings(ghcr=GhcrSettings())
    if is_docker_hub(host):
        return ProviderSettings(docker_hub=DockerHubSettings())
    if host == "quay.io":
        return ProviderSettings(quay=QuaySettings())
    if host.endswith((".azurecr.io", ".azurecr.cn", ".azurecr.us")) and signed_in:
        return ProviderSettings(azure=AzureSettings())
    if ECR_HOST.fullmatch(host) and importlib.util.find_spec("boto3") is not None:
        return ProviderSettings(ecr=EcrSettings())
    if host.endswith(GOOGLE_HOST_END) and not signed_in:
        return ProviderSettings(google=GoogleSettings())
    return ProviderSettings(plain=True)
