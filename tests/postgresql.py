"""A PostgreSQL server of our own for tests: a fresh cluster in a temporary folder, on a Unix socket only.

`postgresql_server` starts one for the whole test run; `postgresql_url` gives each test an empty database in it.
PostgreSQL refuses to run as root: then it runs as the user `postgres`, or else `nobody`.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from urllib.parse import quote

import pytest
import sqlalchemy as sa

_PORT = 5432  # names the socket; nothing listens on the network


class PostgresqlServer:
    """A server whose folder is short: the path of a Unix socket may have 107 bytes."""

    def __init__(self, binaries: Path) -> None:
        self._binaries = binaries
        self.folder = Path(tempfile.mkdtemp(prefix="pg-"))
        self._user = _unprivileged_user()
        self._numbers = count(1)

    def start(self) -> None:
        if self._user:
            os.chown(self.folder, self._user.pw_uid, self._user.pw_gid)
        data = self.folder / "data"
        self._run("initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync")
        # Durability is not what is tested; without fsync a database is made in milliseconds.
        options = f"-k {self.folder} -p {_PORT} -c listen_addresses= -c fsync=off -c full_page_writes=off"
        self._run("pg_ctl", "-D", data, "-w", "-o", options, "-l", self.folder / "log", "start")

    def stop(self) -> None:
        if (self.folder / "data" / "postmaster.pid").exists():
            self._run("pg_ctl", "-D", self.folder / "data", "-m", "immediate", "-w", "stop")
        shutil.rmtree(self.folder, ignore_errors=True)

    def url(self, database: str, user: str = "postgres") -> str:
        return f"postgresql+psycopg2://{user}@/{database}?host={quote(str(self.folder), safe='')}&port={_PORT}"

    def new_database(self) -> str:
        """URL of a new, empty database."""
        name = f"test_{next(self._numbers)}"
        engine = sa.create_engine(self.url("postgres"), isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
        with engine.connect() as connection:
            connection.exec_driver_sql(f"CREATE DATABASE {name}")
        return self.url(name)

    def _run(self, binary: str, *arguments: object) -> None:
        command = [str(self._binaries / binary), *map(str, arguments)]
        output = self.folder.with_suffix(".out")
        identity = {"user": self._user.pw_uid, "group": self._user.pw_gid, "extra_groups": []} if self._user else {}
        # To a file: the server keeps what it inherits open, and a pipe would never end.
        with output.open("wb") as written:
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=written,
                stderr=subprocess.STDOUT,
                cwd="/",
                timeout=60,
                **identity,
            )  # type: ignore[call-overload]
        text = output.read_text(errors="replace")
        output.unlink()
        if done.returncode:
            raise AssertionError(f"{binary} failed: {text}")


def _unprivileged_user() -> pwd.struct_passwd | None:
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    pytest.skip("PostgreSQL does not run as root, and there is neither a user postgres nor nobody")


def find_postgresql() -> Path:
    """Folder of `initdb` and `pg_ctl`, the newest version first; skips the test where there is none."""

    def version(folder: Path) -> float:
        return float(folder.parent.name) if folder.parent.name.replace(".", "", 1).isdigit() else 0

    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=version, reverse=True)
    on_path = shutil.which("initdb")
    for folder in [*debian, *([Path(on_path).resolve().parent] if on_path else [])]:
        if (folder / "initdb").exists() and (folder / "pg_ctl").exists():
            return folder
    pytest.skip("install postgresql (Debian) to run this")


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[PostgresqlServer]:
    server = PostgresqlServer(find_postgresql())
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture
def postgresql_url(postgresql_server: PostgresqlServer) -> str:
    """An empty database of its own for the test."""
    return postgresql_server.new_database()
