"""Plans of any kind: the tables of eviction plans become those of all plans, with what was in them."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

#: Old table, new table, columns that stay as they were. What refers to another comes after it.
_MOVED = (
    ("eviction_plan_documents", "plan_documents", "fingerprint, document"),
    (
        "eviction_approvals",
        "approvals",
        "id, fingerprint, decision, who, decided_at, reason, image_count, expires_at, code_counter, signed_in_as",
    ),
    (
        "eviction_journal",
        "eviction_journal",
        "fingerprint, position, kind, repository, digest, tags, referrers, media_type, kept_at, outcome, why,"
        " ended_at, run_id, restored_at, restored_by",
    ),
)
_FIGURES = ("tags", "image_bytes", "stored_images", "repositories")


def upgrade() -> None:
    """Neither database can rename constraints and keep all else in one statement that both know, so rows are set
    aside, the tables are made anew under the names of today, and the rows come back."""
    for old, new, _ in _MOVED:
        op.execute(f"CREATE TABLE moved_{new} AS SELECT * FROM {old}")  # noqa: S608  # constants
    op.execute("CREATE TABLE moved_plans AS SELECT * FROM eviction_plans")
    for old, _, _ in reversed(_MOVED):
        op.drop_table(old)
    op.drop_table("eviction_plans")
    _create_plans()
    _move_plans()
    creators: dict[str, Callable[[], None]] = {
        "plan_documents": _create_documents,
        "approvals": _create_approvals,
        "eviction_journal": _create_journal,
    }
    for _, new, columns in _MOVED:
        creators[new]()
        op.execute(f"INSERT INTO {new} ({columns}) SELECT {columns} FROM moved_{new}")  # noqa: S608  # constants
        op.drop_table(f"moved_{new}")
    op.drop_table("moved_plans")
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "SELECT setval(pg_get_serial_sequence('approvals', 'id'), max(id)) FROM approvals HAVING count(*) > 0"
        )


def _move_plans() -> None:
    connection = op.get_bind()
    entries = {
        row.fingerprint: len(json.loads(zlib.decompress(row.document))["entries"])
        for row in connection.execute(sa.text("SELECT fingerprint, document FROM moved_plan_documents"))
    }
    plans = sa.table(
        "plans",
        *(sa.column(name) for name in (
            "fingerprint", "kind", "subject", "state", "made_at", "as_of", "good_until", "run_id", "counted",
            "entry_count", "claim_number", "holder", "claimed_at", "finished_at", "why",
        )),
        sa.column("figures", sa.JSON),
        sa.column("touches", sa.JSON),
    )  # fmt: skip
    for row in connection.execute(sa.text("SELECT * FROM moved_plans")).mappings().all():
        same = {name: row[name] for name in (
            "fingerprint", "state", "made_at", "as_of", "good_until", "run_id", "claim_number", "holder", "claimed_at",
            "finished_at", "why",
        )}  # fmt: skip
        connection.execute(
            plans.insert().values(
                **same,
                kind="eviction",
                subject=row["registry"],
                counted=row["images"],
                entry_count=entries.get(row["fingerprint"], row["images"]),
                figures={name: row[name] for name in _FIGURES},
                touches=[f"registry {row['registry']}"],
            )
        )


def _create_plans() -> None:
    op.create_table(
        "plans",
        sa.Column("fingerprint", sa.Text),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("made_at", sa.BigInteger, nullable=False),
        sa.Column("as_of", sa.BigInteger, nullable=False),
        sa.Column("good_until", sa.BigInteger, nullable=False),
        sa.Column("run_id", sa.Text),
        sa.Column("counted", sa.BigInteger, nullable=False),
        sa.Column("entry_count", sa.BigInteger, nullable=False),
        sa.Column("figures", sa.JSON, nullable=False),
        sa.Column("touches", sa.JSON, nullable=False),
        sa.Column("claim_number", sa.BigInteger, nullable=False),
        sa.Column("holder", sa.Text),
        sa.Column("claimed_at", sa.BigInteger),
        sa.Column("finished_at", sa.BigInteger),
        sa.Column("why", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("fingerprint", name="pk_plans"),
        sa.CheckConstraint(
            "state IN ('waiting', 'approved', 'rejected', 'superseded', 'executing', 'done', 'stopped')",
            name=op.f("ck_plans_state"),
        ),
    )
    op.create_index("ix_plans_kind_subject_made_at", "plans", ["kind", "subject", "made_at"])
    op.create_index("ix_plans_state", "plans", ["state"])


def _create_documents() -> None:
    op.create_table(
        "plan_documents",
        sa.Column("fingerprint", sa.Text),
        sa.Column("document", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("fingerprint", name="pk_plan_documents"),
        sa.ForeignKeyConstraint(["fingerprint"], ["plans.fingerprint"], name="fk_plan_documents_fingerprint"),
    )


def _create_approvals() -> None:
    op.create_table(
        "approvals",
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
        sa.PrimaryKeyConstraint("id", name="pk_approvals"),
        sa.ForeignKeyConstraint(["fingerprint"], ["plans.fingerprint"], name="fk_approvals_fingerprint"),
        sa.CheckConstraint("decision IN ('approve', 'reject')", name=op.f("ck_approvals_decision")),
    )
    op.create_index("ix_approvals_fingerprint", "approvals", ["fingerprint"])


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
        sa.ForeignKeyConstraint(["fingerprint"], ["plans.fingerprint"], name="fk_eviction_journal_fingerprint"),
        sa.CheckConstraint("kind IN ('delete', 'untag')", name=op.f("ck_eviction_journal_kind")),
        sa.CheckConstraint(
            "outcome IN ('deleted', 'already gone', 'spared', 'refused by registry', 'failed')",
            name=op.f("ck_eviction_journal_outcome"),
        ),
    )
