"""Why the config of an image could not be read has a column of its own, beside that of its manifest."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("image_sightings", "staged_image"):
        op.add_column(table, sa.Column("config_fault", sa.Text))
    images = sa.table("image_sightings", sa.column("fault"), sa.column("config_fault"), sa.column("detail"))
    of_config = sa.and_(images.c.fault.is_not(None), images.c.detail.startswith("config: "))
    op.execute(sa.update(images).where(of_config).values(config_fault=images.c.fault, fault=None))
