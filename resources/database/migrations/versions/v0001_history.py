"""Snapshots, places, sightings, manifests.

Written out, not derived from the present descriptions: those go on changing, this does not.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_SIGHTINGS: dict[str, dict[str, type[sa.Text] | type[sa.BigInteger]]] = {
    "inventory": {
        **dict.fromkeys(
            ["namespace", "kind", "name", "container", "container_kind", "path", "reference", "status_digest",
             "owner_kind", "owner_name", "registry", "repository", "tag", "digest", "invalid", "status_image",
             "status_repository", "state", "reason", "message", "node", "platform", "pull_secrets"],
            sa.Text,
        ),
        **dict.fromkeys(["since", "replicas"], sa.BigInteger),
    },
    "tag": dict.fromkeys(["tag", "digest", "fault", "detail"], sa.Text),
    "image": {
        **dict.fromkeys(["digest", "found_by", "fault", "detail"], sa.Text),
        **dict.fromkeys(["pushed_at", "pulled_at", "referrers_read_at"], sa.BigInteger),
    },
    "usage": {
        **dict.fromkeys(
            ["digest", "match", "cluster", "namespace", "owner_kind", "owner_name", "container", "container_kind",
             "reference", "environment", "state", "reason"],
            sa.Text,
        ),
        "pods": sa.BigInteger,
    },
    "finding": dict.fromkeys(
        ["kind", "what", "repository", "tag", "digest", "blob", "platform", "severity", "detail", "used_by",
         "clusters"],
        sa.Text,
    ),
}  # fmt: skip


def upgrade() -> None:
    _create_snapshots()
    _create_manifests()
    for name, columns in _SIGHTINGS.items():
        _create_sightings(name, columns)


def _create_snapshots() -> None:
    op.create_table(
        "snapshots",
        sa.Column("id", sa.Integer),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("as_of", sa.BigInteger, nullable=False),
        sa.Column("started_at", sa.BigInteger, nullable=False),
        sa.Column("finished_at", sa.BigInteger),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("coverage", sa.JSON),
        sa.Column("basis", sa.JSON),
        sa.Column("run_id", sa.Text),
        sa.PrimaryKeyConstraint("id", name="pk_snapshots"),
        sa.CheckConstraint("kind IN ('inventory', 'catalog', 'usage', 'health')", name=op.f("ck_snapshots_kind")),
        sa.CheckConstraint("state IN ('running', 'complete', 'incomplete')", name=op.f("ck_snapshots_state")),
    )
    op.create_index("ix_snapshots_kind_source_as_of", "snapshots", ["kind", "source", "as_of"])
    op.create_table(
        "places",
        sa.Column("id", sa.Integer),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("read_at", sa.BigInteger),
        sa.PrimaryKeyConstraint("id", name="pk_places"),
        sa.UniqueConstraint("kind", "source", "name", name="uq_places_kind_source_name"),
    )
    op.create_table(
        "staged_places",
        sa.Column("snapshot_id", sa.Integer, autoincrement=False),
        sa.Column("place_id", sa.Integer, autoincrement=False),
        sa.Column("whole", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("snapshot_id", "place_id", name="pk_staged_places"),
    )


def _create_manifests() -> None:
    op.create_table(
        "manifests",
        sa.Column("digest", sa.Text),
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
        sa.PrimaryKeyConstraint("digest", name="pk_manifests"),
    )
    op.create_table(
        "manifest_documents",
        sa.Column("digest", sa.Text),
        sa.Column("document", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_manifest_documents"),
        sa.ForeignKeyConstraint(
            ["digest"], ["manifests.digest"], name="fk_manifest_documents_digest", ondelete="CASCADE"
        ),
    )
    op.create_table(
        "manifest_children",
        sa.Column("digest", sa.Text),
        sa.Column("position", sa.Integer, autoincrement=False),
        sa.Column("child", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("digest", "position", name="pk_manifest_children"),
        sa.ForeignKeyConstraint(
            ["digest"], ["manifests.digest"], name="fk_manifest_children_digest", ondelete="CASCADE"
        ),
    )


def _create_sightings(name: str, columns: dict[str, type[sa.Text] | type[sa.BigInteger]]) -> None:
    op.create_table(
        f"{name}_sightings",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite")),
        sa.Column("place_id", sa.Integer, nullable=False),
        sa.Column("key_hash", sa.LargeBinary(16), nullable=False),
        sa.Column("first_seen_at", sa.BigInteger, nullable=False),
        sa.Column("last_seen_at", sa.BigInteger, nullable=False),
        sa.Column("gone_at", sa.BigInteger),
        sa.Column("attributes_hash", sa.BigInteger, nullable=False),
        *(sa.Column(column, holds) for column, holds in columns.items()),
        sa.PrimaryKeyConstraint("id", name=f"pk_{name}_sightings"),
    )
    op.create_index(f"ix_{name}_sightings_place_id_gone_at", f"{name}_sightings", ["place_id", "gone_at"])
    op.create_index(
        f"uq_{name}_sightings_open",
        f"{name}_sightings",
        ["place_id", "key_hash"],
        unique=True,
        sqlite_where=sa.text("gone_at IS NULL"),
        postgresql_where=sa.text("gone_at IS NULL"),
    )
    op.create_table(
        f"staged_{name}",
        sa.Column("snapshot_id", sa.Integer, autoincrement=False),
        sa.Column("place_id", sa.Integer, autoincrement=False),
        sa.Column("key_hash", sa.LargeBinary(16)),
        sa.Column("attributes_hash", sa.BigInteger, nullable=False),
        *(sa.Column(column, holds) for column, holds in columns.items()),
        sa.PrimaryKeyConstraint("snapshot_id", "place_id", "key_hash", name=f"pk_staged_{name}"),
    )
