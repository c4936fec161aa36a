"""Which repository of the destination holds which blob, and which blob is on its way: each travels once.

A blob that several images need is brought for the first of them; the others wait for it, and it is mounted into
their repositories. When it cannot be brought for the first, the next tries its own repository of the source.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from registry_core.errors import SourceError
from registry_core.manifests import BlobDescriptor
from resources.registry.copying.crew import Hands

#: Told when the blob is there (None), or why it is not.
Landed = Callable[[SourceError | None], None]


@dataclass(slots=True, eq=False)
class Landing:
    """One blob that is to be in one repository of the destination. `from_repository` holds it at the source."""

    blob: BlobDescriptor
    from_repository: str
    repository: str
    bring: Callable[[Hands, Landing], None]  #: done by a worker when it is its turn
    waiting: list[Landed] = field(default_factory=list)
    urls: tuple[str, ...] = ()  #: where a foreign layer lies, if the source does not hold it
    mount_from: str | None = None  #: a repository of the destination

    @property
    def digest(self) -> str:
        return self.blob.digest


class BlobBoard:
    """Shared by all workers. `start` is called with each landing whose turn it is; it must not block."""

    def __init__(self, start: Callable[[Landing], None], holders: Callable[[str], tuple[str, ...]]) -> None:
        self._start = start
        self._holders = holders
        self._lock = threading.Lock()
        self._there: dict[str, tuple[str, ...]] = {}  # tuples: there may be a million digests
        self._landings: dict[tuple[str, str], Landing] = {}
        self._travelling: dict[str, Landing] = {}
        self._queued: dict[str, list[Landing]] = {}

    def found(self, repository: str, digest: str) -> None:
        """The destination's repository was seen to hold the blob."""
        with self._lock:
            self._add(repository, digest)

    def holds(self, repository: str, digest: str) -> bool:
        """Whether the repository is known to hold it, or it is on its way there."""
        with self._lock:
            return repository in self._there.get(digest, ()) or (repository, digest) in self._landings

    def is_there(self, repository: str, digest: str) -> bool:
        """Whether the repository is known to hold it."""
        with self._lock:
            return repository in self._there.get(digest, ())

    def holder(self, digest: str, *, but: str) -> str | None:
        """Another repository of the destination that holds it."""
        with self._lock:
            return self._holder(digest, but)

    def want(self, landing: Landing, landed: Landed) -> None:
        """Let `landed` be called once the blob is there: at once, if it is already."""
        with self._lock:
            there = landing.repository in self._there.get(landing.digest, ())
            if not there:
                key = landing.repository, landing.digest
                known = self._landings.setdefault(key, landing)
                known.waiting.append(landed)
                if known is not landing:
                    return
                self._set_off(landing)
        if there:
            landed(None)

    def done(self, landing: Landing, error: SourceError | None) -> None:
        """The landing is over; whoever waits for this blob goes on."""
        digest = landing.digest
        with self._lock:
            self._landings.pop((landing.repository, digest), None)
            if error is None:
                self._add(landing.repository, digest)
            if self._travelling.get(digest) is landing:
                del self._travelling[digest]
                queued = self._queued.pop(digest, [])
                for following in queued:
                    self._set_off(following)
        for landed in landing.waiting:
            landed(error)

    def _add(self, repository: str, digest: str) -> None:
        there = self._there.get(digest, ())
        if repository not in there:
            self._there[digest] = (repository, *there)  # before what a catalog only says

    def _set_off(self, landing: Landing) -> None:
        digest = landing.digest
        landing.mount_from = self._holder(digest, landing.repository)
        if landing.mount_from is None:
            if digest in self._travelling:
                self._queued.setdefault(digest, []).append(landing)
                return
            self._travelling[digest] = landing
        self._start(landing)

    def _holder(self, digest: str, but: str) -> str | None:
        there = self._there.get(digest)
        if there is None:
            there = self._there[digest] = self._holders(digest)
        return next((repository for repository in there if repository != but), None)
