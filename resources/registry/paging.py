"""Pages of a listing: where the next one is (RFC 8288 `Link`), and when the registry leads us in a circle.

Traps: the target may be quoted or not, relative or absolute; a short or empty page is not the last; only the
*path* of a link is followed, on the registry's own host, whatever host it names.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import urlsplit

from resources.registry.transport.foreign_addresses import NotAnAddress, resolve

_LINK = re.compile(r"<([^<>]*)>((?:[^,\"]|\"[^\"]*\")*)")
_REL = re.compile(r";\s*rel\s*=\s*(?:\"([^\"]*)\"|([^\s;,\"]+))", re.IGNORECASE)


def next_target(lines: Iterable[str]) -> str | None:
    """Target of the link of relation `next`, as written; None where there is none."""
    for line in lines:
        for target, parameters in _LINK.findall(line):
            for quoted, plain in _REL.findall(parameters):
                if "next" in (quoted or plain).lower().split():
                    return str(target).strip().strip('"')
    return None


class Pages:
    """The way through one listing. `follow` gives the next address and notices circles."""

    _MOST_WITHOUT_NEWS = 200

    def __init__(self, registry_url: str) -> None:
        self._registry_url = registry_url
        self._seen: set[str] = set()
        self._without_news = 0

    def follow(self, link_lines: Iterable[str], page_url: str, *, news: bool) -> str | None:
        """Address of the next page, None after the last. Raises ValueError, with why, for a circle.

        `news`: the page that came held something that no page before it held.
        """
        self._seen.add(_place(page_url))
        target = next_target(link_lines)
        if target is None:
            return None
        try:
            place = _place(resolve(page_url, target))
        except NotAnAddress as error:
            raise ValueError(f"its list is to go on at no place: {error}") from error
        if place in self._seen:
            raise ValueError(f"the registry repeats a page of its list (`Link` to {_shown(place)}, already read)")
        self._without_news = 0 if news else self._without_news + 1
        if self._without_news > self._MOST_WITHOUT_NEWS:
            raise ValueError(f"{self._without_news} pages in a row brought nothing new, and there are still more")
        return self._registry_url + place


def _place(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def _shown(place: str) -> str:
    return place if len(place) <= 120 else place[:119] + "…"
