"""Alembic's entry: runs the migrations on the connection that `migrating.migrate` hands over, in its transaction."""

from __future__ import annotations

from alembic import context

from resources.database.ledger_schema import LEDGER_TABLES
from resources.database.migrating import VERSION_TABLE
from resources.database.schema import metadata
from resources.database.sightings import ALL_TABLES

# Made by these imports, so that the metadata is whole.
assert ALL_TABLES
assert LEDGER_TABLES

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=metadata,
    version_table=VERSION_TABLE,
    render_as_batch=connection.dialect.name == "sqlite",
    transaction_per_migration=False,
)
context.run_migrations()
