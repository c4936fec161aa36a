"""Addresses that the other side writes: `Location`, `Link`, the realm of a challenge. None can be trusted to be one.

Python's parser raises for some of them (`http://[::1/x`, a port of 99999), drops characters of others, and takes apart
what libcurl reads in another way. What comes out of here is read alike by both.
"""

from __future__ import annotations

import re
import string
from urllib.parse import quote, urldefrag, urljoin, urlsplit

#: A host that no two parsers disagree about: a name, an IPv4 or a bracketed IPv6 address; then perhaps a port.
_AUTHORITY = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")
_KEPT = "".join(sorted(set(string.printable) - set(string.whitespace)))
_LONGEST = 16 * 1024  # a signed address of a blob store is a tenth of it
_LONGEST_SHOWN = 120


class NotAnAddress(ValueError):
    """What the other side wrote cannot be asked. The message is what is wrong with it, fit for any log."""


def resolve(base: str, written: str) -> str:
    """The absolute HTTP address that `written` means at `base`, without its fragment. Raises NotAnAddress."""
    if len(written) > _LONGEST:
        raise NotAnAddress(f"{len(written):,} characters are no address")
    try:
        address = urldefrag(urljoin(base, written.strip())).url
        address = quote(address, safe=_KEPT)
        parts = urlsplit(address)
        port, host = parts.port, parts.hostname
    except ValueError as error:
        raise NotAnAddress(f"{_shown(written)} is not an address") from error
    if parts.scheme not in ("http", "https"):
        raise NotAnAddress(f"{_shown(written)} is not HTTP")
    if "@" in parts.netloc:
        raise NotAnAddress("an address with a user or password in it is not asked")
    if not host or port == 0 or _AUTHORITY.fullmatch(parts.netloc) is None:
        raise NotAnAddress(f"{_shown(written)} names no host")
    return address


def host_in(written: str) -> str:
    """The host and port that an address names, for a message."""
    try:
        return urlsplit(resolve(written, "")).netloc
    except NotAnAddress:
        return "an address that cannot be read"


def _shown(written: str) -> str:
    """The beginning, without what may be a secret: a user, a query."""
    text = re.sub(r"//[^/?#]*@", "//", written.partition("?")[0])
    text = "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in text[: _LONGEST_SHOWN + 1])
    return repr(text if len(text) <= _LONGEST_SHOWN else text[:_LONGEST_SHOWN] + "…")
