"""What people were told."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "told",
        sa.Column("audience", sa.Text),
        sa.Column("topic", sa.Text),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("told_with", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("line", sa.Text, nullable=False),
        sa.Column("told_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("audience", "topic", name="pk_told"),
    )
