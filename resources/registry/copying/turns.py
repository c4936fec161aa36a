"""Turns of images that share manifests in one repository of the destination: one stores, the others wait for it.

Seen on distribution 2.8: while a manifest is stored a second time, its link is a moment empty, and whoever stores an
index that lists it just then is told 400, `MANIFEST_BLOB_UNKNOWN` and `DIGEST_INVALID`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection


class Turns:
    """Shared by all workers. Nobody waits in it: an image whose turn has not come is called again."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._taken: dict[tuple[str, str], list[Callable[[], None]]] = {}
        self._stored: set[tuple[str, str]] = set()

    def take(self, repository: str, manifests: Collection[str], again: Callable[[], None]) -> frozenset[str] | None:
        """Take the turn over all of these manifests, or none: None where somebody has one of them, and then `again` is
        called when that is over. Else those that were stored in an earlier turn, so that they need not be again."""
        keys = [(repository, digest) for digest in manifests]
        with self._lock:
            for key in keys:
                if key in self._taken:
                    self._taken[key].append(again)
                    return None
            for key in keys:
                self._taken[key] = []
            return frozenset(digest for digest in manifests if (repository, digest) in self._stored)

    def end(self, repository: str, manifests: Collection[str], *, stored: bool) -> None:
        """The turn is over; `stored`: all of them are there, read back."""
        waiting: list[Callable[[], None]] = []
        with self._lock:
            for digest in manifests:
                waiting += self._taken.pop((repository, digest))
                if stored:
                    self._stored.add((repository, digest))
        for again in waiting:
            again()
