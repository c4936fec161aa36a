"""What monitoring counts of plans, journals and snapshots, on SQLite and PostgreSQL."""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa

from registry_core.coverage import Coverage, Gap
from registry_core.eviction_outcome import ALREADY_GONE, DELETED, EntryOutcome
from resources.database.collection_journal import collections
from resources.database.connection import Database
from resources.database.copy_journal import copies
from resources.database.cutover_journal import workloads
from resources.database.history import History
from resources.database.ledger import Ledger
from resources.database.ledger_records import EntryEnded
from resources.database.totals import Totals, TotalsReader
from tests.plans import NOON, approved, claimed, entry, plan_of
from tests.resources.database.test_ledger import kept_image

HOUR = timedelta(hours=1)
SOON = NOON + 2 * HOUR


def read(history: History) -> Totals:
    return history.totals_reader().read(now=SOON)


def gap(fault: str, *, excused: bool = False) -> Gap:
    return Gap(f"team/{fault}", fault, "it answered so", excused)  # type: ignore[arg-type]


def catalog(history: History, *gaps: Gap, registry: str = "main", hours: int = 0) -> None:
    with history.begin("catalog", registry, NOON + hours * HOUR) as writer:
        writer.finish(Coverage(3, 3 - len(gaps), {}, gaps))


def test_nothing_was_done_in_an_empty_history(history: History) -> None:
    assert read(history) == Totals()


def test_plans_are_counted_by_kind_subject_and_state_with_their_sizes(history: History, ledger: Ledger) -> None:
    ledger.save_plan(plan_of([entry(1)]), made_at=NOON)
    ledger.save_plan(plan_of([entry(2), entry(3)]), made_at=NOON + HOUR)
    ledger.save_plan(plan_of([entry(4)], registry="other"), made_at=NOON)
    approved(ledger, plan_of([entry(5)], registry="other"))
    totals = read(history)
    assert totals.plans == {
        ("eviction", "main", "superseded"): 1,
        ("eviction", "main", "waiting"): 1,
        ("eviction", "other", "superseded"): 1,
        ("eviction", "other", "approved"): 1,
    }
    assert totals.counted["eviction", "main", "waiting"] == 2
    assert [(one.subject, one.counted) for one in totals.newest] == [("main", 2), ("other", 1)]


def test_a_plan_with_nothing_to_do_is_not_counted_among_those_that_wait(history: History, ledger: Ledger) -> None:
    ledger.save_plan(plan_of([]), made_at=NOON)
    assert read(history).plans == {("eviction", "main", "nothing to do"): 1}


def test_a_plan_that_became_too_old_is_counted_as_expired(history: History, ledger: Ledger) -> None:
    ledger.save_plan(plan_of([entry(1)], max_plan_age=HOUR), made_at=NOON)
    assert read(history).plans == {("eviction", "main", "expired"): 1}


def test_entries_are_counted_by_what_became_of_them_and_asked_back(history: History, ledger: Ledger) -> None:
    plan = approved(ledger, plan_of([entry(number) for number in range(5)]))
    claim = claimed(ledger, plan)
    ledger.journal_before(claim, [kept_image(0), kept_image(3), kept_image(4)])
    ledger.journal_after(claim, [
        EntryEnded(0, kept_image(0).entry, DELETED),
        EntryEnded(1, entry(1), ALREADY_GONE),
        EntryEnded(2, entry(2), EntryOutcome("spared", "now in use")),
        EntryEnded(4, kept_image(4).entry, EntryOutcome("failed", "the registry was away")),
    ])  # fmt: skip
    ledger.mark_restored(plan.fingerprint, [0], run_id="back", at=SOON)
    totals = read(history)
    assert totals.evicted == {
        ("main", "delete", "deleted"): 1,
        ("main", "delete", "already gone"): 1,
        ("main", "delete", "spared"): 1,
        ("main", "delete", "failed"): 1,
        ("main", "delete", "unknown"): 1,
    }
    assert totals.restored == {"main": 1}
    ledger.journal_after(claim, [EntryEnded(4, kept_image(4).entry, DELETED)])
    assert read(history).evicted["main", "delete", "deleted"] == 2


