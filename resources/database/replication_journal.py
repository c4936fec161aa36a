"""What replications came to: of each rule its runs, of each image the last try."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa

from registry_core.foreign_json import storable
from registry_core.replication import ReplicationRule
from registry_core.replication_status import ReplicatedImage, ReplicatedTag, ReplicationJournal, RunsSoFar
from resources.database.bulk import insert_new
from resources.database.connection import Database
from resources.database.ledger_claims import check_claim
from resources.database.ledger_records import Claim
from resources.database.schema import metadata
from resources.database.times import from_micros, maybe_from_micros, to_micros

#: One rule, by its name. `trigger` is what started the last run; `failing_since` is null while the last run ended well.
replications = sa.Table(
    "replications",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("began_at", sa.BigInteger, nullable=False),
    sa.Column("ended_at", sa.BigInteger),
    sa.Column("ended_well_at", sa.BigInteger),
    sa.Column("failing_since", sa.BigInteger),
    sa.Column("why", sa.Text, nullable=False),
    sa.Column("trigger", sa.Text, nullable=False),
    sa.Column("copied", sa.BigInteger, nullable=False),
    sa.Column("sent_bytes", sa.BigInteger, nullable=False),
)

#: The last try at one image by one rule. `since`: how long it has been coming to the same word.
replicated_images = sa.Table(
    "replicated_images",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("repository", sa.Text, primary_key=True),
    sa.Column("digest", sa.Text, primary_key=True),
    sa.Column("to_repository", sa.Text, nullable=False),
    sa.Column("tags", sa.JSON, nullable=False),
    sa.Column("word", sa.Text, nullable=False),
    sa.Column("why", sa.Text, nullable=False),
    sa.Column("since", sa.BigInteger, nullable=False),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("run_id", sa.Text, nullable=False),
    sa.Column("sent_bytes", sa.BigInteger, nullable=False),
    sa.CheckConstraint("word IN ('copied', 'already there', 'conflict', 'failed')", name="word"),
)


#: Where a tag of the destination pointed when a run last wrote it, or found it as its source has it.
replicated_tags = sa.Table(
    "replicated_tags",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("to_repository", sa.Text, primary_key=True),
    sa.Column("tag", sa.Text, primary_key=True),
    sa.Column("repository", sa.Text, nullable=False),
    sa.Column("digest", sa.Text, nullable=False),
    sa.Column("at", sa.BigInteger, nullable=False),
)

#: Where a tag of the destination was to be put by a run that has not told yet how that ended.
replicated_tags_begun = sa.Table(
    "replicated_tags_begun",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("to_repository", sa.Text, primary_key=True),
    sa.Column("tag", sa.Text, primary_key=True),
    sa.Column("digest", sa.Text, primary_key=True),
    sa.Column("repository", sa.Text, nullable=False),
    sa.Column("at", sa.BigInteger, nullable=False),
)


class Replications:
    """The memory of all replications. Every error of the database is a DatabaseError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def runs(self, name: str) -> RunsSoFar | None:
        """What the runs of a rule came to; None before the first."""
        with self._database.reading(f"look up the replication {name}") as connection:
            row = connection.execute(sa.select(replications).where(replications.c.name == name)).one_or_none()
        if row is None:
            return None
        return RunsSoFar(
            began_at=from_micros(row.began_at),
            ended_at=maybe_from_micros(row.ended_at),
            ended_well_at=maybe_from_micros(row.ended_well_at),
            failing_since=maybe_from_micros(row.failing_since),
            why=row.why,
            trigger=row.trigger,
            copied=row.copied,
            sent_bytes=row.sent_bytes,
        )

    def begin(self, name: str, *, trigger: str, at: datetime) -> None:
        """Note that a run began."""
        values = {"began_at": to_micros(at), "ended_at": None, "trigger": trigger}
        with self._database.writing(f"begin the replication {name}") as connection:
            known = sa.update(replications).where(replications.c.name == name).values(values)
            if not connection.execute(known).rowcount:
                rest = {"why": "", "copied": 0, "sent_bytes": 0}
                connection.execute(sa.insert(replications).values(name=name, **values, **rest))

    def end(self, name: str, *, at: datetime, why: str = "", copied: int = 0, sent_bytes: int = 0) -> None:
        """Note how a run ended: well, or with `why` not."""
        micros = to_micros(at)
        values: dict[str, object] = {
            "ended_at": micros, "why": storable(why), "copied": copied, "sent_bytes": sent_bytes,
        }  # fmt: skip
        if why:
            values["failing_since"] = sa.func.coalesce(replications.c.failing_since, micros)
        else:
            values |= {"failing_since": None, "ended_well_at": micros}
        with self._database.writing(f"end the replication {name}") as connection:
            connection.execute(sa.update(replications).where(replications.c.name == name).values(values))

    def journal(self, name: str) -> ReplicationJournal:
        """What the runs of a rule wrote down."""
        images = sa.select(replicated_images).where(replicated_images.c.name == name)
        with self._database.reading(f"read what the replication {name} copied") as connection:
            return ReplicationJournal(
                [
                    ReplicatedImage(
                        repository=row.repository,
                        digest=row.digest,
                        to_repository=row.to_repository,
                        tags=tuple(row.tags),
                        word=row.word,
                        why=row.why,
                        since=from_micros(row.since),
                        at=from_micros(row.at),
                        run_id=row.run_id,
                        sent_bytes=row.sent_bytes,
                    )
                    for row in connection.execute(images)
                ],
                _tags(connection, replicated_tags, name),
                _tags(connection, replicated_tags_begun, name),
            )

    def begin_tags(self, claim: Claim[ReplicationRule], images: Sequence[ReplicatedImage]) -> None:
        """Write where tags are to be put, before any is: a run that is killed would else not know them as its own.

        Refused when the rule was taken over or rejected: then nothing may be put.
        """
        rows = {
            (claim.subject, one.to_repository, tag, digest): (one.repository, to_micros(one.at))
            for one in images
            for tag, digest in one.tags_put.items()
        }
        with self._database.writing(f"begin copies of the replication {claim.subject}") as connection:
            check_claim(connection, claim)
            given = [(*key, *rest) for key, rest in rows.items()]
            insert_new(connection, replicated_tags_begun, given, also=_upsert(replicated_tags_begun))

    def note(self, claim: Claim[ReplicationRule], images: Sequence[ReplicatedImage]) -> None:
        """Write the last try at images, each at most once in a call, and the tags of those that are there.

        Refused when the rule was taken over or rejected: then the run ends.
        """
        name = claim.subject
        rows = [
            (
                name, one.repository, one.digest, one.to_repository, json.dumps(one.tags), one.word,
                storable(one.why), to_micros(one.since), to_micros(one.at), one.run_id, one.sent_bytes,
            )
            for one in images
        ]  # fmt: skip
        put = {
            (one.to_repository, tag): (name, one.to_repository, tag, one.repository, digest, to_micros(one.at))
            for one in sorted(images, key=lambda one: one.at)
            for tag, digest in (one.tags_put if one.is_there else {}).items()
        }
        with self._database.writing(f"note what the replication {name} copied") as connection:
            check_claim(connection, claim)
            insert_new(connection, replicated_images, rows, also=_upsert(replicated_images))
            insert_new(connection, replicated_tags, list(put.values()), also=_upsert(replicated_tags))
            begun = replicated_tags_begun.c
            for to_repository, tag in put:
                told = sa.and_(begun.name == name, begun.to_repository == to_repository, begun.tag == tag)
                connection.execute(sa.delete(replicated_tags_begun).where(told))


def _tags(connection: sa.Connection, table: sa.Table, name: str) -> list[ReplicatedTag]:
    return [
        ReplicatedTag(
            repository=row.repository,
            to_repository=row.to_repository,
            tag=row.tag,
            digest=row.digest,
            at=from_micros(row.at),
        )
        for row in connection.execute(sa.select(table).where(table.c.name == name))
    ]


def _upsert(table: sa.Table) -> str:
    keys = ", ".join(f'"{column.name}"' for column in table.columns if column.primary_key)
    news = ", ".join(
        f'"{column.name}" = excluded."{column.name}"' for column in table.columns if not column.primary_key
    )
    return f"ON CONFLICT ({keys}) DO UPDATE SET {news}"
