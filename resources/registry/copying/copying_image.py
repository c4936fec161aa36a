"""One image being copied: looked at, its blobs brought, its manifests stored, its outcome told."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from registry_core.copying import CopyOutcome, CopyWord, ImageCopy
from registry_core.errors import RegistryError, SourceError
from registry_core.manifests import BlobDescriptor
from resources.registry.copying.arrival import Arrival, TagMoved
from resources.registry.copying.blob_board import BlobBoard, Landing
from resources.registry.copying.carrying import carry
from resources.registry.copying.crew import Crew, Hands, Rank
from resources.registry.copying.looking import Look, Looker
from resources.registry.copying.tally import Tally
from resources.registry.copying.turns import Turns


@dataclass(frozen=True, slots=True)
class Bench:
    """What the images of one copy share."""

    crew: Crew
    board: BlobBoard
    looker: Looker
    tally: Tally
    ended: Callable[[CopyOutcome], None]
    turns: Turns = field(default_factory=Turns)


@dataclass(slots=True, eq=False)
class CopyingImage:
    """The state of one image; its deeds are done by whatever worker is free."""

    image: ImageCopy
    bench: Bench
    began: float = field(default_factory=time.monotonic)
    look: Look | None = None
    sent_bytes: int = 0
    sent_blobs: int = 0
    mounted_blobs: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _to_come: int = 0
    _error: SourceError | None = None

    def begin(self, hands: Hands) -> None:
        """Look at both sides, and let the missing blobs be brought."""
        try:
            look = self.look = self.bench.looker.look(hands, self.image)
        except RegistryError as error:
            self._end("failed", error=error)
            return
        if look.is_refused:
            self._end("conflict", detail="; ".join(str(conflict) for conflict in look.conflicts))
        elif look.is_there:
            self._end("already there")
        elif not look.missing_blobs:
            self.bench.crew.add(Rank.CONCLUDE, self._conclude)
        else:
            self._to_come = len(look.missing_blobs)
            for blob in look.missing_blobs:
                self.bench.board.want(self._landing(blob, look), self._landed)

    def _landing(self, blob: BlobDescriptor, look: Look) -> Landing:
        held = look.belongings.manifests.values()
        urls = next((one.urls[blob.digest] for one in held if blob.foreign and one.urls.get(blob.digest)), ())
        return Landing(blob, self.image.repository, self.image.to_repository, urls=urls, bring=self._bring)

    def _bring(self, hands: Hands, landing: Landing) -> None:
        """Bring one blob, for this image and all that wait for it."""
        tally = self.bench.tally

        def passed(count: int) -> None:
            self.bench.crew.go_on()
            with self._lock:
                self.sent_bytes += count
            tally.passed(count)

        error: RegistryError | None = None
        try:
            how = carry(hands, landing, passed)
        except RegistryError as caught:
            error = caught
        else:
            with self._lock:
                self.sent_blobs += how == "uploaded"
                self.mounted_blobs += how == "mounted"
        self.bench.board.done(landing, error)

    def _landed(self, error: SourceError | None) -> None:
        with self._lock:
            self._error = self._error or error
            self._to_come -= 1
            left = self._to_come
        if left == 0:
            self.bench.crew.add(Rank.CONCLUDE, self._conclude)

    def _conclude(self, hands: Hands) -> None:
        """All blobs are there, or one of them cannot be: store the manifests, tell the outcome."""
        look = self.look
        assert look is not None
        assert look.standing is not None
        arrival = Arrival(hands.destination, look.belongings, self.bench.looker.choice.on_conflict)
        if self._error is not None:
            self._end("failed", error=self._error, tag_written=self._read_back(hands, arrival, self._error))
            return
        repository = self.image.to_repository
        # The list of a subject's referrers is one thing, too, that images of one copy must not write at once.
        subjects = {f"referrers of {held.subject}" for held in look.belongings.manifests.values() if held.subject}
        manifests = {*look.belongings.manifests, *subjects}
        crew, turns = self.bench.crew, self.bench.turns
        stored = turns.take(repository, manifests, lambda: crew.add(Rank.CONCLUDE, self._conclude))
        if stored is None:
            return
        whole = False
        try:
            there = replace(look.standing, manifests=look.standing.manifests | stored)
            written = hands.destination.engine.run(arrival.store(there))
            whole = True
        except TagMoved as moved:
            self._end("conflict", detail=str(moved), conflicts=(moved.conflict,))
        except RegistryError as error:
            self._end("failed", error=error, tag_written=self._read_back(hands, arrival, error))
        else:
            detail = "; ".join(str(conflict) for conflict in look.conflicts)
            self._end("copied", written_manifests=written, detail=detail)
        finally:
            turns.end(repository, manifests, stored=whole)

    def _read_back(self, hands: Hands, arrival: Arrival, error: SourceError) -> bool | None:
        """Whether the tag of an image that failed is written. A registry that does not answer is not asked again."""
        if error.fault in ("unreachable", "throttled"):
            return None
        return hands.destination.engine.run(arrival.tag_is_written())

    def _end(self, word: CopyWord, *, error: SourceError | None = None, **more: Any) -> None:
        belongings = self.look.belongings if self.look is not None else None
        if belongings is not None:
            more.setdefault("conflicts", self.look.conflicts if self.look is not None else ())
            more.update(
                digest=belongings.digest,
                manifests=len(belongings.manifests),
                foreign_layers=belongings.foreign,
                lost=belongings.lost,
                signature_tags=belongings.signature_tags,
            )
        if error is not None:
            more.update(fault=error.fault, retryable=error.retryable, detail=str(error))
        outcome = CopyOutcome(
            image=self.image,
            word=word,
            sent_bytes=self.sent_bytes,
            sent_blobs=self.sent_blobs,
            mounted_blobs=self.mounted_blobs,
            duration=timedelta(seconds=time.monotonic() - self.began),
            **more,
        )
        self.bench.ended(outcome)
