"""What became of each image of a migration."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "migration_journal",
        sa.Column("fingerprint", sa.Text),
        sa.Column("position", sa.BigInteger, autoincrement=False),
        sa.Column("repository", sa.Text, nullable=False),
        sa.Column("to_repository", sa.Text, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("tags", sa.JSON, nullable=False),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("sent_bytes", sa.BigInteger, nullable=False),
        sa.Column("sent_blobs", sa.BigInteger, nullable=False),
        sa.Column("mounted_blobs", sa.BigInteger, nullable=False),
        sa.Column("seconds", sa.Float, nullable=False),
        sa.Column("ended_at", sa.BigInteger, nullable=False),
        sa.Column("run_id", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("fingerprint", "position", name="pk_migration_journal"),
        sa.ForeignKeyConstraint(["fingerprint"], ["plans.fingerprint"], name="fk_migration_journal_fingerprint"),
        sa.CheckConstraint(
            "outcome IN ('copied', 'already there', 'conflict', 'failed')", name="ck_migration_journal_outcome"
        ),
    )
