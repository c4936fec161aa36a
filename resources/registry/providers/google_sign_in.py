"""Access tokens for Google: a named one, a service account's key, or what Google's own tools find."""

from __future__ import annotations

from typing import Any

from registry_core.errors import ConfigError, RegistryError
from resources.configuration.provider_settings import GoogleSettings
from resources.configuration.secrets import read_secret
from resources.registry.providers.api_client import ApiClient
from resources.registry.providers.api_sign_in import FetchedTokenSignIn

#: User name that makes the password of a login an access token.
USERNAME = "oauth2accesstoken"

_SCOPE = "https://www.googleapis.com/auth/cloud-platform"
_LIFETIME_SECONDS = 1800.0  # Google's tokens last an hour; one that was handed over may be half over


def google_token(own: GoogleSettings) -> str:
    """An access token. Raises ConfigError where none can be had, RegistryError where Google refuses."""
    if own.token is not None:
        return read_secret(own.token)
    try:
        import google.auth
        import google.auth.exceptions
        from google.auth.transport.requests import Request
        from google.oauth2 import service_account
    except ImportError as error:
        raise ConfigError(
            "Google is asked with google-auth, which is not installed; run `pip install 'registry-pipelines[google]'`,"
            " or name an access token: `token: {env: NAME}`",
            subject="provider.google",
        ) from error
    try:
        if own.key_file is not None:
            of_file: Any = service_account.Credentials.from_service_account_file
            credentials = of_file(own.key_file, scopes=[_SCOPE])
        else:
            credentials, _ = google.auth.default(scopes=[_SCOPE])
        credentials.refresh(Request())
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"the key file {own.key_file} cannot be used ({type(error).__name__})", subject="provider.google"
        ) from None  # unchained: the exception may quote the key
    except google.auth.exceptions.DefaultCredentialsError:
        raise ConfigError(
            "no default credentials of Google are found here; name `key_file` or `token`", subject="provider.google"
        ) from None
    except google.auth.exceptions.GoogleAuthError as error:
        raise RegistryError(
            f"Google gives no access token ({type(error).__name__}); check the service account", fault="forbidden"
        ) from error
    return str(credentials.token)


def google_sign_in(own: GoogleSettings) -> FetchedTokenSignIn:
    def fetch(client: ApiClient) -> tuple[str, float]:
        return google_token(own), _LIFETIME_SECONDS

    return FetchedTokenSignIn(fetch)
