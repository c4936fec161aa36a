"""Plans, decisions, spent codes, journals."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _create_plans()
    _create_decisions()
    _create_journal()


def _create_plans() -> None:
    op.create_table(
        "eviction_plans",
        sa.Column("fingerprint", sa.Text),
        sa.Column("registry", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("made_at", sa.BigInteger, nullable=False),
        sa.Column("as_of", sa.BigInteger, nullable=False),
        sa.Column("good_until", sa.BigInteger, nullable=False),
        sa.Column("run_id", sa.Text),
        sa.Column("images", sa.BigInteger, nullable=False),
        sa.Column("tags", sa.BigInteger, nullable=False),
        sa.Column("image_bytes", sa.BigInteger, nullable=False),
        sa.Column("stored_images", sa.BigInteger, nullable=False),
        sa.Column("repositories", sa.BigInteger, nullable=False),
        sa.Column("claim_number", sa.BigInteger, nullable=False),
        sa.Column("holder", sa.Text),
        sa.Column("claimed_at", sa.BigInteger),
        sa.Column("finished_at", sa.BigInteger),
        sa.Column("why", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("fingerprint", name="pk_eviction_plans"),
        sa.CheckConstraint(
            "state IN ('waiting', 'approved', 'rejected', 'superseded', 'executing', 'done', 'stopped')",
            name=op.f("ck_eviction_plans_state"),
        ),
    )
    op.create_index("ix_eviction_plans_registry_made_at", "eviction_plans", ["registry", "made_at"])
    op.create_index("ix_eviction_plans_state", "eviction_plans", ["state"])
    op.create_table(
        "eviction_plan_documents",
        sa.Column("fingerprint", sa.Text),
        sa.Column("document", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("fingerprint", name="pk_eviction_plan_documents"),
        sa.ForeignKeyConstraint(
            ["fingerprint"], ["eviction_plans.fingerprint"], name="fk_eviction_plan_documents_fingerprint"
        ),
    )


def _create_decisions() -> None:
    op.create_table(
        "eviction_approvals",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite")),
        sa.Column("fingerprint", sa.Text, nullable=False),
        sa.Column("decision", sa.Text, nullable=False),
        sa.Column("who", sa.Text, nullable=False),
        sa.Column("decided_at", sa.BigInteger, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("image_count", sa.BigInteger, nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
        sa.Column("code_counter", sa.BigInteger),
        sa.Column("signed_in_as", sa.Text),
        sa.PrimaryKeyConstraint("id", name="pk_eviction_approvals"),
        sa.ForeignKeyConstraint(
            ["fingerprint"], ["eviction_plans.fingerprint"], name="fk_eviction_approvals_fingerprint"
        ),
        sa.CheckConstraint("decision IN ('approve', 'reject')", name=op.f("ck_eviction_approvals_decision")),
    )
    op.create_index("ix_eviction_approvals_fingerprint", "eviction_approvals", ["fingerprint"])
    op.create_table(
        "spent_codes",
        sa.Column("person", sa.Text),
        sa.Column("counter", sa.BigInteger, autoincrement=False),
        sa.PrimaryKeyConstraint("person", "counter", name="pk_spent_codes"),
    )


def _create_journal() -> None:
    op.create_table(
        "eviction_journal",
        sa.Column("fingerprint", sa.Text),
        sa.Column("position", sa.BigInteger, autoincrement=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("repository", sa.Text, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("tags", sa.JSON, nullable=False),
        sa.Column("referrers", sa.JSON, nullable=False),
        sa.Column("media_type", sa.Text),
        sa.Column("kept_at", sa.BigInteger),
        sa.Column("outcome", sa.Text),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("ended_at", sa.BigInteger),
        sa.Column("run_id", sa.Text, nullable=False),
        sa.Column("restored_at", sa.BigInteger),
        sa.Column("restored_by", sa.Text),
        sa.PrimaryKeyConstraint("fingerprint", "position", name="pk_eviction_journal"),
        sa.ForeignKeyConstraint(
            ["fingerprint"], ["eviction_plans.fingerprint"], name="fk_eviction_journal_fingerprint"
        ),
        sa.CheckConstraint("kind IN ('delete', 'untag')", name=op.f("ck_eviction_journal_kind")),
        sa.CheckConstraint(
            "outcome IN ('deleted', 'already gone', 'spared', 'refused by registry', 'failed')",
            name=op.f("ck_eviction_journal_outcome"),
        ),
    )
    op.create_table(
        "kept_manifests",
        sa.Column("digest", sa.Text),
        sa.Column("document", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_kept_manifests"),
    )
