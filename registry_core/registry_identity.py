"""The identity of a registry: when two written hosts are one registry.

Hosts ignore case, a default port says nothing, Docker Hub has four names, and the loopback address has three. Two
names of one registry are one thing for *keeping*: a use under either keeps the image. This module and
`registry_directory`, which applies it to references, are the only places that compare hosts; a test finds any other.
Source: RFC 3986 §6.2.2 and §6.2.3 (case, default port), distribution/reference `normalize.go` (Docker Hub).
"""

from __future__ import annotations

from difflib import get_close_matches
from functools import lru_cache
from ipaddress import AddressValueError, IPv6Address
from urllib.parse import urlsplit

from registry_core.references import DOCKER_HUB as DOCKER_HUB

#: Hosts of Docker Hub: the one that references name, and those that answer for it.
DOCKER_HUB_HOSTS = (DOCKER_HUB, "index.docker.io", "registry-1.docker.io", "registry.hub.docker.com")

_DEFAULT_PORT: dict[str, int] = {"https": 443, "http": 80}
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]"})
_REMEMBERED = 1 << 14


@lru_cache(maxsize=_REMEMBERED)
def host_identity(host: str) -> str:
    """The one spelling of a host with an optional port, as references and configurations write it.

    Lower case, without the port 443 that a reference means anyway, without the dot at the end that a DNS name may
    have; addresses of IPv6 in their short form; `docker.io` for every host of Docker Hub and `localhost` for the
    loopback addresses. What is no host is returned in lower case: it equals only itself.
    """
    name, port = _split_port(host.strip().lower())
    name = _short_address(name) if name.startswith("[") else name.removesuffix(".")
    if port == str(_DEFAULT_PORT["https"]):
        port = ""
    if name in _LOOPBACK:
        name = "localhost"
    elif name in DOCKER_HUB_HOSTS and not port:
        name = DOCKER_HUB
    return f"{name}:{port}" if port else name


@lru_cache(maxsize=_REMEMBERED)
def url_identity(url: str) -> str:
    """The identity of the registry at an address: `https://GHCR.IO:443/` is `ghcr.io`.

    `http://host` and `https://host` are one: no registry serves different images at its two default ports.
    """
    return host_identity(url_host(url))


@lru_cache(maxsize=_REMEMBERED)
def url_host(url: str) -> str:
    """Host and port of an address, in lower case, without the default port of its scheme: `GHCR.IO:443` is `ghcr.io`.

    Unlike its identity, it is the one of several names that the address has: it can be asked and written.
    """
    try:
        parts = urlsplit(url.strip())
    except ValueError:  # brackets that are not closed
        return url.strip().lower()
    name, port = _split_port(parts.netloc.rpartition("@")[2].lower())
    name = name.removesuffix(".")
    return f"{name}:{port}" if port and port != str(_DEFAULT_PORT.get(parts.scheme.lower(), 0)) else name


def url_origin(url: str) -> str:
    """An address in one spelling, for what writes down with whom it was made."""
    return f"{url.strip().partition('://')[0].lower()}://{url_host(url)}"


def same_host(one: str, other: str) -> bool:
    """Whether two hosts, as written in references, are one registry."""
    return host_identity(one) == host_identity(other)


def same_registry(one_url: str, other_url: str) -> bool:
    """Whether two addresses are of one registry."""
    return url_identity(one_url) == url_identity(other_url)


def is_docker_hub(host: str) -> bool:
    """Whether a host is one of Docker Hub's."""
    return host_identity(host) == DOCKER_HUB


def is_loopback(host: str) -> bool:
    """Whether a host is the machine itself: what it names depends on who reads it."""
    return _split_port(host_identity(host))[0] == "localhost"


def most_similar(host: str, seen: list[str], *, most: int = 3) -> list[str]:
    """Hosts of `seen` that a mistyped `host` may mean, the likeliest first."""
    return get_close_matches(host_identity(host), sorted({host_identity(one) for one in seen}), n=most, cutoff=0.5)


def _split_port(host: str) -> tuple[str, str]:
    """Host and port, the port without leading zeros; a host that is no name and port stays whole."""
    name, colon, port = host.rpartition(":")
    if not colon or (":" in name and not name.endswith("]")):
        return host, ""
    if port and not (port.isascii() and port.isdecimal()):
        return host, ""
    return name, port.lstrip("0") or ("0" if port else "")


def _short_address(name: str) -> str:
    try:
        return f"[{IPv6Address(name.removeprefix('[').removesuffix(']'))}]" if name.endswith("]") else name
    except AddressValueError:
        return name
