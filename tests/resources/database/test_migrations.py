"""The schema: models and migrations agree, two processes may start at once, a newer database is refused."""

from __future__ import annotations

import json
import subprocess
import sys
import zlib
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext

from registry_core.errors import DatabaseError
from resources.database import migrating
from resources.database.connection import Database
from resources.database.history import History
from resources.database.migrating import VERSION_TABLE
from resources.database.schema import manifest_documents, manifests, metadata
from resources.database.sightings import ALL_TABLES
from tests.image_builder import OCI_INDEX, canonical, make_build_cache, make_image, make_multi_platform

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


def upgrade_to(url: str, revision: str) -> Database:
    """A database of an older version."""
    database = Database(url)
    with database.writing("go back") as connection:
        config = Config(attributes={"connection": connection})
        config.set_main_option("script_location", str(Path(migrating.__file__).parent / "migrations"))
        command.upgrade(config, revision)
    return database


def test_indexes_that_were_read_before_are_looked_through_for_blobs(url: str) -> None:
    cache, image, whole = make_build_cache(), make_image(), make_multi_platform()
    odd = {"schemaVersion": 2, "manifests": [{"digest": image.digest, "size": 1}, *cache.document["manifests"][:1]]}
    documents = {cache.digest: cache.manifest_bytes, whole.digest: whole.manifest_bytes, "sha256:odd": canonical(odd)}
    database = upgrade_to(url, "0013")
    with database.writing("fill") as connection:
        for digest, document in documents.items():
            connection.execute(
                sa.insert(manifests).values(
                    digest=digest, media_type=OCI_INDEX, size_bytes=1, image_bytes=0, layers=0, config_read=True
                )
            )
            connection.execute(sa.insert(manifest_documents).values(digest=digest, document=zlib.compress(document)))
            for place, listed in enumerate(json.loads(document)["manifests"]):
                row = {"digest": digest, "position": place, "child": listed["digest"]}
                connection.execute(sa.text("INSERT INTO manifest_children VALUES (:digest, :position, :child)"), row)
    history = History.open(url)
    history.migrate()
    known = history.remembered("main").known(documents)
    assert known[cache.digest].listed_as == ("blob", "blob")
    assert known[whole.digest].listed_as == ("manifest", "manifest")
    assert known["sha256:odd"].listed_as == ("unknown", "blob")


def test_a_config_that_could_not_be_read_is_no_lost_manifest_any_more(url: str) -> None:
    database = upgrade_to(url, "0014")
    with database.writing("fill") as connection:
        connection.exec_driver_sql(
            "INSERT INTO places (id, kind, source, name, read_at) VALUES (1, 'catalog', 'main', 'app', 1)"
        )
        for number, (fault, detail) in enumerate((("missing", "config: gone"), ("missing", "404"), (None, ""))):
            row = {"place": 1, "hash": bytes([number]), "digest": f"sha256:{number}", "fault": fault, "detail": detail}
            connection.execute(
                sa.text(
                    "INSERT INTO image_sightings"
                    " (place_id, key_hash, attributes_hash, digest, found_by, fault, detail, first_seen_at,"
                    " last_seen_at) VALUES (:place, :hash, 0, :digest, 'tag', :fault, :detail, 1, 1)"
                ),
                row,
            )
    History.open(url).migrate()
    with database.reading("look") as connection:
        rows = connection.exec_driver_sql("SELECT fault, config_fault FROM image_sightings ORDER BY digest").all()
    assert [tuple(row) for row in rows] == [(None, "missing"), ("missing", None), (None, None)]
