"""The web request that launches a run: whether it was meant, and by whom.

A browser sends a person's session along with every request, also with one that another page caused. Dagster carries out
mutations by GET, and takes POST requests that a form or `fetch` of any page can send, so that the origin has to be
checked where a run is launched. Sources: Fetch Metadata Request Headers (W3C), RFC 6454 (Origin).
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from urllib.parse import SplitResult, urlsplit

from dagster._core.run_coordinator import SubmitRunContext

from registry_core.errors import Refused
from registry_core.persons import vouched_name

#: What a browser says of a request that its own page, or the person alone, caused.
_OWN_SITES = ("same-origin", "none")
_DEFAULT_PORTS = {"http": 80, "https": 443}


def request_of(context: SubmitRunContext) -> Any | None:
    """The web request behind a launch; None where there is none: the daemon, a schedule, the command line."""
    return getattr(context.workspace, "source", None)


def refuse_what_was_not_meant(request: Any, origins: Collection[str] = ()) -> None:
    """Raises Refused for a request that another page may have caused.

    `origins` are the addresses under which people open the UI; empty: the one that the request itself names as its host
    (`Host`, or `X-Forwarded-Host`, which no other page can set). A request without `Origin` and without
    `Sec-Fetch-Site` comes from no browser of today, as of curl or a GraphQL client, and is accepted as a POST.
    """
    socket = getattr(request, "scope", {}).get("type") == "websocket"
    method = "a web socket" if socket else getattr(request, "method", "POST")
    if method != "POST":
        raise Refused(
            f"a run is launched by a POST request of the Dagster UI, and this is {method}: a link or an image in any"
            " page could send it in your name; launch the run in the UI"
        )
    for site in _all_of(request, "sec-fetch-site"):
        if site.lower() not in _OWN_SITES:
            raise Refused(
                f"the browser says that this launch was caused by another site (Sec-Fetch-Site: {site}); launch the run"
                " in the Dagster UI itself"
            )
    said = _all_of(request, "origin")
    if said and not all(_is_own(origin, request, origins) for origin in said):
        raise Refused(
            f"this launch was caused by the page of {', '.join(said)}, which is not the Dagster UI that it was sent to;"
            " launch the run in the UI. If it is the UI's own address, let the proxy pass on the header Host, or name"
            " the address under `origins` of the run coordinator in dagster.yaml"
        )


def person_signed_in(request: Any, header: str) -> str | None:
    """The name that the sign-in proxy gives in `header`, or None.

    Raises Refused where the header is there twice with different names: then the proxy added its own to one that the
    browser sent.
    """
    said = {_as_text(value) for value in _all_of(request, header)} - {""}
    if len(said) > 1:
        raise Refused(
            f"the request names {len(said)} different persons in {header}; let the sign-in proxy replace that header,"
            " not add to it"
        )
    return vouched_name(said.pop()) if said else None


def _all_of(request: Any, header: str) -> list[str]:
    """Every value of a header, also where it is there twice."""
    headers = getattr(request, "headers", None) or {}
    return [value.strip() for key, value in headers.items() if key.lower() == header.lower() and value.strip()]


def _as_text(value: str) -> str:
    """A header as the proxy wrote it: UTF-8, of which the web server makes Latin-1."""
    try:
        return value.encode("latin-1").decode().strip()
    except UnicodeError:
        return value.strip()


def _is_own(origin: str, request: Any, origins: Collection[str]) -> bool:
    sender = _split(origin)
    if sender is None:
        return False
    if origins:
        return any(_place(sender) == _place(own) for own in map(_split, origins) if own is not None)
    schemes = {scheme.strip().lower() for said in _all_of(request, "x-forwarded-proto") for scheme in said.split(",")}
    if len(schemes) == 1 and sender.scheme not in schemes:
        return False
    named = [*_all_of(request, "host"), *_all_of(request, "x-forwarded-host")]
    hosts = [_split(f"{sender.scheme}://{host.strip()}") for said in named for host in said.split(",")]
    return any(_place(sender) == _place(own) for own in hosts if own is not None)


def _split(address: str) -> SplitResult | None:
    """An origin, or None for what is none (`null`, which a sandboxed page sends)."""
    try:
        parts = urlsplit(address)
        _ = parts.port
    except ValueError:
        return None
    return parts if parts.scheme in _DEFAULT_PORTS and parts.hostname and parts.username is None else None


def _place(parts: SplitResult) -> tuple[str, str, int]:
    return (parts.scheme, (parts.hostname or "").rstrip("."), parts.port or _DEFAULT_PORTS[parts.scheme])
