"""One run's way into the history: stage in batches while reading, merge at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter
from types import TracebackType
from typing import Any

import sqlalchemy as sa

from registry_core.catalog import ManifestFacts, RepositoryCrawled
from registry_core.coverage import Coverage
from registry_core.errors import DatabaseError
from registry_core.foreign_json import storable
from registry_core.inventory import ImageUse
from resources.database import staging
from resources.database.bulk import insert_new
from resources.database.connection import Database, lock
from resources.database.hashing import Row, row_builder
from resources.database.manifests import save_manifests
from resources.database.merging import Merge, mark_places_read, merge
from resources.database.schema import snapshots
from resources.database.sightings import IMAGE_USES, IMAGES, TAGS, SightingTable, tables_of
from resources.database.snapshots import Snapshot, SnapshotSuperseded, newest, snapshot_by_id
from resources.database.times import maybe_to_micros, now_micros, to_micros

#: Held in memory before they are staged: rows, and bytes of manifests.
_BATCH_ROWS = 5_000
_BATCH_BYTES = 8_000_000


class SnapshotWriter:
    """Takes what one reading of one source brings; nobody sees any of it before `finish`.

    Memory stays flat: full batches go to the staging tables and are committed there. As a context manager it
    drops everything when the block is left without `finish`. Not for several threads at once.
    """

    def __init__(self, database: Database, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self._database = database
        self._rows: dict[str, list[tuple[str, Sequence[Any]]]] = {table.name: [] for table in tables_of(snapshot.kind)}
        self._manifests: list[ManifestFacts] = []
        self._document_bytes = 0
        self._places: dict[str, int] = {}
        self._touched: dict[str, bool] = {}  # places that rows came from; for repositories, whether without a gap
        self._done = False

    def __repr__(self) -> str:
        return f"SnapshotWriter({self.snapshot.kind} of {self.snapshot.source})"

    def __enter__(self) -> SnapshotWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._done:
            return
        try:
            self.abandon()
        except DatabaseError:
            if error is None:  # else the first error counts; the next run clears away what this one staged
                raise

    def add_uses(self, batch: Iterable[ImageUse]) -> None:
        """References of a cluster; the place of each is its `resource`."""
        by_resource: dict[str, list[ImageUse]] = {}
        for use in batch:
            by_resource.setdefault(use.resource, []).append(use)
        for resource, uses in by_resource.items():
            self.add_rows(IMAGE_USES, resource, map(_VALUES[IMAGE_USES.name], uses))

    def add_repository(self, crawled: RepositoryCrawled) -> None:
        """All that was learned of one repository; it was read whole unless it has a gap.

        May come in several pieces; one piece with a gap makes the repository not whole, until `start_over`.
        """
        name = storable(crawled.repository)
        self._touched[name] = self._touched.get(name, True) and crawled.gap is None
        self._manifests.extend(crawled.manifests)
        self._document_bytes += sum(facts.size_bytes for facts in crawled.manifests)
        self.add_rows(TAGS, name, map(_VALUES[TAGS.name], crawled.tags))
        self.add_rows(IMAGES, name, map(_VALUES[IMAGES.name], crawled.images))

    def add_rows(self, table: SightingTable, place: str, values: Iterable[Sequence[Any]]) -> None:
        """Rows of any table of this kind: values in the order of `table.columns`, times in microseconds.

        Of two rows with the same key the first one counts.
        """
        place, rows = storable(place), self._rows[table.name]
        self._touched.setdefault(place, False)
        for each in values:
            rows.append((place, each))
            if len(rows) >= _BATCH_ROWS:
                self._flush()
        if self._document_bytes >= _BATCH_BYTES:
            self._flush()

    def start_over(self, place: str) -> None:
        """Drop what was staged of one place: it is read again from its beginning."""
        place = storable(place)
        self._touched.pop(place, None)
        for name, rows in self._rows.items():
            self._rows[name] = [row for row in rows if row[0] != place]
        if place in self._places:
            with self._database.writing("drop the staged rows of one place") as connection:
                staging.clear_place(connection, self.snapshot.kind, self.snapshot.id, self._places[place])

    def finish(
        self,
        coverage: Coverage,
        *,
        places_read_whole: Iterable[str] | None = None,
        places_listed: Iterable[str] | None = None,
    ) -> Snapshot:
        """Merge into the history, in one transaction: readers see the state before or after it, whole.

        Rows are closed only in places that were read whole: `places_read_whole`, else the repositories that were
        added without a gap. A place with a gap in `coverage` never counts as whole, excused or not.
        `places_listed` are all places that the source says it has, given only when that list itself was read
        whole: rows of places that are not on it are closed too. Without it they stay as last known.

        SnapshotSuperseded when a snapshot that began later was merged before; that one stands untouched.
        """
        self._flush()
        whole = self._whole_places(coverage, places_read_whole)
        listed = {storable(place) for place in places_listed or ()}
        self._know_places({*whole, *listed, *self._touched})
        staged = {self._places[place]: place in whole for place in {*whole, *listed, *self._touched}}
        with self._database.writing(f"store the {self.snapshot.kind} of {self.snapshot.source}") as connection:
            lock(connection, f"{self.snapshot.kind} {self.snapshot.source}")
            newer = self._newer(connection)
            if newer is None:
                self._merge(connection, staged, places_listed is not None, coverage)
                finished = snapshot_by_id(connection, self.snapshot.id)
            else:
                staging.clear(connection, self.snapshot.kind, [self.snapshot.id])
        self._done = True
        if newer is not None:
            raise self._superseded(newer)
        return finished

    def abandon(self) -> None:
        """Drop everything: the history stays as it was."""
        self._done = True
        for rows in self._rows.values():
            rows.clear()
        self._manifests.clear()
        with self._database.writing("drop an unfinished snapshot") as connection:
            staging.clear(connection, self.snapshot.kind, [self.snapshot.id])

    def _merge(
        self, connection: sa.Connection, staged: dict[int, bool], listed_whole: bool, coverage: Coverage
    ) -> None:
        ours, kind, source = self.snapshot.id, self.snapshot.kind, self.snapshot.source
        staging.stage_places(connection, ours, staged)
        plan = Merge(ours, kind, source, to_micros(self.snapshot.as_of), listed_whole)
        for table in tables_of(kind):
            merge(connection, plan, table)
        mark_places_read(connection, plan)
        staging.clear_staged(connection, kind, ours)
        staging.clear_superseded(connection, kind, source, plan.as_of)
        state = "complete" if coverage.complete else "incomplete"
        connection.execute(
            sa.update(snapshots)
            .where(snapshots.c.id == ours)
            .values(state=state, coverage=coverage.to_json(), finished_at=now_micros())
        )

    def _newer(self, connection: sa.Connection) -> Snapshot | None:
        """What was merged instead of us, if anything. Of two that began at the same time the later merge stands."""
        stored = newest(connection, self.snapshot.kind, self.snapshot.source, ("complete", "incomplete"))
        if stored is not None and stored.as_of > self.snapshot.as_of:
            return stored
        if not staging.still_running(connection, self.snapshot.id):
            raise self._superseded(stored)
        return None

    def _superseded(self, by: Snapshot | None) -> SnapshotSuperseded:
        ours = (
            f"the {self.snapshot.kind} of {self.snapshot.source} begun at {self.snapshot.as_of:%Y-%m-%d %H:%M:%S} UTC"
        )
        if by is None:
            hours = staging.ABANDONED_AFTER.total_seconds() / 3600
            return SnapshotSuperseded(
                f"could not store {ours}: it was taken for dead after {hours:.0f} hours and cleared away. Run it again."
            )
        return SnapshotSuperseded(
            f"could not store {ours}: superseded by a newer snapshot of {by.source} taken at"
            f" {by.as_of:%Y-%m-%d %H:%M:%S} UTC, which stands. Nothing needs to be done."
        )

    def _whole_places(self, coverage: Coverage, given: Iterable[str] | None) -> set[str]:
        whole = (place for place, is_whole in self._touched.items() if is_whole) if given is None else given
        return {storable(place) for place in whole} - {storable(gap.place) for gap in coverage.gaps}

    def _flush(self) -> None:
        if not self._manifests and not any(self._rows.values()):
            return
        self._know_places({place for rows in self._rows.values() for place, _ in rows})
        with self._database.writing(f"stage rows of {self.snapshot.source}") as connection:
            if not staging.still_running(connection, self.snapshot.id):
                stored = newest(connection, self.snapshot.kind, self.snapshot.source, ("complete", "incomplete"))
                raise self._superseded(stored)
            save_manifests(connection, self._manifests)
            for table in tables_of(self.snapshot.kind):
                insert_new(connection, table.staged, self._built(table))
        for done in self._rows.values():
            done.clear()
        self._manifests, self._document_bytes = [], 0

    def _built(self, table: SightingTable) -> list[Row]:
        build, ours, places = row_builder(table), self.snapshot.id, self._places
        return [build(ours, places[place], values) for place, values in self._rows[table.name]]

    def _know_places(self, names: set[str]) -> None:
        if names <= self._places.keys():
            return
        with self._database.writing(f"name the places of {self.snapshot.source}") as connection:
            missing = names - self._places.keys()
            self._places |= staging.place_ids(connection, self.snapshot.kind, self.snapshot.source, missing)


def _values_of(table: SightingTable) -> Callable[[Any], Sequence[Any]]:
    """How a value of ours (ImageUse, TagSeen, ImageSeen) becomes the stored columns of its table."""
    get = attrgetter(*table.columns)
    times = [table.columns.index(name) for name in table.times]
    joined = [table.columns.index("pull_secrets")] if "pull_secrets" in table.columns else []

    def values(thing: Any) -> Sequence[Any]:
        found = list(get(thing))
        for index in times:
            found[index] = maybe_to_micros(found[index])
        for index in joined:
            found[index] = ",".join(found[index])
        return found

    return values


_VALUES = {table.name: _values_of(table) for table in (IMAGE_USES, TAGS, IMAGES)}
