"""Push events as they came: noted once, listed, taken up by whoever acts on them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from registry_core.push_events import Action, PushEvent
from resources.database.connection import Database, lock
from resources.database.group_commit import GroupCommit
from resources.database.schema import metadata
from resources.database.times import from_micros, maybe_from_micros, maybe_to_micros, to_micros

_SERIAL = sa.BigInteger().with_variant(sa.Integer, "sqlite")

#: One event. `source` is the entry of the configuration that it came by; `delivery` is the vendor's own id of it, else
#: the SHA-256 of the body, so that a delivery that is sent again is the same row. `body_bytes` is what was read of it.
push_events = sa.Table(
    "push_events",
    metadata,
    sa.Column("id", _SERIAL, primary_key=True),
    sa.Column("received_at", sa.BigInteger, nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("registry", sa.Text, nullable=False),
    sa.Column("action", sa.Text, nullable=False),
    sa.Column("repository", sa.Text, nullable=False),
    sa.Column("tag", sa.Text),
    sa.Column("digest", sa.Text),
    sa.Column("happened_at", sa.BigInteger),
    sa.Column("delivery", sa.Text, nullable=False),
    sa.Column("body_bytes", sa.BigInteger, nullable=False),
    sa.Column("taken_by", sa.Text),
    sa.Column("taken_at", sa.BigInteger),
    sa.CheckConstraint("action IN ('push', 'delete')", name="action"),
    sa.UniqueConstraint("source", "delivery"),
    sa.Index(None, "registry", "id"),
    sa.Index(None, "received_at"),
    sa.Index(
        "ix_push_events_waiting",
        "id",
        postgresql_where=sa.text("taken_at IS NULL"),
        sqlite_where=sa.text("taken_at IS NULL"),
    ),
)

#: Events are a doorbell, not a history: what was missed is found by comparison.
KEPT = timedelta(days=30)
#: And of each source no more than the newest so many (5 % more for a while), so that no sender fills the database.
MOST_KEPT = 20_000

_FORGET_EVERY = timedelta(minutes=10)
_ASKED_AT_ONCE = 500  # a statement holds only so many values


@dataclass(frozen=True, slots=True)
class Delivery:
    """One request that was believed, and what it told."""

    source: str
    registry: str
    events: tuple[PushEvent, ...]
    body_sha256: str
    body_bytes: int
    received_at: datetime


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """One row, as it is read back."""

    id: int
    received_at: datetime
    source: str
    registry: str
    action: Action
    repository: str
    tag: str | None
    digest: str | None
    happened_at: datetime | None
    taken_by: str | None
    taken_at: datetime | None


class PushEvents:
    """All events of a site. Every error of the database is a DatabaseError."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._forgotten: dict[str, tuple[datetime, int]] = {}  #: by source: when, and how many rows came since
        self._together: GroupCommit[Delivery, int] = GroupCommit(self._note_all)

    def note(self, delivery: Delivery) -> int:
        """Store what is new of a delivery; returns how many rows that were. The same delivery again makes none.
        Forgets events of more than KEPT ago. Deliveries that arrive together, from several threads, are stored in one
        transaction.

        Where a vendor tells neither an id nor a time, the next push of a tag is the same bytes: then an equal event
        is new as soon as the one before it was taken up.
        """
        if not delivery.events:
            return 0
        return self._together.add(delivery)

    def _note_all(self, deliveries: Sequence[Delivery]) -> list[int]:
        sources = sorted({delivery.source for delivery in deliveries})
        with self._database.writing(f"note events of {', '.join(sources)}") as connection:
            for source in sources:
                lock(connection, f"events of {source}")
            rows = [*_fresh_rows(connection, deliveries)]
            if fresh := [row for of_one in rows for row in of_one]:
                connection.execute(sa.insert(push_events), fresh)
            for delivery, of_one in zip(deliveries, rows, strict=True):
                if of_one and self._is_time_to_forget(delivery, len(of_one)):
                    _forget_old(connection, delivery)
        return [len(of_one) for of_one in rows]

    def _is_time_to_forget(self, delivery: Delivery, new: int) -> bool:
        """It reads all rows of a source, so it is done for many at once, or after a while."""
        since, rows = self._forgotten.get(delivery.source, (delivery.received_at - _FORGET_EVERY, 0))
        due = rows + new > MOST_KEPT // 20 or abs(delivery.received_at - since) >= _FORGET_EVERY
        self._forgotten[delivery.source] = (delivery.received_at, 0) if due else (since, rows + new)
        return due

    def waiting(self, *, after: int = 0, limit: int = 10_000) -> list[StoredEvent]:
        """Events with a higher id that nobody has taken up, the oldest first."""
        query = sa.select(push_events).where(push_events.c.id > after, push_events.c.taken_at.is_(None))
        return self._read(query.order_by(push_events.c.id).limit(limit))

    def newest(self, *, source: str | None = None, limit: int = 100) -> list[StoredEvent]:
        """The newest first, taken up or not."""
        query = sa.select(push_events).order_by(push_events.c.id.desc()).limit(limit)
        return self._read(query if source is None else query.where(push_events.c.source == source))

    def take(self, ids: Sequence[int], by: str, at: datetime) -> int:
        """Mark events as taken up; returns how many were not before."""
        if not ids:
            return 0
        with self._database.writing("take up events") as connection:
            taken = 0
            for start in range(0, len(ids), 500):
                wanted = sa.and_(push_events.c.id.in_(ids[start : start + 500]), push_events.c.taken_at.is_(None))
                marked = sa.update(push_events).where(wanted).values(taken_by=by, taken_at=to_micros(at))
                taken += connection.execute(marked).rowcount
            return taken

    def _read(self, query: sa.Select[tuple[object, ...]]) -> list[StoredEvent]:
        with self._database.reading("read events") as connection:
            return [_stored(row) for row in connection.execute(query)]


