"""The journal of a cut-over: what each workload was before it was patched, what became of it, and what was returned.

`before` is written before the patch is sent, so that a run which died can be gone on with, and all of it returned.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pandas as pd
import sqlalchemy as sa

from registry_core.cutover import CutoverPlan
from registry_core.cutover_entries import Entry, PullSecret
from registry_core.cutover_outcome import CutoverOutcome
from registry_core.foreign_json import storable
from resources.database.connection import Database
from resources.database.ledger_claims import check_claim
from resources.database.ledger_records import Claim
from resources.database.schema import metadata
from resources.database.times import maybe_from_micros, now_micros

#: One workload of a cut-over plan. `failing` is why its rollout was given up, written before it is put back; `outcome`
#: is null while nobody knows. `returned_at` is when a rollback returned it; `not_returned` why one could not.
workloads = sa.Table(
    "cutover_journal",
    metadata,
    sa.Column("fingerprint", sa.Text, sa.ForeignKey("plans.fingerprint"), primary_key=True),
    sa.Column("position", sa.BigInteger, primary_key=True, autoincrement=False),
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
    sa.CheckConstraint(
        "outcome IN ('changed', 'already changed', 'spared', 'put back', 'refused by cluster', 'failed')",
        name="outcome",
    ),
)

#: Pull secrets that a cut-over made, or that one made and another pulls with too, so that a rollback takes away these
#: and no others, and none that somebody still needs. Never their content.
secrets = sa.Table(
    "cutover_secrets",
    metadata,
    sa.Column("fingerprint", sa.Text, sa.ForeignKey("plans.fingerprint"), primary_key=True),
    sa.Column("cluster", sa.Text, primary_key=True),
    sa.Column("namespace", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("uid", sa.Text, nullable=False),
    sa.Column("made_at", sa.BigInteger, nullable=False),
    sa.Column("run_id", sa.Text, nullable=False),
    sa.Column("removed_at", sa.BigInteger),
)

#: `frame`: a row a workload that was looked at, by its position in the plan.
CUTOVER_JOURNAL_COLUMNS = (
    "position", "cluster", "resource", "namespace", "name", "outcome", "why", "recorded_at", "patched_at", "ended_at",
    "run_id", "returned_at", "returned_by", "not_returned",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class CutoverLine:
    """One line of the journal. `before` None: it was never to be patched."""

    position: int
    before: dict[str, Any] | None = field(repr=False)
    patched_at: datetime | None
    failing: str | None
    outcome: CutoverOutcome | None
    returned_at: datetime | None

    @property
    def may_be_changed(self) -> bool:
        """Whether the cluster may have it changed by this plan: also where nobody knows."""
        if self.before is None or self.returned_at is not None:
            return False
        return self.outcome is None or self.outcome.word in ("changed", "failed")


@dataclass(frozen=True, slots=True)
class MadeSecret:
    """A pull secret that a cut-over made."""

    cluster: str
    namespace: str
    name: str
    uid: str


class CutoverJournal:
    """The journals of cut-over plans. What a run writes shows its claim again."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def record(self, claim: Claim[CutoverPlan], position: int, before: dict[str, Any]) -> None:
        """Keep what a workload is before its patch: when this returned, and not before, it may be sent.

        That it was returned before counts no longer: it is about to be changed again.
        """
        self._write(claim, position, before=before, recorded_at=now_micros(), patched_at=None, failing=None,
                    outcome=None, why="", ended_at=None,
                    returned_at=None, returned_by=None, not_returned=None)  # fmt: skip

    def patched(self, claim: Claim[CutoverPlan], position: int) -> None:
        """The API took the patch."""
        self._write(claim, position, patched_at=now_micros())

    def failing(self, claim: Claim[CutoverPlan], position: int, why: str) -> None:
        """Its rollout is given up: it is put back next, by whichever run."""
        self._write(claim, position, failing=storable(why))

    def ended(self, claim: Claim[CutoverPlan], position: int, outcome: CutoverOutcome) -> None:
        """What became of it."""
        self._write(claim, position, outcome=outcome.word, why=storable(outcome.why), ended_at=now_micros())

    def returned(self, fingerprint: str, position: int, *, run_id: str) -> None:
        """A rollback returned it."""
        self._note(fingerprint, position, returned_at=now_micros(), returned_by=run_id, not_returned=None)

    def not_returned(self, fingerprint: str, position: int, why: str) -> None:
        """A rollback could not return it, and why."""
        self._note(fingerprint, position, not_returned=storable(why))

    def secret_made(self, claim: Claim[CutoverPlan], secret: PullSecret, uid: str) -> None:
        """A pull secret was made."""
        with self._database.writing(f"note the pull secret {secret.namespace}/{secret.name}") as connection:
            check_claim(connection, claim)
            _keep_secret(connection, claim, secret, uid)

    def secret_shared(self, claim: Claim[CutoverPlan], secret: PullSecret, uid: str) -> None:
        """A pull secret that another plan made is pulled with; nothing is noted where no plan known here made it."""
        known = sa.select(secrets.c.uid).where(secrets.c.cluster == secret.cluster, secrets.c.uid == uid).limit(1)
        with self._database.writing(f"note the pull secret {secret.namespace}/{secret.name}") as connection:
            check_claim(connection, claim)
            if connection.execute(known).first() is not None:
                _keep_secret(connection, claim, secret, uid)

    def secrets(self, fingerprint: str, *, removed: bool = False) -> list[MadeSecret]:
        """Pull secrets that a plan made or shares; without `removed`, those that it still has."""
        query = sa.select(secrets).where(secrets.c.fingerprint == fingerprint)
        if not removed:
            query = query.where(secrets.c.removed_at.is_(None))
        with self._database.reading("read the pull secrets of a cut-over") as connection:
            rows = connection.execute(query.order_by(secrets.c.cluster, secrets.c.namespace)).all()
        return [MadeSecret(row.cluster, row.namespace, row.name, row.uid) for row in rows]

    def sharers(self, fingerprint: str, secret: MadeSecret) -> list[str]:
        """Other plans (fingerprints) that pull with this secret and were not rolled back."""
        query = sa.select(secrets.c.fingerprint).where(
            secrets.c.fingerprint != fingerprint,
            secrets.c.cluster == secret.cluster,
            secrets.c.namespace == secret.namespace,
            secrets.c.uid == secret.uid,
            secrets.c.removed_at.is_(None),
        )
        with self._database.reading("read who shares a pull secret") as connection:
            return list(connection.scalars(query.order_by(secrets.c.made_at)))

    def secret_removed(self, fingerprint: str, secret: MadeSecret) -> None:
        """A rollback took it away, found it gone, or left it to the other plans that share it."""
        update = sa.update(secrets).where(
            secrets.c.fingerprint == fingerprint,
            secrets.c.cluster == secret.cluster,
            secrets.c.namespace == secret.namespace,
        )
        with self._database.writing("note a pull secret that was taken away") as connection:
            connection.execute(update.values(removed_at=now_micros()))

    def lines(self, fingerprint: str) -> dict[int, CutoverLine]:
        """The journal of a plan (fingerprint whole), by position."""
        return {
            row.position: CutoverLine(
                position=row.position,
                before=row.before,
                patched_at=maybe_from_micros(row.patched_at),
                failing=row.failing,
                outcome=None if row.outcome is None else CutoverOutcome(row.outcome, row.why),
                returned_at=maybe_from_micros(row.returned_at),
            )
            for row in self._rows(fingerprint)
        }

    def frame(self, fingerprint: str) -> pd.DataFrame:
        """The journal as CUTOVER_JOURNAL_COLUMNS; `outcome` is one of CUTOVER_WORDS or None."""
        times = ("recorded_at", "patched_at", "ended_at", "returned_at")
        rows = [
            {**row._mapping, **{name: maybe_from_micros(row._mapping[name]) for name in times}}
            for row in self._rows(fingerprint)
        ]
        made = pd.DataFrame(rows, columns=list(CUTOVER_JOURNAL_COLUMNS))
        for name in times:
            made[name] = pd.to_datetime(made[name], utc=True).astype("datetime64[us, UTC]")
        for name in ("outcome", "returned_by", "not_returned"):
            made[name] = made[name].astype(object).where(made[name].notna(), None)
        return made

    def _rows(self, fingerprint: str) -> list[sa.Row[Any]]:
        query = sa.select(workloads).where(workloads.c.fingerprint == fingerprint).order_by(workloads.c.position)
        with self._database.reading("read the journal of a cut-over") as connection:
            return list(connection.execute(query))

    def _write(self, claim: Claim[CutoverPlan], position: int, **values: Any) -> None:
        entry = claim.plan.entries[position]
        which = (workloads.c.fingerprint == claim.fingerprint, workloads.c.position == position)
        with self._database.writing(f"write the journal of {entry.workload}") as connection:
            check_claim(connection, claim)
            update = sa.update(workloads).where(*which).values(run_id=claim.run_id, **values)
            if connection.execute(update).rowcount == 0:
                new = {**_new_row(claim, position, entry), **values}
                connection.execute(sa.insert(workloads).values(**new))

    def _note(self, fingerprint: str, position: int, **values: Any) -> None:
        which = (workloads.c.fingerprint == fingerprint, workloads.c.position == position)
        with self._database.writing("note what a rollback did") as connection:
            connection.execute(sa.update(workloads).where(*which).values(**values))


def _keep_secret(connection: sa.Connection, claim: Claim[CutoverPlan], secret: PullSecret, uid: str) -> None:
    key = {"fingerprint": claim.fingerprint, "cluster": secret.cluster, "namespace": secret.namespace}
    values = {"name": secret.name, "uid": uid, "made_at": now_micros(), "run_id": claim.run_id, "removed_at": None}
    connection.execute(sa.delete(secrets).where(*(secrets.c[name] == value for name, value in key.items())))
    connection.execute(sa.insert(secrets).values(**key, **values))


def _new_row(claim: Claim[CutoverPlan], position: int, entry: Entry) -> dict[str, Any]:
    workload = entry.workload
    return {
        "fingerprint": claim.fingerprint,
        "position": position,
        "cluster": workload.cluster,
        "resource": workload.resource,
        "namespace": workload.namespace,
        "name": workload.name,
        "before": sa.null(),
        "why": "",
        "run_id": claim.run_id,
    }
