"""What each workload of a cut-over was and became, and the pull secrets that it made."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "cutover_journal",
        sa.Column("fingerprint", sa.Text),
        sa.Column("position", sa.BigInteger, autoincrement=False),
        sa.Column("cluster", sa.Text, nullable=False),
        sa.Column("resource", sa.Text, nullable=False),
        sa.Column("namespace", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("before", sa.JSON),
        sa.Column("recorded_at", sa.BigInteger),
        sa.Column("patched_at", sa.BigInteger),
        sa.Column("failing", sa.Text),
        sa.Column("outcome", sa.Text),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("ended_at", sa.BigInteger),
        sa.Column("run_id", sa.Text, nullable=False),
        sa.Column("returned_at", sa.BigInteger),
        sa.Column("returned_by", sa.Text),
        sa.Column("not_returned", sa.Text),
        sa.PrimaryKeyConstraint("fingerprint", "position", name="pk_cutover_journal"),
        sa.ForeignKeyConstraint(["fingerprint"], ["plans.fingerprint"], name="fk_cutover_journal_fingerprint"),
        sa.CheckConstraint(
            "outcome IN ('changed', 'already changed', 'spared', 'put back', 'refused by cluster', 'failed')",
            name="ck_cutover_journal_outcome",
        ),
    )
    op.create_table(
        "cutover_secrets",
        sa.Column("fingerprint", sa.Text),
        sa.Column("cluster", sa.Text),
        sa.Column("namespace", sa.Text),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("uid", sa.Text, nullable=False),
        sa.Column("made_at", sa.BigInteger, nullable=False),
        sa.Column("run_id", sa.Text, nullable=False),
        sa.Column("removed_at", sa.BigInteger),
        sa.PrimaryKeyConstraint("fingerprint", "cluster", "namespace", name="pk_cutover_secrets"),
        sa.ForeignKeyConstraint(["fingerprint"], ["plans.fingerprint"], name="fk_cutover_secrets_fingerprint"),
    )
