"""The two databases that are known, and how a transaction begins in each.

SQLite runs in WAL mode, so that readers see the last committed state while one writer writes; writers begin with
BEGIN IMMEDIATE and wait for each other. PostgreSQL readers use REPEATABLE READ, so that one reading of several
statements sees one state.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event, exc
from sqlalchemy.engine import URL, make_url

from registry_core.errors import ConfigError, DatabaseError
from resources.database.errors import told_as_database_error

#: How long a SQLite writer waits for another one; a merge of 400,000 rows takes seconds.
_SQLITE_BUSY_SECONDS = 60
#: Digests come in no order: with the default of 2 MB, pages of their indexes are written and read again and again.
_SQLITE_CACHE_KIB = 65_536
_SQLITE_OLDEST = (3, 35)


class Database:
    """One database by URL. Nothing connects until the first transaction; `repr` shows no password."""

    def __init__(self, url: str, password: str | None = None) -> None:
        self.url = _known_url(url, password)
        self.place = self.url.render_as_string(hide_password=True)
        self.engine = _make_engine(self.url)

    def __repr__(self) -> str:
        return f"Database({self.place})"

    @property
    def is_sqlite(self) -> bool:
        return self.url.get_backend_name() == "sqlite"

    @contextmanager
    def reading(self, wanted: str) -> Iterator[sa.Connection]:
        """A read transaction that sees one state of the database, whatever is written meanwhile."""
        options: dict[str, Any] = {}
        if not self.is_sqlite:
            options = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        with (
            told_as_database_error(wanted, self.place),
            self.engine.connect().execution_options(**options) as connection,
            connection.begin(),
        ):
            yield connection

    @contextmanager
    def writing(self, wanted: str) -> Iterator[sa.Connection]:
        """A write transaction: committed at the end of the block, rolled back by any exception."""
        with (
            told_as_database_error(wanted, self.place),
            self.engine.connect().execution_options(sqlite_begin="BEGIN IMMEDIATE") as connection,
            connection.begin(),
        ):
            yield connection

    def dispose(self) -> None:
        """Close all connections; the next transaction opens new ones."""
        self.engine.dispose()


def _known_url(url: str, password: str | None) -> URL:
    try:
        known = make_url(url)
    except (exc.ArgumentError, ValueError):
        # The text may hold a password, so neither it nor the original error is shown.
        raise ConfigError(
            "is no SQLAlchemy URL; write `sqlite:///path/to/history.sqlite` or `postgresql+psycopg2://user@host/name`",
            subject="database.url",
        ) from None
    if known.drivername in ("postgresql", "postgres"):
        known = known.set(drivername="postgresql+psycopg2")
    if known.drivername in ("sqlite", "sqlite+pysqlite"):
        if known.database in (None, "", ":memory:"):
            raise ConfigError("names no file; write `sqlite:///path/to/history.sqlite`", subject="database.url")
    elif known.drivername != "postgresql+psycopg2":
        raise ConfigError(
            f"names `{known.drivername}`; only `sqlite` and `postgresql+psycopg2` are known", subject="database.url"
        )
    return known.set(password=password) if password is not None else known


def _make_engine(url: URL) -> sa.Engine:
    if url.get_backend_name() != "sqlite":
        return sa.create_engine(url, pool_pre_ping=True, hide_parameters=True)
    engine = sa.create_engine(url, hide_parameters=True, connect_args={"timeout": _SQLITE_BUSY_SECONDS})
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: object) -> None:
    if sqlite3.sqlite_version_info < _SQLITE_OLDEST:
        raise DatabaseError(
            f"could not open the database: SQLite {sqlite3.sqlite_version} is too old, 3.35 or newer is needed."
            " Use a newer Python, or PostgreSQL.",
            fault="corrupt",
        )
    connection.isolation_level = None  # pysqlite's own idea of when to begin is not ours: see _begin_sqlite
    cursor = connection.cursor()
    try:
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.execute(f"PRAGMA cache_size=-{_SQLITE_CACHE_KIB}")
        if cursor.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
            _switch_to_wal(cursor)
    finally:
        cursor.close()


def _switch_to_wal(cursor: sqlite3.Cursor) -> None:
    # SQLite does not wait its busy timeout here when two processes open a new file at once.
    deadline = time.monotonic() + _SQLITE_BUSY_SECONDS
    while True:
        try:
            cursor.execute("PRAGMA journal_mode=WAL").fetchone()
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def _begin_sqlite(connection: sa.Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get("sqlite_begin", "BEGIN"))


def lock(connection: sa.Connection, name: str) -> None:
    """Wait until no other transaction holds this name; held until ours ends.

    SQLite needs none: a write transaction there is alone.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(
            sa.text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))"), {"name": f"registry_pipelines {name}"}
        )
