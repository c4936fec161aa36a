"""The door to the history: begin a snapshot, read a state, ask a question."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

import pandas as pd
import sqlalchemy as sa

from registry_core.backtest import Sightings
from registry_core.catalog import CatalogFrames
from registry_core.errors import IncompleteSnapshot
from registry_core.usage import UNRESOLVED_COLUMNS, UsageFrames
from resources.database import questions, staging
from resources.database.connection import Database
from resources.database.derived import Derivation, rows_by_place
from resources.database.ledger import Ledger
from resources.database.manifests import read_documents
from resources.database.migrating import migrate
from resources.database.past import GoneReading, PastReading, first_read_at, past_uses, places_read_whole
from resources.database.push_events import PushEvents
from resources.database.reading import Reading
from resources.database.remembered import RememberedRegistry
from resources.database.replication_journal import Replications
from resources.database.schema import snapshots as snapshots_table
from resources.database.sightings import EVERYWHERE, FINDINGS, IMAGE_USES, TAGS, USAGE, SightingTable, SnapshotKind
from resources.database.snapshots import Snapshot, list_snapshots, newest, snapshot_by_id
from resources.database.times import maybe_from_micros, maybe_to_micros, now_micros, to_micros
from resources.database.told import Told
from resources.database.totals import TotalsReader
from resources.database.writing import SnapshotWriter

At = Snapshot | datetime | None
"""Which state to read: as of a snapshot, as of a time, or (None) as it is known now."""

_STORED = ("complete", "incomplete")


class History:
    """The project's own history in one database. Every error of the database is a DatabaseError.

    Nothing connects before the first use, which also brings the schema up to date. Reading a source that was never
    read raises IncompleteSnapshot: an empty frame would say that nothing is there. A source that was read in part
    shows its last known rows; their `last_seen_at` tells how old they are.
    """

    def __init__(self, database: Database) -> None:
        self._given = database
        self._migrated = False
        self._push_events: PushEvents | None = None

    @classmethod
    def open(cls, url: str, password: str | None = None) -> History:
        """By SQLAlchemy URL (`sqlite:///file`, `postgresql+psycopg2://user@host/name`). ConfigError for another."""
        return cls(Database(url, password))

    def __repr__(self) -> str:
        return f"History({self._given.place})"

    def migrate(self) -> None:
        """Bring the schema up to this version; DatabaseError when a newer version wrote the database."""
        migrate(self._given)
        self._migrated = True

    def close(self) -> None:
        """Close the connections; the next use opens new ones."""
        self._given.dispose()

    @property
    def ledger(self) -> Ledger:
        """Plans, approvals and journals, in the same database."""
        return Ledger(self._database)

    @property
    def told(self) -> Told:
        """What people were told, in the same database."""
        return Told(self._database)

    @property
    def push_events(self) -> PushEvents:
        """What registries told of themselves, in the same database."""
        database = self._database
        if self._push_events is None:  # one for all threads: what they note together is one transaction
            self._push_events = PushEvents(database)
        return self._push_events

    def totals_reader(self) -> TotalsReader:
        """Counts what was done and what went wrong, again and again."""
        return TotalsReader(self._database)

    @property
    def replications(self) -> Replications:
        """What replications came to, in the same database."""
        return Replications(self._database)

    @property
    def _database(self) -> Database:
        if not self._migrated:
            self.migrate()
        return self._given

    # Writing

    def begin(self, kind: SnapshotKind, source: str, as_of: datetime, run_id: str | None = None) -> SnapshotWriter:
        """Begin a snapshot of a source; `as_of` is when its reading began. Clears away runs that died long ago."""
        return self._begin(kind, source, as_of, run_id=run_id)

    def save_usage(self, registry: str, frame: pd.DataFrame, made: Derivation) -> Snapshot:
        """Store a usage frame (USAGE_COLUMNS) whole: uses that are not in it are over."""
        return self._save(USAGE, registry, frame, made)

    def save_findings(self, registry: str, frame: pd.DataFrame, made: Derivation) -> Snapshot:
        """Store findings (FINDING_COLUMNS) whole: what is not in them is mended."""
        return self._save(FINDINGS, registry, frame, made)

    # Snapshots

    def latest(self, kind: SnapshotKind, source: str) -> Snapshot | None:
        """The newest that was stored, complete or not; None before the first."""
        return self._newest(kind, source, _STORED)

    def latest_complete(self, kind: SnapshotKind, source: str) -> Snapshot | None:
        return self._newest(kind, source, ("complete",))

    def snapshots(self, kind: SnapshotKind, source: str, limit: int = 100) -> list[Snapshot]:
        """The newest first, running ones among them."""
        with self._database.reading(f"list snapshots of {source}") as connection:
            return list_snapshots(connection, kind, source, limit)

    # Reading

    def read_inventory(self, cluster: str, at: At = None) -> pd.DataFrame:
        """INVENTORY_COLUMNS of one cluster."""
        return self._read(IMAGE_USES, [cluster], at)

    def read_inventories(self, clusters: Sequence[str], at: datetime | None = None) -> pd.DataFrame:
        """INVENTORY_COLUMNS of many clusters, each as it is known at the time."""
        return self._read(IMAGE_USES, list(clusters), at)

    def read_catalog(self, registry: str, at: At = None) -> CatalogFrames:
        """Tags, images and children of one registry, read at one time."""
        with self._database.reading(f"read the catalog of {registry}") as connection:
            moment = _moment(at)
            _require(connection, "catalog", [registry], moment)
            return Reading(connection, moment).catalog(registry)

    def read_usage(self, registry: str, at: At = None) -> pd.DataFrame:
        """USAGE_COLUMNS of one registry; `first_seen_at` is since when an image is used so."""
        return self._read(USAGE, [registry], at)

    def read_findings(self, registry: str, at: At = None) -> pd.DataFrame:
        """FINDING_COLUMNS and `first_seen_at`, `last_seen_at` of one registry: since when it is broken."""
        return self._read(FINDINGS, [registry], at)

    def read_usage_since(self, registry: str, since: datetime | None) -> pd.DataFrame:
        """USAGE_COLUMNS of one registry, with uses that ended at or after `since` (None: all): a row for each time of
        use."""
        with self._database.reading(f"read past usage of {registry}") as connection:
            _require(connection, "usage", [registry], None)
            return PastReading(connection, since=maybe_to_micros(since)).sightings(USAGE, [registry])

    def read_past_uses(self, since: datetime | None) -> pd.DataFrame:
        """INVENTORY_COLUMNS of every cluster that was ever read, last seen at or after `since` (None: all); those of
        now among them, without what single pods say."""
        with self._database.reading("read past inventories") as connection:
            return past_uses(connection, maybe_to_micros(since))

    def read_moved_tags(self, registry: str, since: datetime | None) -> pd.DataFrame:
        """TAG_COLUMNS of one registry as they were until `since` or later (None: ever), and are no more."""
        with self._database.reading(f"read past tags of {registry}") as connection:
            return GoneReading(connection, since=maybe_to_micros(since)).sightings(TAGS, [registry])

    def read_past(self, registry: str) -> Sightings:
        """All that was ever seen of one registry, for `registry_core.backtest`."""
        with self._database.reading(f"read the past of {registry}") as connection:
            _require(connection, "catalog", [registry], None)
            past = PastReading(connection)
            usage = past.sightings(USAGE, [registry])
            lost = pd.DataFrame(columns=list(UNRESOLVED_COLUMNS))
            return Sightings(past.catalog(registry), UsageFrames(registry, usage, lost), self.began_at(registry))

    def began_at(self, registry: str) -> datetime | None:
        """When the first catalog of a registry was taken: of what was there then, `first_seen_at` says nothing."""
        with self._database.reading(f"look up the first catalog of {registry}") as connection:
            return maybe_from_micros(first_read_at(connection, "catalog", registry))

    def first_read_after(self, kind: SnapshotKind, source: str, moment: datetime | None) -> datetime | None:
        """When the first reading of a source began that is newer than `moment` (None: the first of all)."""
        after = None if moment is None else to_micros(moment)
        with self._database.reading(f"look up the readings of {source}") as connection:
            return maybe_from_micros(first_read_at(connection, kind, source, after=after))

    def read_whole(self, kind: SnapshotKind, source: str, at: Snapshot) -> frozenset[str]:
        """Places that the newest snapshot `at` asked about and read to their end; of no other says absence anything."""
        with self._database.reading(f"look up what was read of {source}") as connection:
            return places_read_whole(connection, kind, source, to_micros(at.as_of))

    def remembered(self, registry: str) -> RememberedRegistry:
        """What a crawl need not read again."""
        return RememberedRegistry(self._database, registry)

    def documents(self, digests: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        """(digest, bytes of the manifest) of those that are kept, in no order."""
        with self._database.reading("read manifests") as connection:
            yield from read_documents(connection, digests)

    # Questions

    def last_pointing(self, registry: str, repository: str, tag: str) -> pd.DataFrame:
        """Where a tag pointed, the newest first: digest, first_seen_at, last_seen_at."""
        with self._database.reading(f"ask where {repository}:{tag} pointed") as connection:
            return questions.last_pointing(connection, registry, repository, tag)

    def last_used(self, registry: str, repository: str | None = None) -> pd.DataFrame:
        """When each image was used, first and last: repository, digest, first_seen_at, last_seen_at."""
        with self._database.reading(f"ask what of {registry} was used") as connection:
            return questions.last_used(connection, registry, repository)

    def repositories_read(self, catalog: Snapshot) -> frozenset[str]:
        """Repositories that this catalog read whole, those without a tag among them; the newest catalog only."""
        with self._database.reading(f"look up what was read of {catalog.source}") as connection:
            return questions.places_read_whole(connection, "catalog", catalog.source, to_micros(catalog.as_of))

    def _begin(
        self,
        kind: SnapshotKind,
        source: str,
        as_of: datetime,
        *,
        run_id: str | None = None,
        basis: Mapping[str, str] | None = None,
    ) -> SnapshotWriter:
        values = {"kind": kind, "source": source, "as_of": to_micros(as_of), "started_at": now_micros()}
        with self._database.writing(f"begin the {kind} of {source}") as connection:
            staging.clear_abandoned(connection, kind, source)
            inserted = sa.insert(snapshots_table).values(
                state="running", run_id=run_id, basis=dict(basis or {}), **values
            )
            snapshot_id = connection.execute(inserted.returning(snapshots_table.c.id)).scalar_one()
            return SnapshotWriter(self._database, snapshot_by_id(connection, snapshot_id))

    def _save(self, table: SightingTable, registry: str, frame: pd.DataFrame, made: Derivation) -> Snapshot:
        rows = dict(rows_by_place(table, frame))
        with self._begin(table.kind, registry, made.as_of, run_id=made.run_id, basis=made.basis) as writer:
            for place, values in rows.items():
                writer.add_rows(table, place, values)
            whole = rows.keys() if table.place else [EVERYWHERE]
            return writer.finish(made.coverage, places_read_whole=whole, places_listed=whole)

    def _newest(self, kind: SnapshotKind, source: str, states: tuple[str, ...]) -> Snapshot | None:
        with self._database.reading(f"look up the {kind} of {source}") as connection:
            return newest(connection, kind, source, states)

    def _read(self, table: SightingTable, sources: list[str], at: At) -> pd.DataFrame:
        with self._database.reading(f"read the {table.kind} of {', '.join(sources)}") as connection:
            moment = _moment(at)
            _require(connection, table.kind, sources, moment)
            return Reading(connection, moment).sightings(table, sources)


def _moment(at: At) -> int | None:
    return None if at is None else to_micros(at.as_of if isinstance(at, Snapshot) else at)


def _require(connection: sa.Connection, kind: SnapshotKind, sources: Sequence[str], at: int | None) -> None:
    """Law 1: what was never read is not empty."""
    table = snapshots_table.c
    query = sa.select(table.source).where(table.kind == kind, table.source.in_(sources), table.state.in_(_STORED))
    if at is not None:
        query = query.where(table.as_of <= at)
    read = set(connection.execute(query.distinct()).scalars())
    never = [source for source in sources if source not in read]
    if never:
        before = maybe_from_micros(at)
        when = f" by {before:%Y-%m-%d %H:%M:%S} UTC" if before else ""
        raise IncompleteSnapshot(
            f"could not read the {kind} of {', '.join(never)}: none was stored{when}. Materialize it first."
        )
