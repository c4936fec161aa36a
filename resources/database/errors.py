"""Where SQLAlchemy's errors end: each becomes a DatabaseError that says what to do next and holds no secret."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import exc

from registry_core.coverage import Fault
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
    head = f"could not {wanted} in the database {place}: "
    if isinstance(orig, sqlite3.Error):
        found = _sqlite_reason(orig, said)
    else:
        found = _postgresql_reason(getattr(orig, "pgcode", None), said)
    if found is not None:
        return DatabaseError(head + found.sentence, fault=found.fault, retryable=found.passes)
    lost = isinstance(error, exc.OperationalError | exc.InterfaceError) and not isinstance(orig, sqlite3.Error)
    if lost or getattr(error, "connection_invalidated", False):
        return DatabaseError(
            f"{head}no connection, or it was lost ({said}). Check `database.url` and that the server runs.",
            fault="unreachable",
            retryable=True,
        )
    return DatabaseError(f"{head}{said}. This is likely a defect; please report it.", fault="corrupt")


@dataclass(frozen=True, slots=True)
class _Reason:
    """Why the database could not do it, what to do next, and whether it passes without that."""

    sentence: str
    fault: Fault
    passes: bool = False


def _sqlite_reason(error: sqlite3.Error, said: str) -> _Reason | None:
    """By the primary result code (https://www.sqlite.org/rescode.html). Only a lock passes by itself: a file that
    cannot be opened now cannot be opened in a minute."""
    code = (getattr(error, "sqlite_errorcode", None) or sqlite3.SQLITE_ERROR) & 0xFF
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL):
        return _Reason(
            f"another process kept it locked ({said}). Try again; where many runs write at once, use PostgreSQL.",
            "throttled",
            passes=True,
        )
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH):
        return _Reason(f"not allowed ({said}). Give this user write access to the file and its folder.", "forbidden")
    if code == sqlite3.SQLITE_CANTOPEN:
        return _Reason(
            f"its file cannot be opened ({said}). Check `database.url`: that the folder exists, that this user may"
            " write there, and that the file is no folder.",
            "unreachable",
        )
    if code == sqlite3.SQLITE_FULL:
        return _Reason(f"there is no room ({said}). Make room on its disk, then start again.", "unreachable")
    if code in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_NOLFS):
        return _Reason(
            f"its disk or this machine fails ({said}). Look at the disk: its room, its quota, whether it is a network"
            " share; then start again.",
            "unreachable",
        )
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT):
        return _Reason(f"the file is damaged or no database ({said}). Restore it from a backup.", "corrupt")
    if said.startswith(("no such table", "no such column")):
        return _of_another_version(said)
    return None


def _postgresql_reason(state: str | None, said: str) -> _Reason | None:
    """By SQLSTATE (https://www.postgresql.org/docs/current/errcodes-appendix.html), and by its words where the
    connection itself was refused: psycopg2 has no state for that."""
    low = said.lower()
    if state in _PASSING_STATES:
        return _Reason(f"{said}. This passes: try again.", "throttled", passes=True)
    if state in {"28P01", "28000"} or any(words in low for words in _REFUSED):
        return _Reason(
            f"it refused the sign-in ({said}). Check the user in `database.url` and `database.password`.", "forbidden"
        )
    if state in {"42501", "25006"} or "permission denied" in low:
        return _Reason(
            f"not allowed ({said}). Give the database user write access; a read-only standby cannot be used.",
            "forbidden",
        )
    if state in {"42P01", "42703"}:
        return _of_another_version(said)
    if state == "3D000" or ('fatal: database "' in low and "does not exist" in low):
        return _Reason(
            f"there is no such database ({said}). Create it: the tables are made by us, the database is not.", "missing"
        )
    if state in {"53100", "53200", "58030"}:
        return _Reason(f"the server has no room, or its disk fails ({said}). Look at the server.", "unreachable")
    if state in {"XX001", "XX002"}:
        return _Reason(f"its data is damaged ({said}). Restore it from a backup.", "corrupt")
    return None


def _of_another_version(said: str) -> _Reason:
    return _Reason(
        f"its tables are not those of this version ({said}). Was it changed while this process ran? Start again.",
        "corrupt",
    )
