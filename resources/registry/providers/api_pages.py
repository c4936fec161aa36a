"""Pages of a vendor's list: the next one by `Link`, by number, or by what the answer says; never in a circle.

Trap: a list that is paged by number moves while it is read. An entry that vanishes from a page already read pulls
the first of the next page back, and nobody would ever see it. `MovingList` reads until the list held still.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from registry_core.errors import RegistryError
from resources.registry.paging import next_target
from resources.registry.providers.api_client import ApiClient
from resources.registry.providers.api_refusals import ApiAnswer
from resources.registry.transport.foreign_addresses import NotAnAddress, resolve

_MOST_PAGES = 20_000
_MOST_READINGS = 4  # the first finds out whether there are several pages

#: Address or path of the page after this answer, None after the last.
NextPage = Callable[[ApiAnswer], str | None]


def pages(
    client: ApiClient, path: str, wanted: str, *, params: Mapping[str, str | int], following: NextPage, **keywords: Any
) -> Iterator[ApiAnswer]:
    """Answers, page by page. Raises RegistryError where the list leads in a circle."""
    seen_urls: set[str] = set()
    last_page = b""
    url: str | None = path
    query: Mapping[str, str | int] | None = params
    for _ in range(_MOST_PAGES):
        answer = client.get(url or path, wanted, params=query, **keywords)
        print_of_page = hashlib.sha256(answer.body).digest()
        if print_of_page == last_page and len(answer.body) > 2:
            raise client.nonsense(wanted, answer, "it answers the same page again and again")
        last_page = print_of_page
        yield answer
        query = None
        try:
            target = following(answer)
            if target is None:
                return
            url = _at_home(client, target)
        except NotAnAddress as error:
            raise client.nonsense(wanted, answer, f"its list is to go on at no place: {error}") from error
        if url in seen_urls:
            raise client.nonsense(wanted, answer, f"it repeats a page of its list ({urlsplit(url).path})")
        seen_urls.add(url)
    raise RegistryError(
        f"{client.label}: could not {wanted}: {_MOST_PAGES:,} pages came and there are still more",
        fault="unreachable",
    )


def _at_home(client: ApiClient, target: str) -> str:
    """Only the path of a link is followed, on the API's own host: behind a proxy it may name another."""
    home = urlsplit(client.url)
    if "://" not in target:
        return client.url + target
    parts = urlsplit(resolve(client.url, target))
    place = f"{parts.path}?{parts.query}" if parts.query else parts.path
    return f"{home.scheme}://{home.netloc}{place}"


def by_link(answer: ApiAnswer) -> str | None:
    """The target of `Link: <…>; rel="next"`; relative ones start at the page. Raises NotAnAddress."""
    target = next_target([answer.headers.get("link", "")])
    return None if target is None else resolve(answer.url, target)


def numbered_pages(
    client: ApiClient,
    path: str,
    wanted: str,
    *,
    size_key: str,
    size: int,
    params: Mapping[str, str | int] | None = None,
    **keywords: Any,
) -> Iterator[ApiAnswer]:
    """Pages of a list paged by number: `Link` where it is sent, else the next number until a page is empty."""
    number = 1
    first = {**(params or {}), size_key: size, "page": number}

    def following(answer: ApiAnswer) -> str | None:
        nonlocal number
        number += 1
        linked = by_link(answer)
        if linked is not None:
            return linked
        entries = answer.content
        full = isinstance(entries, list) and len(entries) >= size
        if "link" in answer.headers or not full:
            return None
        query = "&".join(f"{key}={value}" for key, value in {**first, "page": number}.items())
        return f"{path}?{query}"

    yield from pages(client, path, wanted, params=first, following=following, **keywords)


def entries_of(client: ApiClient, answer: ApiAnswer, wanted: str, key: str | None = None) -> list[dict[str, Any]]:
    """The objects of a page: a list, or the list under `key`. Raises RegistryError where there is no list."""
    content = answer.content
    if key is not None:
        content = content.get(key, ()) if isinstance(content, dict) else None
        content = [] if content is None or content == () else content
    if not isinstance(content, list):
        raise client.nonsense(wanted, answer, "the answer holds no list")
    return [entry for entry in content if isinstance(entry, dict)]


@dataclass(frozen=True)
class MovingList:
    """A list paged by number, and how to notice that it moved while it was read.

    `count` asks how many entries there are now, for vendors whose pages do not tell; `total_of` reads it from a
    page, for those whose pages do.
    """

    client: ApiClient
    wanted: str
    read: Callable[[], Iterator[ApiAnswer]]
    count: Callable[[], int | None] | None = None
    total_of: Callable[[ApiAnswer], int | None] | None = None

    def entries(self, key: str) -> Iterator[dict[str, Any]]:
        """Each entry once, by what it has under `key`. A list that moved is read again, a few times.

        A list of one page cannot move under our feet, and is not counted. Raises RegistryError at the end, when
        the list moved every time: then something may not have been seen.
        """
        seen: set[str] = set()
        for reading in range(_MOST_READINGS):
            before = self.count() if self.count is not None and reading else None
            totals: set[int | None] = set()
            number = 0
            for number, answer in enumerate(self.read(), 1):
                totals.add(self.total_of(answer) if self.total_of is not None else None)
                if number == 2 and self.count is not None and not reading:
                    break  # it has several pages: count them first, and begin again
                for entry in entries_of(self.client, answer, self.wanted):
                    if (mark := repr(entry.get(key))) not in seen:
                        seen.add(mark)
                        yield entry
            if number <= 1:
                return
            if self.count is not None and reading and self.count() == before:
                return
            if self.count is None and len(totals) == 1:
                return
        raise RegistryError(
            f"{self.client.label}: could not {self.wanted} for sure: the list changed each time that it was read; run"
            " again when fewer are pushed or deleted there",
            fault="unreachable",
            retryable=True,
        )
