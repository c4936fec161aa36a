"""Bring a database up to this version of the schema, by Alembic, safely when two processes start at once."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError

from registry_core.errors import DatabaseError
from resources.database.connection import Database, lock

VERSION_TABLE = "registry_pipelines_version"  # a database shared with Dagster has its own `alembic_version`

_MIGRATIONS = Path(__file__).parent / "migrations"


def migrate(database: Database) -> None:
    """Upgrade to the newest version, in one transaction; does nothing where that is there already.

    DatabaseError when the database was written by a newer version of this program.
    """
    scripts = ScriptDirectory(str(_MIGRATIONS))
    with database.reading("look up the version of the schema") as connection:
        if _version(connection) == scripts.get_current_head():
            return
    with database.writing("bring the schema up to date") as connection:
        lock(connection, "migrate")
        _refuse_newer(_version(connection), scripts, database.place)
        config = Config(attributes={"connection": connection})
        config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
        command.upgrade(config, "head")


def _version(connection: sa.Connection) -> str | None:
    context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
    return context.get_current_revision()


def _refuse_newer(version: str | None, scripts: ScriptDirectory, place: str) -> None:
    if version is None:
        return
    try:
        known = scripts.get_revision(version)
    except CommandError:
        known = None
    if known is None:
        raise DatabaseError(
            f"could not use the database {place}: its schema has version {version!r}, which this program does not know"
            f" (newest known: {scripts.get_current_head()!r}). A newer version of registry_pipelines wrote it: upgrade"
            " this one, or restore the backup made before.",
            fault="corrupt",
        )
