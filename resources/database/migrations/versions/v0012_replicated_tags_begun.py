"""Tags that a replication was about to put."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "replicated_tags_begun",
        sa.Column("name", sa.Text),
        sa.Column("to_repository", sa.Text),
        sa.Column("tag", sa.Text),
        sa.Column("digest", sa.Text),
        sa.Column("repository", sa.Text, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("name", "to_repository", "tag", "digest", name="pk_replicated_tags_begun"),
    )
