"""Which redirects are followed. What writes is never redirected: the one rule for every HTTP client of this project.

GET and HEAD are followed, a few times; whether credentials travel along is decided where they are added, by origin.
Every other method is followed only to the same origin and the same path with one slash at its end more or less, and is
sent there unchanged: a DELETE that follows further deletes what is in no plan. `303` asks for a GET instead, whose
answer would be taken for that of the write, so it is never followed by one.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from resources.registry.transport.foreign_addresses import NotAnAddress, resolve
from resources.registry.transport.messages import origin, redacted

REDIRECTS = frozenset({301, 302, 303, 307, 308})
READING = frozenset({"GET", "HEAD"})
MOST_REDIRECTS = 5

_SEE_OTHER = 303

#: A blob by its digest, which proves what comes over plain HTTP.
_BLOB = re.compile(r"/blobs/[A-Za-z0-9+._-]+:[A-Za-z0-9=_-]+")


class RedirectRefused(Exception):
    """This redirect is not followed. The message continues "could not …: "."""


def follow(method: str, asked: str, answered: str, status: int, location: str, *, hops: int) -> str:
    """Where to send the request instead. Raises RedirectRefused.

    `asked` is the address of the request as we made it, `answered` the one that redirects (another one from the second
    redirect on), `hops` how many redirects came before.
    """
    if hops >= MOST_REDIRECTS:
        raise RedirectRefused(f"it redirects more than {MOST_REDIRECTS} times; {_ADVICE}")
    try:
        target = resolve(answered, location)
    except NotAnAddress as error:
        raise RedirectRefused(f"it redirects ({status}) to no place: {error}; {_ADVICE}") from error
    if method not in READING:
        if status == _SEE_OTHER or not _differs_by_slash(asked, target) or hops:
            raise RedirectRefused(
                f"it redirects a {method} ({status}) to {redacted(target)}, and nothing was sent there: only requests"
                f" that read follow a redirect; {_ADVICE}"
            )
    elif target.startswith("http:") and answered.startswith("https:") and not _BLOB.search(urlsplit(asked).path):
        raise RedirectRefused(
            f"it redirects from https to http ({redacted(target)}), where anyone could answer; {_ADVICE}"
        )
    return target


def _differs_by_slash(asked: str, target: str) -> bool:
    """Whether only one slash at the end of the path is between the two."""
    one, other = urlsplit(asked), urlsplit(target)
    if origin(asked) != origin(target) or one.query != other.query:
        return False
    return one.path + "/" == other.path or one.path == other.path + "/"


_ADVICE = "check `url`, the registry's own address settings, and proxies before it"
