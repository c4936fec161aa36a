"""A report that takes seconds to make, kept until there is something newer to make it from."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from resources.configuration.settings import Site
from resources.database.history import History

Report = TypeVar("Report")


class KeptReport(Generic[Report]):
    """The newest report over a whole site, made again only when a newer snapshot was stored."""

    def __init__(self, site: Site, history: History, take: Callable[[], Report]) -> None:
        self._site, self._history, self._take = site, history, take
        self._lock = threading.Lock()
        self._known: tuple[tuple[int | None, ...], Report] | None = None

    def report(self) -> Report:
        """Blocking. Raises what the history raises, and IncompleteSnapshot before the first inventory."""
        with self._lock:
            newest = self._newest()
            if self._known is None or self._known[0] != newest:
                self._known = (newest, self._take())
            return self._known[1]

    def _newest(self) -> tuple[int | None, ...]:
        latest = self._history.latest
        found = [
            *(latest("inventory", name) for name in self._site.clusters),
            *(latest("catalog", name) for name in self._site.registries),
        ]
        return tuple(None if snapshot is None else snapshot.id for snapshot in found)
