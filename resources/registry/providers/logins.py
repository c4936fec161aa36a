"""The login for the registry itself, where a vendor's settings can make one and no `credentials` are given."""

from __future__ import annotations

from resources.configuration.registry_settings import RegistrySettings
from resources.configuration.secrets import read_secret
from resources.registry.providers.aliyun import aliyun_login
from resources.registry.providers.api_client import ApiClient
from resources.registry.providers.azure_sign_in import AzureRefresh
from resources.registry.providers.choice import own_settings_of
from resources.registry.providers.ecr import ecr_login
from resources.registry.providers.google_sign_in import USERNAME as GOOGLE_USERNAME
from resources.registry.providers.google_sign_in import google_token
from resources.registry.providers.ibm import USERNAME as IBM_USERNAME
from resources.registry.sign_in.login import Credential, IdentityToken, Login, anonymous


def vendor_login(settings: RegistrySettings) -> Credential | None:
    """A login from the vendor's settings, None where they hold none. Raises ConfigError or RegistryError.

    GHCR takes any user name with a token; ECR and Alibaba give a login for hours; Azure gives a refresh token; Google
    and IBM have a user name that says what the password is.
    """
    own = settings.provider
    label = f"registry {settings.host}"
    if own.ghcr is not None and own.ghcr.token is not None:
        return Login(own.ghcr.owner or "token", read_secret(own.ghcr.token))
    ecr = own_settings_of(settings).ecr  # by its host too: nobody reads ECR without a login
    if ecr is not None:
        return ecr_login(label, settings, ecr)
    if own.aliyun is not None:
        return aliyun_login(label, settings, own.aliyun)
    if own.google is not None:
        return Login(GOOGLE_USERNAME, google_token(own.google))
    if own.ibm is not None:
        return Login(IBM_USERNAME, read_secret(own.ibm.api_key))
    if own.azure is not None and (own.azure.token is not None or own.azure.client_secret is not None):
        entra = ApiClient(f"{label}: Entra", own.azure.authority, settings)
        refresh = AzureRefresh(own.azure, anonymous, lambda: entra)
        client = ApiClient(f"{label}: Azure", settings.url, settings)
        try:
            return IdentityToken(refresh.refresh_token(client, settings.host))
        finally:
            client.close()
            entra.close()
    return None
