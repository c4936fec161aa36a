"""Events that wait are found without reading those that were taken up."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    waiting = sa.text("taken_at IS NULL")
    op.create_index("ix_push_events_waiting", "push_events", ["id"], postgresql_where=waiting, sqlite_where=waiting)
