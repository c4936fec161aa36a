"""Look at one image on both sides: what belongs to it, what is there already, what is in the way."""

from __future__ import annotations

from dataclasses import dataclass, field

from registry_core.copying import CopyChoice, ImageCopy, MissingBlob, PlannedCopy, TagConflict, conflicts_of
from registry_core.errors import RegistryError
from registry_core.manifests import BlobDescriptor
from resources.registry.copying.arrival import Arrival, Standing
from resources.registry.copying.belongings import Belongings, Gathering, SourceMemory
from resources.registry.copying.blob_board import BlobBoard
from resources.registry.copying.crew import Hands
from resources.registry.reading import Reader


@dataclass(frozen=True, slots=True)
class Look:
    """One image, seen at both sides. Without `standing` a tag is in the way and nothing else was asked."""

    belongings: Belongings
    conflicts: tuple[TagConflict, ...] = ()
    standing: Standing | None = None
    missing_blobs: tuple[BlobDescriptor, ...] = ()
    tags: dict[str, str | None] = field(default_factory=dict)  #: where the wanted tags point to

    @property
    def is_refused(self) -> bool:
        return any(conflict.ruling in ("refused", "kept") for conflict in self.conflicts)

    @property
    def is_there(self) -> bool:
        """Nothing is to be done."""
        standing, wanted = self.standing, self.belongings.wanted_tags()
        return (
            standing is not None
            and not self.missing_blobs
            and not standing.unlisted
            and all(digest in standing.manifests for digest in self.belongings.manifests)
            and all(self.tags.get(tag) == digest for tag, digest in wanted.items())
        )


@dataclass(frozen=True, slots=True)
class Looker:
    """What all looks of one copy share."""

    choice: CopyChoice
    board: BlobBoard
    one_registry: bool = False  #: source and destination are the same: what is not there is mounted
    memory: SourceMemory = field(default_factory=SourceMemory)

    def look(self, hands: Hands, image: ImageCopy) -> Look:
        """Raises RegistryError where one of the sides cannot tell."""
        belongings = hands.source.engine.run(Gathering(hands.source, image, self.choice, self.memory).gather())
        return hands.destination.engine.run(self._arrived(hands.destination, belongings))

    async def _arrived(self, reader: Reader, belongings: Belongings) -> Look:
        arrival = Arrival(reader, belongings, self.choice.on_conflict)
        tags = await arrival.tags()
        conflicts = conflicts_of(tags, belongings.wanted_tags(), self.choice.on_conflict, belongings.image.may_replace)
        look = Look(belongings, conflicts, tags=tags)
        if look.is_refused:
            return look
        standing = await arrival.standing(tags.values())
        there = () if self.choice.repair else standing.manifests
        missing = await self._missing_blobs(reader, belongings, list(belongings.blobs(without=there).values()))
        return Look(belongings, conflicts, standing, missing, tags)

    async def _missing_blobs(
        self, reader: Reader, belongings: Belongings, blobs: list[BlobDescriptor]
    ) -> tuple[BlobDescriptor, ...]:
        repository = belongings.image.to_repository
        missing: list[BlobDescriptor] = []

        async def ask(blob: BlobDescriptor) -> None:
            try:
                await reader.blob_size(repository, blob.digest)
            except RegistryError as error:
                if error.fault != "missing":
                    raise
                missing.append(blob)
            else:
                self.board.found(repository, blob.digest)

        known = [blob for blob in blobs if self.board.holds(repository, blob.digest)]
        await reader.engine.each([blob for blob in blobs if blob not in known], ask)
        missing.extend(blob for blob in known if not self.board.is_there(repository, blob.digest))
        if self.one_registry:
            for blob in missing:
                self.board.found(belongings.image.repository, blob.digest)
        lacking = {blob.digest for blob in missing}
        return tuple(blob for blob in blobs if blob.digest in lacking)


def planned(look: Look, board: BlobBoard) -> PlannedCopy:
    """The look as a line of a plan."""
    belongings, standing = look.belongings, look.standing
    repository = belongings.image.to_repository
    there = standing.manifests if standing is not None else frozenset()
    return PlannedCopy(
        image=belongings.image,
        word="conflict" if look.is_refused else "already there" if look.is_there else "copy",
        digest=belongings.digest,
        manifests=len(belongings.manifests),
        missing_manifests=sum(digest not in there for digest in belongings.manifests),
        missing_blobs=tuple(
            MissingBlob(
                repository,
                blob.digest,
                blob.size_bytes,
                elsewhere=board.holder(blob.digest, but=repository) is not None,
            )
            for blob in look.missing_blobs
        ),
        conflicts=look.conflicts,
        foreign_layers=belongings.foreign,
        lost=belongings.lost,
        attached=belongings.attached,
        signature_tags=belongings.signature_tags,
        detail="; ".join(str(conflict) for conflict in look.conflicts),
    )
