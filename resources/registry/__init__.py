"""Any OCI distribution registry: the client for few calls, the crawl and the probes for many.

Everything goes through one `RegistryConnection`: sign-in, limits, retries, redirects and our words for faults.
"""

from resources.registry.client import RegistryClient
from resources.registry.connection import RegistryConnection
from resources.registry.reading import Manifest
from resources.registry.sign_in.login import BearerToken, Credential, CredentialSource, IdentityToken, Login

__all__ = [
    "BearerToken",
    "Credential",
    "CredentialSource",
    "IdentityToken",
    "Login",
    "Manifest",
    "RegistryClient",
    "RegistryConnection",
]
