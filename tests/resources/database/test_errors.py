"""Faults of the database end as one sentence with a next step, and no secret in it."""

from __future__ import annotations

import sqlite3
import traceback
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError

from registry_core.errors import ConfigError, DatabaseError
from resources.database import connection
from resources.database.errors import told_as_database_error
from resources.database.history import History
from tests.postgresql import PostgresqlServer
from tests.resources.database.readings import hour

_SECRET = "correct-horse"


@pytest.mark.parametrize(
    ("url", "says"),
    [
        (f"::: {_SECRET}", "is no SQLAlchemy URL; write `sqlite:///"),
        (f"mysql://user:{_SECRET}@host/name", "names `mysql`; only `sqlite` and"),
        ("sqlite://", "names no file"),
        ("sqlite:///:memory:", "names no file"),
    ],
)
def test_a_url_that_is_not_known_is_told_without_its_secret(url: str, says: str) -> None:
    with pytest.raises(ConfigError) as told:
        History.open(url)
    assert says in str(told.value)
    assert _SECRET not in "".join(traceback.format_exception(told.value))


def test_nothing_connects_before_the_first_use(tmp_path: Path) -> None:
    History.open(f"sqlite:///{tmp_path}/history.sqlite")
    History.open("postgresql+psycopg2://user@127.0.0.1:1/name", _SECRET)
    assert list(tmp_path.iterdir()) == []


def test_the_password_is_not_shown() -> None:
    history = History.open("postgresql://user@127.0.0.1:1/name", _SECRET)
    assert repr(history) == "History(postgresql+psycopg2://user:***@127.0.0.1:1/name)"
    with pytest.raises(DatabaseError) as told:
        history.latest("catalog", "main")
    assert (told.value.retryable, told.value.fault) == (True, "unreachable")
    assert "could not look up the version of the schema" in str(told.value)
    assert _SECRET not in "".join(traceback.format_exception(told.value))


def test_a_user_that_is_refused_is_forbidden_and_not_tried_again(postgresql_server: PostgresqlServer) -> None:
    url = postgresql_server.new_database().replace("postgres@", "nobody_we_know@")
    with pytest.raises(DatabaseError, match="refused the sign-in") as told:
        History.open(url, _SECRET).latest("catalog", "main")
    assert (told.value.retryable, told.value.fault) == (False, "forbidden")


def test_a_database_that_is_not_there_is_told(postgresql_server: PostgresqlServer) -> None:
    with pytest.raises(DatabaseError, match=r"there is no such database.*Create it"):
        History.open(postgresql_server.url("nowhere")).latest("catalog", "main")


