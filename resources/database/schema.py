"""What the history keeps, beside the sightings (`sightings`): snapshots, places, manifests.

One metadata for SQLite and PostgreSQL. Names of constraints follow one convention, so that migrations can name
them. Times are microseconds (`times`). Bulk rows have no foreign keys to places: places are never deleted, and
PostgreSQL would check each of 400,000 rows one at a time.
"""

from __future__ import annotations

import sqlalchemy as sa

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

#: One reading of one source. `as_of` is when the reading began; `basis` names the snapshots that a derived one
#: (usage, health) was made from.
snapshots = sa.Table(
    "snapshots",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("as_of", sa.BigInteger, nullable=False),
    sa.Column("started_at", sa.BigInteger, nullable=False),
    sa.Column("finished_at", sa.BigInteger),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("coverage", sa.JSON),
    sa.Column("basis", sa.JSON),
    sa.Column("run_id", sa.Text),
    sa.CheckConstraint("kind IN ('inventory', 'catalog', 'usage', 'health')", name="kind"),
    sa.CheckConstraint("state IN ('running', 'complete', 'incomplete')", name="state"),
    sa.Index(None, "kind", "source", "as_of"),
)

#: What is read whole or not at all: a repository of a registry, a kind of object of a cluster. `read_at` is the
#: `as_of` of the last snapshot that read it whole: the `last_seen_at` of all its open rows.
places = sa.Table(
    "places",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("read_at", sa.BigInteger),
    sa.UniqueConstraint("kind", "source", "name"),
)

#: The places of a snapshot that is being merged; `whole` tells whether absence from it means gone.
staged_places = sa.Table(
    "staged_places",
    metadata,
    sa.Column("snapshot_id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("place_id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("whole", sa.Boolean, nullable=False),
)

#: What a manifest says of itself, once by digest, whatever registry showed it.
manifests = sa.Table(
    "manifests",
    metadata,
    sa.Column("digest", sa.Text, primary_key=True),
    sa.Column("media_type", sa.Text, nullable=False),
    sa.Column("artifact_type", sa.Text),
    sa.Column("subject", sa.Text),
    sa.Column("config_digest", sa.Text),
    sa.Column("size_bytes", sa.BigInteger, nullable=False),
    sa.Column("image_bytes", sa.BigInteger, nullable=False),
    sa.Column("layers", sa.BigInteger, nullable=False),
    sa.Column("created_at", sa.BigInteger),
    sa.Column("os", sa.Text),
    sa.Column("architecture", sa.Text),
    sa.Column("variant", sa.Text),
    sa.Column("config_read", sa.Boolean, nullable=False),
)

#: The bytes, apart from the facts so that reading 400,000 facts does not walk over them. Compressed by zlib.
manifest_documents = sa.Table(
    "manifest_documents",
    metadata,
    sa.Column("digest", sa.Text, sa.ForeignKey("manifests.digest", ondelete="CASCADE"), primary_key=True),
    sa.Column("document", sa.LargeBinary, nullable=False),
)

#: What an index lists, in its order.
manifest_children = sa.Table(
    "manifest_children",
    metadata,
    sa.Column("digest", sa.Text, sa.ForeignKey("manifests.digest", ondelete="CASCADE"), primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("child", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False, server_default="manifest"),
)
