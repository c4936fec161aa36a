"""Alembic migrations of the history: one file a version in `versions`, run by `resources.database.migrating`."""