def _fresh_rows(connection: sa.Connection, deliveries: Sequence[Delivery]) -> Iterator[list[dict[str, object]]]:
    """Of each delivery the rows that are neither stored nor in one before it."""
    named = [(one, [_name(one, number, event) for number, event in enumerate(one.events)]) for one in deliveries]
    waiting = _waiting_of_bodies(connection, [one for one in deliveries if any(map(_is_blind, one.events))])
    by_source: dict[str, set[str]] = {}
    for delivery, names in named:
        by_source.setdefault(delivery.source, set()).update(names)
    known = {source: _known(connection, source, list(names)) for source, names in by_source.items()}
    for delivery, names in named:
        rows = []
        for number, (event, name) in enumerate(zip(delivery.events, names, strict=True)):
            same = (delivery.source, f"sha256:{delivery.body_sha256} {number}") if _is_blind(event) else None
            if name in known[delivery.source] or same in waiting:
                continue
            known[delivery.source].add(name)
            rows.append(_row(delivery, event, name))
            if same is not None:
                waiting.add(same)
        yield rows


def _name(delivery: Delivery, number: int, event: PushEvent) -> str:
    """What makes two deliveries one: the vendor's id, else the bytes, else the bytes and when they came."""
    name = event.delivery or f"sha256:{delivery.body_sha256} {number}"
    return f"{name} {to_micros(delivery.received_at)}" if _is_blind(event) else name


def _forget_old(connection: sa.Connection, delivery: Delivery) -> None:
    """Called when there is a newer one: the newest stays, however old, so that its id is not given again."""
    ids = push_events.c.id
    newest = connection.scalar(sa.select(sa.func.max(ids))) or 0
    old = sa.and_(push_events.c.received_at < to_micros(delivery.received_at - KEPT), ids < newest)
    connection.execute(sa.delete(push_events).where(old))
    ours = push_events.c.source == delivery.source
    least = connection.scalar(sa.select(ids).where(ours).order_by(ids.desc()).offset(MOST_KEPT - 1).limit(1))
    if least is not None:
        connection.execute(sa.delete(push_events).where(ours, ids < least))


def _is_blind(event: PushEvent) -> bool:
    """Whether nothing tells it from the next push of the same tag."""
    return event.delivery is None and event.at is None


def _waiting_of_bodies(connection: sa.Connection, deliveries: Sequence[Delivery]) -> set[tuple[str, str]]:
    """Of the same bytes, what waits already: source and name, without the time at which it came."""
    waiting: set[tuple[str, str]] = set()
    bodies = sorted({f"sha256:{delivery.body_sha256} " for delivery in deliveries})
    sources = sorted({delivery.source for delivery in deliveries})
    for start in range(0, len(bodies), _ASKED_AT_ONCE):
        some = bodies[start : start + _ASKED_AT_ONCE]
        beginning = sa.func.substr(push_events.c.delivery, 1, len(some[0])).in_(some)
        query = sa.select(push_events.c.source, push_events.c.delivery).where(
            push_events.c.taken_at.is_(None), push_events.c.source.in_(sources), beginning
        )
        waiting |= {(source, " ".join(name.split(" ")[:2])) for source, name in connection.execute(query)}
    return waiting


def _known(connection: sa.Connection, source: str, names: Sequence[str]) -> set[str]:
    known: set[str] = set()
    for start in range(0, len(names), _ASKED_AT_ONCE):
        some = push_events.c.delivery.in_(names[start : start + _ASKED_AT_ONCE])
        known.update(connection.scalars(sa.select(push_events.c.delivery).where(push_events.c.source == source, some)))
    return known


def _row(delivery: Delivery, event: PushEvent, name: str) -> dict[str, object]:
    return {
        "received_at": to_micros(delivery.received_at),
        "source": delivery.source,
        "registry": delivery.registry,
        "action": event.action,
        "repository": event.repository,
        "tag": event.tag,
        "digest": event.digest,
        "happened_at": maybe_to_micros(event.at),
        "delivery": name,
        "body_bytes": delivery.body_bytes,
    }


def _stored(row: sa.Row[tuple[object, ...]]) -> StoredEvent:
    found = row._mapping
    return StoredEvent(
        id=found["id"],
        received_at=from_micros(found["received_at"]),
        source=found["source"],
        registry=found["registry"],
        action=found["action"],
        repository=found["repository"],
        tag=found["tag"],
        digest=found["digest"],
        happened_at=maybe_from_micros(found["happened_at"]),
        taken_by=found["taken_by"],
        taken_at=maybe_from_micros(found["taken_at"]),
    )
