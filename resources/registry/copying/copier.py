"""Copies images from one registry to another, many at a time."""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterable, Iterator
from itertools import islice

from registry_core.copying import (
    CopyChoice,
    CopyOutcome,
    CopyPlan,
    CopyProgress,
    ImageCopy,
    PlannedCopy,
    TravelCount,
)
from registry_core.errors import RegistryError
from registry_core.registry_identity import same_registry
from resources.registry.connection import RegistryConnection
from resources.registry.copying.blob_board import BlobBoard, Landing
from resources.registry.copying.copying_image import Bench, CopyingImage
from resources.registry.copying.crew import Crew, Hands, Rank
from resources.registry.copying.looking import Looker, planned
from resources.registry.copying.source_blobs import SourceBlobs
from resources.registry.copying.tally import Tally

#: Blobs on their way at once; more bring nothing on one machine, and each is a thread.
MOST_AT_ONCE = 6

_LOOKED_AHEAD = 64
_PROGRESS_SECONDS = 0.1

#: Repositories of the destination that are said to hold a blob, so that it is mounted instead of sent.
Holders = Callable[[str], tuple[str, ...]]


class Copier:
    """Copies from `source` to `destination`. `holders` may know where the destination has a blob (a catalog).

    Nothing is opened before `plan` or `copy`; both may be called again.
    """

    def __init__(
        self,
        source: RegistryConnection,
        destination: RegistryConnection,
        choice: CopyChoice | None = None,
        *,
        holders: Holders = lambda _digest: (),
    ) -> None:
        self._source = source
        self._destination = destination
        self._choice = choice or CopyChoice()
        self._holders = holders
        self._one_registry = same_registry(source.url, destination.url)
        self._width = min(source.settings.connections, destination.settings.connections, MOST_AT_ONCE)

    def plan(self, images: Iterable[ImageCopy]) -> CopyPlan:
        """What a copy would do now. Writes nothing; what cannot be read is `unreadable`, nothing is raised for it.

        Also the blobs that would be brought are asked for at the source: an image that lost a layer is not promised.
        """
        return CopyPlan(tuple(self.plan_each(images)))

    def plan_each(self, images: Iterable[ImageCopy]) -> Iterator[PlannedCopy]:
        """As `plan`, one after the other in the order given, however many: few are looked at ahead of the first that
        was not told yet."""
        board = BlobBoard(lambda _landing: None, self._holders)
        looker = Looker(self._choice, board, self._one_registry)
        blobs = SourceBlobs()
        answers: queue.SimpleQueue[tuple[int, PlannedCopy] | BaseException] = queue.SimpleQueue()

        def look(hands: Hands, at: int, image: ImageCopy) -> None:
            try:
                looked = looker.look(hands, image)
                blobs.ask_for(hands.source, looked)
                answers.put((at, planned(looked, board)))
            except RegistryError as error:
                answers.put((at, PlannedCopy(image=image, word="unreadable", fault=error.fault, detail=str(error))))

        waiting = enumerate(images)
        found: dict[int, PlannedCopy] = {}
        count = TravelCount()
        asked = told = 0
        with Crew(self._source, self._destination, self._width, answers.put) as crew:
            while True:
                for at, image in islice(waiting, max(0, told + _LOOKED_AHEAD - asked)):
                    crew.add(Rank.LOOK, lambda hands, at=at, image=image: look(hands, at, image))  # type: ignore[misc]
                    asked += 1
                if told == asked:
                    break
                answer = answers.get()
                if isinstance(answer, BaseException):
                    raise answer
                found[answer[0]] = answer[1]
                while told in found:
                    yield count.counted(found.pop(told))
                    told += 1

    def copy(
        self, images: Iterable[ImageCopy], on_progress: Callable[[CopyProgress], None] = lambda _progress: None
    ) -> Iterator[CopyOutcome]:
        """Copy them; one outcome for each, in the order in which they end.

        What a registry refuses or fails is the outcome of the image that it concerns, and stops no other. The images
        are taken as there is room, so they may be very many. Left early, the copy is broken off: manifests and tags
        of what is not whole are not written, and the next copy goes on with the blobs that arrived.
        """
        ended: queue.SimpleQueue[CopyOutcome | BaseException] = queue.SimpleQueue()
        tally = Tally()
        waiting = iter(images)
        under_way = done = 0
        with Crew(self._source, self._destination, self._width, ended.put) as crew:

            def start(landing: Landing) -> None:
                if landing.mount_from is not None:
                    crew.add(Rank.MOUNT, lambda hands: landing.bring(hands, landing))
                else:
                    tally.expect(landing.blob.size_bytes)
                    size_bytes = landing.blob.size_bytes
                    crew.add(Rank.CARRY, lambda hands: landing.bring(hands, landing), size_bytes=size_bytes)

            board = BlobBoard(start, self._holders)
            bench = Bench(crew, board, Looker(self._choice, board, self._one_registry), tally, ended.put)
            while True:
                for image in islice(waiting, max(0, _LOOKED_AHEAD - under_way)):
                    crew.add(Rank.LOOK, CopyingImage(image, bench).begin)
                    under_way += 1
                if not under_way:
                    break
                try:
                    outcome = ended.get(timeout=_PROGRESS_SECONDS)
                except queue.Empty:
                    on_progress(CopyProgress(tally.sent_bytes, tally.expected_bytes, done))
                    continue
                if isinstance(outcome, BaseException):
                    raise outcome
                under_way -= 1
                done += 1
                on_progress(CopyProgress(tally.sent_bytes, tally.expected_bytes, done))
                yield outcome
