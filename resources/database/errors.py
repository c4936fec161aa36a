"""Where SQLAlchemy's errors end: each becomes a DatabaseError that says what to do next and holds no secret."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import exc

from registry_core.errors import DatabaseError

#: PostgreSQL: serialization failure, deadlock, lock not available, shutdowns, too many connections.
_PASSING_STATES = {"40001", "40P01", "55P03", "57P01", "57P02", "57P03", "53300"}


#: A connection that is refused has no state that psycopg2 would tell, only these words.
_REFUSED = ("authentication failed", "no password supplied", "no pg_hba.conf entry", 'fatal: role "')


@contextmanager
def told_as_database_error(wanted: str, place: str) -> Iterator[None]:
    """Errors of the database inside the block become DatabaseError: `wanted` is what we were about to do."""
    try:
        yield
    except exc.SQLAlchemyError as error:
        raise _told(error, wanted, place) from error


def _told(error: exc.SQLAlchemyError, wanted: str, place: str) -> DatabaseError:
    orig = getattr(error, "orig", None)
    said = " ".join(str(orig if orig is not None else error).split())[:500]
    low = said.lower()
    state = getattr(orig, "pgcode", None)
    head = f"could not {wanted} in the database {place}: "
    if "is locked" in low or "database is busy" in low:
        return DatabaseError(
            f"{head}another process kept it locked ({said}). Try again; where many runs write at once, use PostgreSQL.",
            fault="throttled",
            retryable=True,
        )
    if state in _PASSING_STATES:
        return DatabaseError(f"{head}{said}. This passes: try again.", fault="throttled", retryable=True)
    if state in {"28P01", "28000"} or any(words in low for words in _REFUSED):
        return DatabaseError(
            f"{head}it refused the sign-in ({said}). Check the user in `database.url` and `database.password`.",
            fault="forbidden",
        )
    if state == "42501" or "readonly database" in low or "permission denied" in low:
        return DatabaseError(f"{head}not allowed ({said}). Give the database user or the file write access.",
                             fault="forbidden")  # fmt: skip
    if state in {"42P01", "42703"} or "no such table" in low or "no such column" in low:
        return DatabaseError(
            f"{head}its tables are not those of this version ({said}). Was it changed while this process ran?"
            " Start again.",
            fault="corrupt",
        )
    if 'fatal: database "' in low and "does not exist" in low:
        return DatabaseError(
            f"{head}there is no such database ({said}). Create it: the tables are made by us, the database is not.",
            fault="missing",
        )
    if "malformed" in low or "not a database" in low:
        return DatabaseError(f"{head}the file is damaged or no database ({said}). Restore it from a backup.",
                             fault="corrupt")  # fmt: skip
    if isinstance(error, exc.OperationalError | exc.InterfaceError) or getattr(error, "connection_invalidated", False):
        return DatabaseError(
            f"{head}no connection, or it was lost ({said}). Check `database.url` and that the server runs or the"
            " folder exists.",
            fault="unreachable",
            retryable=True,
        )
    return DatabaseError(f"{head}{said}. This is likely a defect; please report it.", fault="corrupt")
