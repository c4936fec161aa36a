"""What the vendor of a registry protects, beside each image."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("image_sightings", "staged_image"):
        op.add_column(table, sa.Column("protection", sa.Text))
        op.add_column(table, sa.Column("protection_fault", sa.Text))
