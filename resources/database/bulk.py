"""Many rows at once, by the way that is fast in each database."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from psycopg2.extras import execute_values

#: Rows in one statement of PostgreSQL: more is no faster and costs memory on both sides.
_ROWS_A_STATEMENT = 2000


def insert_new(connection: sa.Connection, table: sa.Table, rows: Sequence[tuple[Any, ...]], also: str = "") -> None:
    """Insert rows (all columns, in the table's order); a row whose primary key is there already is left out.

    `also` replaces the rule for those: an `ON CONFLICT` clause that both databases know. Then no two rows of one
    call may have the same key (PostgreSQL refuses to touch a row twice).
    """
    if not rows:
        return
    names = ", ".join(f'"{column.name}"' for column in table.columns)
    head, conflict = f'INSERT INTO "{table.name}" ({names}) VALUES', also or "ON CONFLICT DO NOTHING"
    if connection.dialect.name == "sqlite":
        marks = ", ".join("?" * len(table.columns))
        connection.exec_driver_sql(f"{head} ({marks}) {conflict}", list(rows))
        return
    cursor = connection.connection.cursor()
    try:
        execute_values(cursor, f"{head} %s {conflict}", rows, page_size=_ROWS_A_STATEMENT)
    except cursor.connection.Error as error:
        # Raised beneath SQLAlchemy: give it the class that `errors` looks for.
        kind = sa.exc.OperationalError if isinstance(error, cursor.connection.OperationalError) else sa.exc.DBAPIError
        raise kind(None, None, error, hide_parameters=True) from error
    finally:
        cursor.close()
