"""What became of each collection."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "collection_journal",
        sa.Column("fingerprint", sa.Text),
        sa.Column("begun_at", sa.BigInteger, nullable=False),
        sa.Column("run_id", sa.Text, nullable=False),
        sa.Column("vendor_number", sa.BigInteger),
        sa.Column("before_bytes", sa.BigInteger),
        sa.Column("after_bytes", sa.BigInteger),
        sa.Column("freed_bytes", sa.BigInteger),
        sa.Column("ended_at", sa.BigInteger),
        sa.Column("succeeded", sa.Boolean),
        sa.Column("last_lines", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("fingerprint", name="pk_collection_journal"),
        sa.ForeignKeyConstraint(["fingerprint"], ["plans.fingerprint"], name="fk_collection_journal_fingerprint"),
    )
