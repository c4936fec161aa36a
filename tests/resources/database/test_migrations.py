"""The schema: models and migrations agree, two processes may start at once, a newer database is refused."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from registry_core.errors import DatabaseError
from resources.database.connection import Database
from resources.database.history import History
from resources.database.migrating import VERSION_TABLE
from resources.database.schema import metadata
from resources.database.sightings import ALL_TABLES

_START = """
import sys
from resources.database.history import History
print("ready", flush=True)
sys.stdin.readline()
History.open(sys.argv[1]).migrate()
"""


def test_models_and_migrations_agree(url: str) -> None:
    assert set(ALL_TABLES) <= set(metadata.tables.values())
    History.open(url).migrate()
    with Database(url).reading("compare") as connection:
        options = {"version_table": VERSION_TABLE, "compare_type": True, "compare_server_default": True}
        assert compare_metadata(MigrationContext.configure(connection, opts=options), metadata) == []


def test_a_migration_that_is_missing_would_be_noticed(url: str) -> None:
    History.open(url).migrate()
    database = Database(url)
    with database.writing("spoil") as connection:
        connection.exec_driver_sql("ALTER TABLE places ADD COLUMN surplus TEXT")
    with database.reading("compare") as connection:
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
        assert compare_metadata(context, metadata) != []


def test_processes_that_start_at_once_migrate_once(url: str) -> None:
    root = Path(__file__).parents[3]
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", _START, url],
            cwd=root,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    for process in processes:
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 0, errors
    assert History.open(url).latest("catalog", "main") is None


def test_a_database_of_a_newer_version_is_refused_with_what_to_do(url: str) -> None:
    History.open(url).migrate()
    database = Database(url)
    with database.writing("grow") as connection:
        connection.execute(sa.text(f"UPDATE {VERSION_TABLE} SET version_num = '9999'"))
    with pytest.raises(DatabaseError, match=r"'9999', which this program does not know.*upgrade this one") as told:
        History.open(url).latest("catalog", "main")
    assert not told.value.retryable


def test_migrating_again_changes_nothing(url: str) -> None:
    history = History.open(url)
    history.migrate()
    history.migrate()
    assert history.snapshots("catalog", "main") == []
