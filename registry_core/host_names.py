"""Hosts as a person writes them into a configuration: what is none, why, and what to write instead."""

from __future__ import annotations

import re
from ipaddress import AddressValueError, IPv6Address

from registry_core.reference_grammar import is_host, is_repository

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_PORT = re.compile(r":([0-9]+)$")
_MOST_PORTS = 65_535
_LONGEST_SHOWN = 100
_A_PORT = "a port is a number from 1 to 65535"


def why_no_host(text: str) -> str | None:
    """One sentence on why no reference can name `text` as its registry; None for a host, with or without a port.

    It never repeats what is before an `@`: it may be a password.
    """
    if _is_usable(text):
        return None
    if not text.strip():
        return "an empty text is no host; write one like `registry.example.com`, or remove it"
    cleaned = _cleaned(text)
    no_host = f"`{_shown(text)}` is no host"
    host, slash, path = cleaned.partition("/")
    if slash and _is_usable(host) and is_repository(path):
        return (
            f"{no_host}, it has a path; write `{host}`, or, where a webhook or a proxy writes this before the names of"
            f" images, `also_known_as: [{{prefix: {cleaned}}}]`"
        )
    if cleaned != text and _is_usable(cleaned):
        return f"{no_host}; write `{cleaned}`"
    return f"{no_host}: {_reason(cleaned)}"


def why_no_prefix(text: str) -> str | None:
    """One sentence on why `text` is no host with or without whole segments of a repository's name after it."""
    host, slash, path = text.partition("/")
    if _is_usable(host) and (is_repository(path) or not slash):
        return None
    cleaned = _cleaned(text)
    host, slash, path = cleaned.partition("/")
    if cleaned != text and _is_usable(host) and (is_repository(path) or not slash):
        return f"`{_shown(text)}` is no prefix of names; write `{cleaned}`"
    if (fault := why_no_host(host)) is not None:
        return fault
    return (
        f"`{_shown(text)}` is no prefix of names: after the host come segments of a repository in lower case, without"
        " tag, patterns and slashes at the end"
    )


def why_no_address(url: str) -> str | None:
    """One sentence on why nothing can be reached at the host of `url` (`https://…`), which has the form of one."""
    host = _SCHEME.sub("", url, count=1).rstrip("/")
    if not is_port_possible(host):
        return f"`{_shown(url)}` is no address: {_A_PORT}"
    name = _PORT.sub("", host)
    if host.startswith("["):
        return None if _is_address(name) else f"`{_shown(url)}` is no address: {_reason(host)}"
    if not all(name.removesuffix(".").split(".")) or ":" in name:
        return f"`{_shown(url)}` is no address: {_reason(host)}"
    return None


def is_port_possible(host: str) -> bool:
    """Whether the port of a host is one, or none is written."""
    port = _PORT.search(host)
    return port is None or (len(port[1].lstrip("0")) <= 5 and 1 <= int(port[1].lstrip("0") or 0) <= _MOST_PORTS)


def _is_usable(text: str) -> bool:
    if not is_host(text) or not is_port_possible(text):
        return False
    return not text.startswith("[") or _is_address(_PORT.sub("", text))


def _is_address(name: str) -> bool:
    try:
        IPv6Address(name.removeprefix("[").removesuffix("]"))
    except AddressValueError:
        return False
    return name.startswith("[") and name.endswith("]")


def _cleaned(text: str) -> str:
    """What was most likely meant: without scheme, login, white space, and what is too much at the end."""
    plain = _SCHEME.sub("", text.strip(), count=1).rpartition("@")[2]
    host, _, path = plain.partition("?")[0].partition("#")[0].partition("/")
    name, colon, port = host.strip().rpartition(":")
    if not colon or name.endswith(":") or (port and not (port.isascii() and port.isdecimal())):
        host = _name(host.strip())
    elif not port or (port == "80" and text.strip().lower().startswith("http://")):
        host = _name(name)
    else:
        host = f"{_name(name)}:{port}"
    path = path.strip().strip("/")
    return f"{host}/{path}" if path and path not in ("v1", "v2") else host


def _name(name: str) -> str:
    name = name.removesuffix(".")
    try:
        IPv6Address(name)
    except AddressValueError:
        pass
    else:
        return f"[{name}]"
    if name.isascii():
        return name
    try:
        return name.encode("idna").decode("ascii")
    except UnicodeError:
        return name


def _reason(host: str) -> str:
    if any(sign in host for sign in "*?"):
        return "patterns are not read here; write each host"
    if any(sign.isspace() for sign in host):
        return "there is white space in it"
    if not is_port_possible(host):
        return _A_PORT
    if ".." in host or host.startswith("."):
        return "a part between two dots is empty"
    if "_" in host:
        return "no reference can name a host with `_`"
    if host.startswith("["):
        return "what is between `[` and `]` is no IPv6 address"
    if "/" in host:
        return "a host has no path"
    if ":" in host:
        return f"what follows the `:` is no port; {_A_PORT}"
    return "a host is a name of letters, digits, `-` and `.`, or an address, with or without a port"


def _shown(text: str) -> str:
    scheme = _SCHEME.match(text)
    _, login, after = text[scheme.end() if scheme else 0 :].rpartition("@")
    if login:
        text = f"{scheme[0] if scheme else ''}…@{after}"
    text = "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in text)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"
