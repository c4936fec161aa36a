"""What the journals of collections, cut-overs and replications come to, counted for monitoring."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import sqlalchemy as sa

from resources.database.collection_journal import collections
from resources.database.cutover_journal import workloads
from resources.database.ledger_schema import plans
from resources.database.replication_journal import replicated_images, replications
from resources.database.times import maybe_from_micros

#: What a workload's line says that was recorded and of which nobody knows what became.
NOBODY_KNOWS = "unknown"


@dataclass(frozen=True, slots=True)
class RuleStanding:
    """How one replication stands. `failing_since` is None while its last run ended well."""

    name: str
    ended_well_at: datetime | None
    failing_since: datetime | None


@dataclass(frozen=True)
class JournalTotals:
    """Counts by their labels; what is not among them is zero."""

    collections: Mapping[tuple[str, str], int] = field(default_factory=dict)  #: registry; succeeded, failed
    freed_bytes: Mapping[str, int] = field(default_factory=dict)  #: registry; of those that told it
    workloads: Mapping[tuple[str, str], int] = field(default_factory=dict)  #: cut-over, outcome
    returned: Mapping[str, int] = field(default_factory=dict)  #: cut-over; workloads that a rollback returned
    replicated: Mapping[tuple[str, str], int] = field(default_factory=dict)  #: rule, word of the last try at each image
    rules: tuple[RuleStanding, ...] = ()


def count_journals(connection: sa.Connection) -> JournalTotals:
    ended: dict[tuple[str, str], int] = {}
    freed: dict[str, int] = {}
    query = (
        sa.select(plans.c.subject, collections.c.succeeded, sa.func.count(), sa.func.sum(collections.c.freed_bytes))
        .join_from(collections, plans, plans.c.fingerprint == collections.c.fingerprint)
        .where(collections.c.ended_at.is_not(None))
        .group_by(plans.c.subject, collections.c.succeeded)
    )
    for subject, succeeded, count, freed_bytes in connection.execute(query):
        word = "succeeded" if succeeded else "failed"
        ended[subject, word] = ended.get((subject, word), 0) + count
        freed[subject] = freed.get(subject, 0) + int(freed_bytes or 0)
    moved = (
        sa.select(plans.c.subject, workloads.c.outcome, sa.func.count(), sa.func.count(workloads.c.returned_at))
        .join_from(workloads, plans, plans.c.fingerprint == workloads.c.fingerprint)
        .group_by(plans.c.subject, workloads.c.outcome)
    )
    rows = connection.execute(moved).all()
    returned: dict[str, int] = {}
    for subject, _, _, back in rows:
        returned[subject] = returned.get(subject, 0) + back
    tries = sa.select(replicated_images.c.name, replicated_images.c.word, sa.func.count())
    standing = sa.select(replications.c.name, replications.c.ended_well_at, replications.c.failing_since)
    return JournalTotals(
        collections=ended,
        freed_bytes=freed,
        workloads={(subject, outcome or NOBODY_KNOWS): count for subject, outcome, count, _ in rows},
        returned=returned,
        replicated={
            (name, word): count
            for name, word, count in connection.execute(
                tries.group_by(replicated_images.c.name, replicated_images.c.word)
            )
        },
        rules=tuple(
            RuleStanding(name, maybe_from_micros(well), maybe_from_micros(failing))
            for name, well, failing in connection.execute(standing.order_by(replications.c.name))
        ),
    )