def test_a_user_without_rights_is_told(postgresql_server: PostgresqlServer) -> None:
    owner = connection.Database(postgresql_server.new_database())
    with owner.writing("make a user") as opened:
        opened.exec_driver_sql("CREATE ROLE reader LOGIN")
        opened.exec_driver_sql("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    url = owner.url.set(username="reader").render_as_string()
    with pytest.raises(DatabaseError, match="write access") as told:
        History.open(url).migrate()
    assert told.value.fault == "forbidden"


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(DatabaseError, match="folder exists"):
        History.open(f"sqlite:///{tmp_path}/no/history.sqlite").latest("catalog", "main")


@pytest.mark.parametrize("obstacle", ["no folder", "a folder in its place", "a file in place of its folder"])
def test_a_file_that_cannot_be_opened_is_final(tmp_path: Path, obstacle: str) -> None:
    path = tmp_path / "place" / "history.sqlite"
    if obstacle == "a folder in its place":
        path.mkdir(parents=True)
    elif obstacle == "a file in place of its folder":
        path.parent.write_text("no folder")
    with pytest.raises(DatabaseError, match=r"its file cannot be opened.*folder exists") as told:
        History.open(f"sqlite:///{path}").latest("catalog", "main")
    assert (told.value.retryable, told.value.fault) == (False, "unreachable")


@pytest.mark.parametrize(
    ("code", "fault", "passes"),
    [
        (sqlite3.SQLITE_BUSY, "throttled", True),
        (sqlite3.SQLITE_BUSY_SNAPSHOT, "throttled", True),
        (sqlite3.SQLITE_LOCKED_SHAREDCACHE, "throttled", True),
        (sqlite3.SQLITE_CANTOPEN, "unreachable", False),
        (sqlite3.SQLITE_CANTOPEN_ISDIR, "unreachable", False),
        (sqlite3.SQLITE_READONLY, "forbidden", False),
        (sqlite3.SQLITE_READONLY_DIRECTORY, "forbidden", False),
        (sqlite3.SQLITE_PERM, "forbidden", False),
        (sqlite3.SQLITE_FULL, "unreachable", False),
        (sqlite3.SQLITE_IOERR_WRITE, "unreachable", False),
        (sqlite3.SQLITE_IOERR_FSYNC, "unreachable", False),
        (sqlite3.SQLITE_NOMEM, "unreachable", False),
        (sqlite3.SQLITE_CORRUPT, "corrupt", False),
        (sqlite3.SQLITE_NOTADB, "corrupt", False),
        (sqlite3.SQLITE_ERROR, "corrupt", False),
    ],
)
def test_of_what_sqlite_says_only_a_lock_passes_by_itself(code: int, fault: str, passes: bool) -> None:
    said = sqlite3.OperationalError("as SQLite says it")
    said.sqlite_errorcode = code
    with pytest.raises(DatabaseError) as told, told_as_database_error("save", "history.sqlite"):
        raise OperationalError("SELECT 1", {}, said)
    assert (told.value.fault, told.value.retryable) == (fault, passes)


def test_a_full_database_is_final(tmp_path: Path) -> None:
    history = History.open(f"sqlite:///{tmp_path}/history.sqlite")
    history.migrate()

    def fill() -> None:
        with history._database.writing("fill it") as opened:
            pages = opened.exec_driver_sql("PRAGMA page_count").scalar()
            opened.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
            opened.exec_driver_sql("CREATE TABLE filling AS SELECT randomblob(1000000) AS bytes")

    with pytest.raises(DatabaseError, match=r"there is no room.*Make room") as told:
        fill()
    assert not told.value.retryable


def test_a_server_that_only_reads_is_forbidden_and_not_tried_again(postgresql_server: PostgresqlServer) -> None:
    database = connection.Database(postgresql_server.new_database())

    def write() -> None:
        with database.writing("write") as opened:
            opened.exec_driver_sql("SET TRANSACTION READ ONLY")
            opened.exec_driver_sql("CREATE TABLE anything (x int)")

    with pytest.raises(DatabaseError, match="read-only standby") as told:
        write()
    assert (told.value.retryable, told.value.fault) == (False, "forbidden")


def test_a_file_that_is_no_database_is_told(tmp_path: Path) -> None:
    (tmp_path / "history.sqlite").write_text("no database at all, but long enough to look at" * 50)
    with pytest.raises(DatabaseError, match="no database") as told:
        History.open(f"sqlite:///{tmp_path}/history.sqlite").latest("catalog", "main")
    assert not told.value.retryable


def test_a_locked_file_can_be_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "_SQLITE_BUSY_SECONDS", 0.05)
    history = History.open(f"sqlite:///{tmp_path}/history.sqlite")
    history.migrate()
    other = sqlite3.connect(tmp_path / "history.sqlite", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(DatabaseError, match="another process kept it locked") as told:
        history.begin("catalog", "main", hour(1))
    assert told.value.retryable
    other.close()
    history.begin("catalog", "main", hour(1))


def test_a_server_that_stops_is_unreachable_and_found_again(postgresql_server: PostgresqlServer) -> None:
    url = postgresql_server.new_database()
    history = History.open(url)
    history.migrate()
    ended = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE pid <> pg_backend_pid() AND datname = current_database()"
    )
    writer = history.begin("catalog", "main", hour(1))
    with connection.Database(url).writing("end the others") as other:
        other.exec_driver_sql(ended)
    assert history.snapshots("catalog", "main")[0].state == "running"
    writer.abandon()


def test_sqlite_runs_in_wal_mode_with_foreign_keys(tmp_path: Path) -> None:
    with connection.Database(f"sqlite:///{tmp_path}/history.sqlite").reading("look") as opened:
        assert opened.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert opened.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
