"""What the ledger keeps: plans, decisions, spent codes, journals. Conventions as in `schema`."""

from __future__ import annotations

import sqlalchemy as sa

from resources.database.schema import metadata

_SERIAL = sa.BigInteger().with_variant(sa.Integer, "sqlite")

#: One filed plan of any kind. `counted` is the number that an approver types; `figures` is what lists show beside it,
#: numbers by name; `touches` names what carrying it out changes. `good_until` is where its evidence becomes too old;
#: `claim_number` counts the claims, so that a run whose claim was taken over notices. Documents lie apart: a list
#: does not walk over them.
plans = sa.Table(
    "plans",
    metadata,
    sa.Column("fingerprint", sa.Text, primary_key=True),
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
    sa.CheckConstraint(
        "state IN ('waiting', 'approved', 'rejected', 'superseded', 'executing', 'done', 'stopped')", name="state"
    ),
    sa.Index(None, "kind", "subject", "made_at"),
    sa.Index(None, "state"),
)

#: The canonical JSON whose SHA-256 is the fingerprint, compressed by zlib.
plan_documents = sa.Table(
    "plan_documents",
    metadata,
    sa.Column("fingerprint", sa.Text, sa.ForeignKey("plans.fingerprint"), primary_key=True),
    sa.Column("document", sa.LargeBinary, nullable=False),
)

#: One decision of one person.
approvals = sa.Table(
    "approvals",
    metadata,
    sa.Column("id", _SERIAL, primary_key=True),
    sa.Column("fingerprint", sa.Text, sa.ForeignKey("plans.fingerprint"), nullable=False),
    sa.Column("decision", sa.Text, nullable=False),
    sa.Column("who", sa.Text, nullable=False),
    sa.Column("decided_at", sa.BigInteger, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("image_count", sa.BigInteger, nullable=False),
    sa.Column("expires_at", sa.BigInteger, nullable=False),
    sa.Column("code_counter", sa.BigInteger),
    sa.Column("signed_in_as", sa.Text),
    sa.CheckConstraint("decision IN ('approve', 'reject')", name="decision"),
    sa.Index(None, "fingerprint"),
)

#: One-time codes that were seen, by person (name in small letters) and time step: each is believed once.
spent_codes = sa.Table(
    "spent_codes",
    metadata,
    sa.Column("person", sa.Text, primary_key=True),
    sa.Column("counter", sa.BigInteger, primary_key=True, autoincrement=False),
)

#: Wrong one-time codes, by person, so that nobody guesses for long.
wrong_codes = sa.Table(
    "wrong_codes",
    metadata,
    sa.Column("id", _SERIAL, primary_key=True),
    sa.Column("person", sa.Text, nullable=False),
    sa.Column("given_at", sa.BigInteger, nullable=False),
    sa.Index(None, "person", "given_at"),
)

#: What was done with each entry of an eviction plan. `kept_at` is written before its request and is null for what was
#: never to be requested; `outcome` is null while nobody knows. `why` completes the outcome.
journal = sa.Table(
    "eviction_journal",
    metadata,
    sa.Column("fingerprint", sa.Text, sa.ForeignKey("plans.fingerprint"), primary_key=True),
    sa.Column("position", sa.BigInteger, primary_key=True, autoincrement=False),
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
    sa.CheckConstraint("kind IN ('delete', 'untag')", name="kind"),
    sa.CheckConstraint(
        "outcome IN ('deleted', 'already gone', 'spared', 'refused by registry', 'failed')", name="outcome"
    ),
)

#: Manifests of what was deleted, byte for byte, once by digest: the way back. Apart from `manifests`, so that
#: nothing that tidies the history can take it away. Compressed by zlib.
kept_manifests = sa.Table(
    "kept_manifests",
    metadata,
    sa.Column("digest", sa.Text, primary_key=True),
    sa.Column("document", sa.LargeBinary, nullable=False),
)

LEDGER_TABLES = (plans, plan_documents, approvals, spent_codes, wrong_codes, journal, kept_manifests)
