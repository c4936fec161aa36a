"""Look whether the history can be read and written. Nothing is created here."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import sqlalchemy as sa

from registry_core.errors import RegistryPipelinesError
from registry_pipelines.cli.diagnosis import Diagnosis
from resources.configuration.load import LoadedSite
from resources.configuration.secrets import read_secret
from resources.database.connection import Database
from resources.database.migrating import VERSION_TABLE

_SUBJECT = "database"


def diagnose_database(loaded: LoadedSite) -> Iterator[Diagnosis]:
    """Is it there, what is it, which version of the schema has it, may we write?"""
    settings = loaded.site.database
    try:
        password = read_secret(settings.password) if settings.password else None
        database = Database(loaded.database_url, password)
    except RegistryPipelinesError as error:
        yield Diagnosis(_SUBJECT, "connect", "fails", str(error))
        return
    try:
        if database.is_sqlite and not Path(database.url.database or "").exists():
            yield _new_file(Path(database.url.database or ""))
            return
        yield from _look(database)
    except RegistryPipelinesError as error:
        yield Diagnosis(_SUBJECT, "connect", "fails", str(error))
    finally:
        database.dispose()


def _new_file(path: Path) -> Diagnosis:
    if not path.parent.is_dir():
        told = f"the folder {path.parent} does not exist; create it, or name another `database.url`"
        return Diagnosis(_SUBJECT, "connect", "fails", told)
    if not os.access(path.parent, os.W_OK):
        told = f"{path} does not exist, and the folder cannot be written to; allow it, or name another `database.url`"
        return Diagnosis(_SUBJECT, "connect", "fails", told)
    return Diagnosis(_SUBJECT, "connect", "ok", f"{path} will be made by the first run")


def _look(database: Database) -> Iterator[Diagnosis]:
    with database.reading("look at the database") as connection:
        statement = "SELECT sqlite_version()" if database.is_sqlite else "SHOW server_version"
        server = connection.execute(sa.text(statement)).scalar_one()
        name = "SQLite" if database.is_sqlite else "PostgreSQL"
        yield Diagnosis(_SUBJECT, "connect", "ok", f"{database.place}, {name} {server}")
        schema = None
        if sa.inspect(connection).has_table(VERSION_TABLE):
            schema = connection.execute(sa.text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()  # noqa: S608
        told = f"version {schema}" if schema else "not there yet: the first run makes it"
        yield Diagnosis(_SUBJECT, "schema", "ok", told)
        if database.is_sqlite:
            may_write = os.access(database.url.database or "", os.W_OK)
        else:
            may_write = connection.execute(
                sa.text("SELECT has_schema_privilege(current_user, current_schema(), 'CREATE')")
            ).scalar_one()
    if may_write:
        yield Diagnosis(_SUBJECT, "write", "ok", "allowed")
    else:
        told = "this user may not write there: grant it CREATE on the schema (PostgreSQL), or the file (SQLite)"
        yield Diagnosis(_SUBJECT, "write", "fails", told)
