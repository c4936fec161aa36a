"""What replications came to."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "replications",
        sa.Column("name", sa.Text),
        sa.Column("began_at", sa.BigInteger, nullable=False),
        sa.Column("ended_at", sa.BigInteger),
        sa.Column("ended_well_at", sa.BigInteger),
        sa.Column("failing_since", sa.BigInteger),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("trigger", sa.Text, nullable=False),
        sa.Column("copied", sa.BigInteger, nullable=False),
        sa.Column("sent_bytes", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_replications"),
    )
    op.create_table(
        "replicated_images",
        sa.Column("name", sa.Text),
        sa.Column("repository", sa.Text),
        sa.Column("digest", sa.Text),
        sa.Column("to_repository", sa.Text, nullable=False),
        sa.Column("tags", sa.JSON, nullable=False),
        sa.Column("word", sa.Text, nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("since", sa.BigInteger, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("run_id", sa.Text, nullable=False),
        sa.Column("sent_bytes", sa.BigInteger, nullable=False),
        sa.CheckConstraint(
            "word IN ('copied', 'already there', 'conflict', 'failed')", name="ck_replicated_images_word"
        ),
        sa.PrimaryKeyConstraint("name", "repository", "digest", name="pk_replicated_images"),
    )
    op.create_table(
        "replicated_tags",
        sa.Column("name", sa.Text),
        sa.Column("to_repository", sa.Text),
        sa.Column("tag", sa.Text),
        sa.Column("repository", sa.Text, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("name", "to_repository", "tag", name="pk_replicated_tags"),
    )
