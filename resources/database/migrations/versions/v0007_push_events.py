"""What registries tell of themselves."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_SERIAL = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "push_events",
        sa.Column("id", _SERIAL, primary_key=True),
        sa.Column("received_at", sa.BigInteger, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("registry", sa.Text, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("repository", sa.Text, nullable=False),
        sa.Column("tag", sa.Text),
        sa.Column("digest", sa.Text),
        sa.Column("happened_at", sa.BigInteger),
        sa.Column("delivery", sa.Text, nullable=False),
        sa.Column("body_bytes", sa.BigInteger, nullable=False),
        sa.Column("taken_by", sa.Text),
        sa.Column("taken_at", sa.BigInteger),
        sa.CheckConstraint("action IN ('push', 'delete')", name="ck_push_events_action"),
        sa.UniqueConstraint("source", "delivery", name="uq_push_events_source_delivery"),
    )
    op.create_index("ix_push_events_registry_id", "push_events", ["registry", "id"])
    op.create_index("ix_push_events_received_at", "push_events", ["received_at"])
