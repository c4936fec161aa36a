"""How a transfer reaches the other side: whose certificates to believe, which proxy to take.

Proxies come from the environment (HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, NO_PROXY, in either case). Loopback is
never proxied, as Go's tools do it. `tls.ca` is added to the machine's own authorities, as docker does it: a
token server or a blob store on another host may have a public certificate.
"""

from __future__ import annotations

import os
import ssl
from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import getproxies_environment, proxy_bypass_environment  # type: ignore[attr-defined]

import certifi
import pycurl

from registry_core.errors import ConfigError, Problem

_BUNDLES = ("SSL_CERT_FILE", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE")


@dataclass(frozen=True)
class Trust:
    """Read once for a connection. Raises ConfigError where `tls.ca` cannot be read."""

    ca: str | None = None
    insecure: bool = False
    proxies: dict[str, str] = field(default_factory=getproxies_environment, repr=False)

    def __post_init__(self) -> None:
        if not self.ca:
            return
        place = f"tls.ca {self.ca}"
        try:
            text = Path(self.ca).read_text(errors="replace")
        except OSError as error:
            raise ConfigError(
                Problem(place, f"cannot be read ({error.strerror}); write the path of a PEM file")
            ) from error
        if "-----BEGIN CERTIFICATE-----" not in text:
            raise ConfigError(Problem(place, "holds no certificate; write the path of a PEM file"))

    def prepare(self, handle: pycurl.Curl) -> None:
        """Set the TLS options of a handle."""
        if self.insecure:
            handle.setopt(pycurl.SSL_VERIFYPEER, 0)
            handle.setopt(pycurl.SSL_VERIFYHOST, 0)
            return
        bundle = _machine_bundle()
        if self.ca:
            handle.setopt(pycurl.CAINFO, self.ca)
            folder = _machine_folder()
            if folder:
                handle.setopt(pycurl.CAPATH, folder)
        elif bundle:
            handle.setopt(pycurl.CAINFO, bundle)

    def proxy_of(self, url: str) -> str:
        """Address of the proxy for `url`; empty for none."""
        if not self.proxies:
            return ""
        parts = urlsplit(url)
        if is_loopback(parts.hostname or "") or proxy_bypass_environment(parts.netloc, self.proxies):
            return ""
        return self.proxies.get(parts.scheme) or self.proxies.get("all") or ""

    @property
    def not_proxied(self) -> str:
        """NO_PROXY as written: libcurl also knows networks (`10.0.0.0/8`)."""
        return self.proxies.get("no", "")


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


@lru_cache(maxsize=1)
def _machine_bundle() -> str | None:
    """The machine's authorities as one file: what the environment names, OpenSSL's default, certifi's."""
    named = [os.environ[name] for name in _BUNDLES if os.environ.get(name)]
    default = ssl.get_default_verify_paths().cafile
    for path in (*named, default, "/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt"):
        if path and Path(path).is_file():
            return path
    return certifi.where()


@lru_cache(maxsize=1)
def _machine_folder() -> str | None:
    """The machine's authorities as a hashed folder, where there is one."""
    for path in (os.environ.get("SSL_CERT_DIR"), ssl.get_default_verify_paths().capath, "/etc/ssl/certs"):
        if path and Path(path).is_dir():
            return path
    return None
