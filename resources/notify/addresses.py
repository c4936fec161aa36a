"""Apprise URLs, fetched at the moment of use. What is shown of one is its scheme, nothing else.

Trap: Apprise's own `url(privacy=True)` hides passwords, and shows the path of a webhook, which is as good as one.
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass, field

import apprise

from registry_core.errors import ConfigError
from resources.configuration.secrets import SecretName, read_secret

# What Apprise logs repeats addresses; what went wrong is told by us, with those taken out.
logging.getLogger(apprise.LOGGER_NAME).propagate = False

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")


@dataclass(frozen=True, slots=True)
class Address:
    """One Apprise URL and how to call it."""

    name: str  #: `{env: NOTIFY_URLS} 2, slack`
    scheme: str
    url: str = field(repr=False)


def read_addresses(secret: SecretName) -> tuple[Address, ...]:
    """The URLs that stand in a secret, on lines or separated by spaces; lines that begin with `#` are notes.

    Raises ConfigError that names the place and the number, never the URL.
    """
    lines = [line for line in read_secret(secret).splitlines() if not line.lstrip().startswith("#")]
    urls = [url for line in lines for url in line.split()]
    if not urls:
        raise ConfigError("holds no Apprise URL; write one as https://appriseit.com shows", subject=str(secret))
    return tuple(_address(secret, number, url) for number, url in enumerate(urls, start=1))


def _address(secret: SecretName, number: int, url: str) -> Address:
    found = _SCHEME.match(url)
    if found is None:
        raise ConfigError(
            f"text {number} is no URL; write `slack://…`, `mailto://…` or another one of Apprise's", subject=str(secret)
        )
    scheme = found.group(1).lower()
    if apprise.Apprise.instantiate(url, suppress_exceptions=True) is None:
        why = "is not complete" if _is_known(scheme) else f"has a scheme that Apprise does not know (`{scheme}`)"
        raise ConfigError(f"URL {number} {why}; see https://appriseit.com for how it is written", subject=str(secret))
    return Address(f"{secret} {number}, {scheme}", scheme, url)


def _is_known(scheme: str) -> bool:
    return scheme in apprise.NotificationManager().schemas()  # type: ignore[no-untyped-call]
