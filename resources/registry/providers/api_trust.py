"""Certificates and proxies for `requests`, by the settings of the registry and nothing else.

Trap: with `trust_env`, requests lets REQUESTS_CA_BUNDLE win over `session.verify`, and ~/.netrc over our own
`Authorization`. So it is off; what the environment may say is read here.
"""

from __future__ import annotations

import os
import ssl
from pathlib import Path
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import InsecureRequestWarning

from registry_core.errors import ConfigError, Problem
from resources.configuration.credential_settings import TlsSettings
from resources.registry.transport.trust import Trust
from resources.unredirected_session import UnredirectedSession

_BUNDLES = ("CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE")  # ssl itself reads SSL_CERT_FILE and SSL_CERT_DIR

__all__ = ["InsecureRequestWarning", "new_session", "proxies_for"]


class _TrustingAdapter(HTTPAdapter):
    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context
        super().__init__(pool_connections=4, pool_maxsize=4)

    def init_poolmanager(self, *arguments: Any, **keywords: Any) -> None:
        super().init_poolmanager(*arguments, ssl_context=self._context, **keywords)

    def proxy_manager_for(self, proxy: str, **keywords: Any) -> Any:
        return super().proxy_manager_for(proxy, ssl_context=self._context, **keywords)


def new_session(tls: TlsSettings) -> requests.Session:
    """A session that believes the machine's authorities and `tls.ca`. Raises ConfigError for a bad `tls.ca`."""
    session = UnredirectedSession()
    session.trust_env = False
    session.headers["User-Agent"] = "registry-pipelines"
    session.verify = not tls.insecure
    if not tls.insecure:
        session.mount("https://", _TrustingAdapter(_context(tls)))
    return session


def proxies_for(trust: Trust, url: str) -> dict[str, str]:
    """What `requests` wants to hear about the proxy of one address."""
    proxy = trust.proxy_of(url)
    return {"http": proxy, "https": proxy} if proxy else {}


def _context(tls: TlsSettings) -> ssl.SSLContext:
    context = ssl.create_default_context()
    for name in _BUNDLES:
        path = os.environ.get(name, "")
        if path and Path(path).is_file():
            context.load_verify_locations(path)
    if tls.ca:
        try:
            context.load_verify_locations(tls.ca)
        except (OSError, ssl.SSLError) as error:
            raise ConfigError(
                Problem(f"tls.ca {tls.ca}", f"cannot be used ({error}); write the path of a PEM file")
            ) from error
    return context
