"""What each audience was told of each topic, so that it is told once, and again only when it changes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import sqlalchemy as sa

from registry_core.notices import Remembered
from resources.database.connection import Database, lock
from resources.database.schema import metadata
from resources.database.times import to_micros

#: `audience` names where the address is, never the address.
told = sa.Table(
    "told",
    metadata,
    sa.Column("audience", sa.Text, primary_key=True),
    sa.Column("topic", sa.Text, primary_key=True),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("told_with", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("line", sa.Text, nullable=False),
    sa.Column("told_at", sa.BigInteger, nullable=False),
)

_ASKED_AT_ONCE = 500


class Told:
    """The memory of all audiences. Every error of the database is a DatabaseError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, audience: str) -> dict[str, Remembered]:
        """By topic; empty for an audience that was never told anything."""
        columns = (told.c.topic, told.c.subject, told.c.told_with, told.c.state, told.c.line)
        with self._database.reading(f"read what {audience} was told") as connection:
            rows = connection.execute(sa.select(*columns).where(told.c.audience == audience))
            return {topic: Remembered(*rest) for topic, *rest in rows}

    def remember(self, audience: str, changes: Mapping[str, Remembered | None], at: datetime) -> None:
        """Note what was told now; None forgets a topic."""
        if not changes:
            return
        topics = list(changes)
        with self._database.writing(f"note what {audience} was told") as connection:
            lock(connection, f"told {audience}")
            for start in range(0, len(topics), _ASKED_AT_ONCE):
                part = topics[start : start + _ASKED_AT_ONCE]
                connection.execute(sa.delete(told).where(told.c.audience == audience, told.c.topic.in_(part)))
            rows = [
                {
                    "audience": audience,
                    "topic": topic,
                    "subject": one.subject,
                    "told_with": one.group,
                    "state": one.state,
                    "line": one.line,
                    "told_at": to_micros(at),
                }
                for topic, one in changes.items()
                if one is not None
            ]
            if rows:
                connection.execute(sa.insert(told), rows)