def test_copies_are_counted_by_migration_with_the_bytes_of_those_that_arrived(
    history: History, ledger: Ledger, url: str
) -> None:
    plan = plan_of([entry(1)], registry="move")
    ledger.save_plan(plan, made_at=NOON)
    row = {"fingerprint": plan.fingerprint, "repository": "a", "to_repository": "b", "digest": "sha256:0", "tags": [],
           "why": "", "sent_blobs": 1, "mounted_blobs": 0, "seconds": 1.0, "ended_at": 1, "run_id": "run"}  # fmt: skip
    ended = (("copied", 100), ("copied", 50), ("already there", 0), ("failed", 7))
    with Database(url).writing("tell of copies") as connection:
        rows = [
            {**row, "position": number, "outcome": word, "sent_bytes": sent}
            for number, (word, sent) in enumerate(ended)
        ]
        connection.execute(sa.insert(copies), rows)
    totals = read(history)
    assert totals.copied == {("move", "copied"): 2, ("move", "already there"): 1, ("move", "failed"): 1}
    assert totals.sent_bytes == {"move": 150}


def test_collections_cutovers_and_replications_are_counted_as_their_journals_stand(
    history: History, ledger: Ledger, url: str
) -> None:
    plan, failed = plan_of([entry(1)]), plan_of([entry(2)])
    for one in (plan, failed):
        ledger.save_plan(one, made_at=NOON)
    of = {"fingerprint": plan.fingerprint, "run_id": "run"}
    where = {"cluster": "main", "resource": "v1 pods", "namespace": "shop", "why": ""}
    with Database(url).writing("tell what was done") as connection:
        ended = {"begun_at": 1, "ended_at": 2, "last_lines": ""}
        connection.execute(sa.insert(collections), [
            {**of, **ended, "freed_bytes": 70, "succeeded": True},
            {**of, **ended, "fingerprint": failed.fingerprint, "freed_bytes": None, "succeeded": False},
        ])  # fmt: skip
        connection.execute(sa.insert(workloads), [
            {**of, **where, "position": number, "name": f"w{number}", "outcome": outcome, "returned_at": returned}
            for number, (outcome, returned) in enumerate((("changed", 5), ("changed", None), (None, None)))
        ])  # fmt: skip
    rules = history.replications
    rules.begin("well", trigger="by hand", at=NOON)
    rules.end("well", at=NOON + HOUR)
    rules.begin("ill", trigger="by hand", at=NOON)
    rules.end("ill", at=NOON + HOUR, why="the source was away")
    journals = read(history).journals
    assert journals.collections == {("main", "succeeded"): 1, ("main", "failed"): 1}
    assert journals.freed_bytes == {"main": 70}
    assert journals.workloads == {("main", "changed"): 2, ("main", "unknown"): 1}
    assert journals.returned == {"main": 1}
    assert [(one.name, one.ended_well_at, one.failing_since) for one in journals.rules] == [
        ("ill", None, NOON + HOUR),
        ("well", NOON + HOUR, None),
    ]


def test_faults_add_up_over_all_snapshots_and_excused_ones_do_not_count(history: History) -> None:
    catalog(history, gap("throttled"), gap("missing", excused=True))
    catalog(history, gap("throttled"), gap("forbidden"), hours=1)
    catalog(history, hours=2)
    catalog(history, gap("unreachable"), registry="other")
    totals = read(history)
    assert totals.faults == {
        ("catalog", "main", "throttled"): 2,
        ("catalog", "main", "forbidden"): 1,
        ("catalog", "other", "unreachable"): 1,
    }
    assert totals.readings == {
        ("catalog", "main", "incomplete"): 2,
        ("catalog", "main", "complete"): 1,
        ("catalog", "other", "incomplete"): 1,
    }


def test_requests_of_crawls_add_up_and_older_snapshots_told_none(history: History) -> None:
    for hours, found in enumerate(({}, {"requests": 10, "requests throttled": 2}, {"requests": 5, "tags": 7})):
        with history.begin("catalog", "main", NOON + hours * HOUR) as writer:
            writer.finish(Coverage(1, 1, found))
    assert read(history).requests == {
        ("main", "requests"): 15,
        ("main", "requests throttled"): 2,
        ("main", "requests failed"): 0,
    }


def test_a_snapshot_that_began_before_and_is_stored_after_is_counted_once(history: History, monkeypatch) -> None:
    monkeypatch.setattr("resources.database.totals._OVERLAP", 0)
    reader = history.totals_reader()
    slow = history.begin("catalog", "slow", NOON)
    catalog(history, gap("throttled"))
    assert reader.read(now=SOON).faults == {("catalog", "main", "throttled"): 1}
    slow.finish(Coverage(1, 0, {}, (gap("unreachable"),)))
    expected = {("catalog", "main", "throttled"): 1, ("catalog", "slow", "unreachable"): 1}
    for _ in range(3):
        assert reader.read(now=SOON).faults == expected
    catalog(history, gap("throttled"), hours=1)
    assert reader.read(now=SOON).faults == {**expected, ("catalog", "main", "throttled"): 2}
    assert isinstance(reader, TotalsReader)
    assert history.totals_reader().read(now=SOON).faults == reader.read(now=SOON).faults
