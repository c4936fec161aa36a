"""The ledger on SQLite and PostgreSQL: plans filed and proven, decisions, claims, journals."""

from __future__ import annotations

import threading
import zlib
from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from registry_core.approval import ApprovalRules, Approver
from registry_core.errors import ApprovalMissing, DatabaseError, PlanStale, Refused, UnknownPlan
from registry_core.eviction import Plan
from registry_core.eviction_outcome import ALREADY_GONE, DELETED, EntryOutcome
from resources.database import connection as database_connection
from resources.database.connection import Database
from resources.database.history import History
from resources.database.ledger import Ledger
from resources.database.ledger_records import EntryEnded, KeptImage
from resources.database.ledger_schema import plan_documents
from tests.image_builder import make_image
from tests.plans import ANYBODY, NOON, approval_of, approved, claimed, entry, plan_of

HOUR = timedelta(hours=1)
SOON = NOON + 2 * HOUR


@pytest.fixture
def database(history: History, url: str) -> Database:
    history.migrate()
    return Database(url)


def kept_image(position: int = 0) -> KeptImage:
    image = make_image([f"layer {position}".encode()])
    return KeptImage(
        position=position,
        entry=entry(position, digest=image.digest),
        media_type=image.media_type,
        document=image.manifest_bytes,
        tags=("v1", "latest"),
        referrers=("sha256:" + "f" * 64,),
    )


# Plans


def test_a_plan_is_read_back_as_it_was_filed(ledger: Ledger) -> None:
    plan = plan_of([entry(1), entry(2, "team/other")])
    record = ledger.save_plan(plan, made_at=NOON + HOUR, run_id="run 7")
    assert (record.state, record.kind, record.subject, record.counted) == ("waiting", "eviction", "main", 2)
    assert record.figures == {
        "tags": 2, "image_bytes": 200, "stored_images": 1000, "repositories": 2, "broken_kept": 0, "broken_evicted": 0,
    }  # fmt: skip
    assert record.touches == ("registry main",)
    assert (record.run_id, record.made_at, record.good_until) == ("run 7", NOON + HOUR, NOON + 24 * HOUR)
    stored = ledger.plan(plan.fingerprint[:8], Plan, now=SOON)
    assert stored.plan == plan
    assert stored.record == record


def test_filing_a_plan_twice_leaves_the_first_record(ledger: Ledger) -> None:
    plan = plan_of([entry(1)])
    first = ledger.save_plan(plan, made_at=NOON, run_id="one")
    assert ledger.save_plan(plan, made_at=NOON + HOUR, run_id="two") == first
    assert len(ledger.plans()) == 1


def test_a_newer_plan_supersedes_those_of_its_registry_that_wait(ledger: Ledger) -> None:
    old, other = plan_of([entry(1)]), plan_of([entry(1)], registry="other")
    standing = plan_of([entry(9)])
    new = plan_of([entry(2)])
    approved(ledger, standing)
    for number, plan in enumerate((old, other, new)):
        ledger.save_plan(plan, made_at=NOON + number * HOUR)
    states = {record.fingerprint: record for record in ledger.plans(now=SOON)}
    assert states[old.fingerprint].state == "superseded"
    assert new.fingerprint[:12] in states[old.fingerprint].why
    assert [states[plan.fingerprint].state for plan in (other, standing, new)] == ["waiting", "approved", "waiting"]


def test_a_plan_that_was_made_earlier_and_comes_later_is_the_one_superseded(ledger: Ledger) -> None:
    old, new = plan_of([entry(1)]), plan_of([entry(2)])
    ledger.save_plan(new, made_at=NOON + HOUR)
    assert ledger.save_plan(old, made_at=NOON).state == "superseded"
    assert ledger.record(new.fingerprint, now=SOON).state == "waiting"


def test_a_plan_whose_evidence_is_too_old_is_told_as_expired(ledger: Ledger) -> None:
    plan = plan_of([entry(1)], max_plan_age=timedelta(hours=3))
    ledger.save_plan(plan, made_at=NOON)
    late = NOON + 4 * HOUR
    assert ledger.plans(states={"waiting"}, now=late) == []
    assert [record.state for record in ledger.plans("main", {"expired"}, now=late)] == ["expired"]
    assert [record.state for record in ledger.plans("main", {"waiting"}, now=SOON)] == ["waiting"]


def test_an_empty_plan_has_nothing_to_do_waits_for_no_decision_and_never_expires(ledger: Ledger) -> None:
    plan = plan_of([], max_plan_age=timedelta(hours=3))
    late = NOON + 4 * HOUR
    assert ledger.save_plan(plan, made_at=NOON).state == "nothing to do"
    for now in (SOON, late):
        assert [record.state for record in ledger.plans(now=now)] == ["nothing to do"]
        assert [record.state for record in ledger.plans(states={"nothing to do"}, now=now)] == ["nothing to do"]
        assert ledger.plans(states={"waiting", "expired", "approved"}, now=now) == []
    assert ledger.record(plan.fingerprint, now=SOON).validity == "nothing to decide"


def test_an_empty_plan_supersedes_what_waits_and_is_superseded(ledger: Ledger) -> None:
    old, empty, new = plan_of([entry(1)]), plan_of([]), plan_of([entry(2)])
    for number, plan in enumerate((old, empty)):
        ledger.save_plan(plan, made_at=NOON + number * HOUR)
    assert [ledger.record(plan.fingerprint, now=SOON).state for plan in (old, empty)] == ["superseded", "nothing to do"]
    ledger.save_plan(new, made_at=NOON + 2 * HOUR)
    assert [ledger.record(plan.fingerprint, now=SOON).state for plan in (empty, new)] == ["superseded", "waiting"]


def test_what_is_no_fingerprint_is_refused_in_a_sentence(ledger: Ledger) -> None:
    with pytest.raises(Refused, match="is no fingerprint of a plan: write 6 to 64"):
        ledger.plan("../etc", Plan)
    with pytest.raises(Refused, match="there is no plan 'abcdef'"):
        ledger.plan("abcdef", Plan)


def test_a_mistyped_fingerprint_is_answered_with_the_nearest(ledger: Ledger) -> None:
    record = ledger.save_plan(plan_of([entry(1)]), made_at=NOON)
    right = record.fingerprint[:12]
    swapped = right[0] + right[2] + right[1] + right[3:]
    other = "0" if right[5] != "0" else "1"
    for typed in (swapped, right[:5] + other + right[6:], right[:8] + "x", f"{right[:6]}{right[5:]}"):
        if record.fingerprint.startswith(typed):
            continue
        with pytest.raises(UnknownPlan, match=rf"nearest: {right}") as caught:
            ledger.plan(typed, Plan)
        assert caught.value.exit_code == 2


def test_a_beginning_that_several_plans_have_is_refused(ledger: Ledger, database: Database) -> None:
    ledger.save_plan(plan_of([entry(1)]), made_at=NOON)
    columns = "kind, subject, state, made_at, as_of, good_until, counted, entry_count, figures, touches"
    with database.writing("copy") as connection:
        for end in "ab":
            connection.exec_driver_sql(
                f"INSERT INTO plans (fingerprint, claim_number, why, {columns})"
                f" SELECT '{'5eed' * 15}000{end}', 0, '', {columns} FROM plans WHERE subject = 'main' LIMIT 1"
            )
    with pytest.raises(Refused, match=r"several plans begin with '5eed5eed' .*write more"):
        ledger.plan("5eed5eed", Plan)
    with pytest.raises(Refused, match="has lost its document"):
        ledger.plan("5eed" * 15 + "000a", Plan)


def test_a_plan_that_was_tampered_with_is_refused(ledger: Ledger, database: Database) -> None:
    plan = plan_of([entry(1)])
    ledger.save_plan(plan, made_at=NOON)
    more = plan_of([entry(1), entry(2)]).to_bytes()
    for document, told in (
        (zlib.compress(more), "it was changed, so nothing is done with it"),
        (zlib.compress(b'{"format": "another plan 7"}'), "its format is 'another plan 7'"),
        (b"no zlib", "is damaged in the database"),
    ):
        with database.writing("tamper") as connection:
            connection.execute(sa.update(plan_documents).values(document=document))
        with pytest.raises(Refused, match=told):
            ledger.plan(plan.fingerprint, Plan)
        with pytest.raises(Refused, match=told):
            ledger.file_decision(approval_of(plan), ANYBODY)


# Decisions


def test_an_approval_opens_the_plan_and_rings_the_bell(ledger: Ledger) -> None:
    plan = approved(ledger, plan_of([entry(1)]))
    assert ledger.approvals(plan.fingerprint) == [approval_of(plan)]
    assert [record.fingerprint for record in ledger.ready("eviction", now=SOON)] == [plan.fingerprint]
    assert ledger.ready("eviction", now=NOON + 25 * HOUR) == []


def test_a_rejection_ends_the_plan_with_its_reason(ledger: Ledger) -> None:
    plan = approved(ledger, plan_of([entry(1)]))
    record = ledger.file_decision(approval_of(plan, "Bo", decision="reject", reason="not now"), ANYBODY)
    assert (record.state, record.why) == ("rejected", "Bo: not now")
    assert ledger.ready("eviction", now=SOON) == []
    with pytest.raises(Refused, match="was rejected already"):
        ledger.file_decision(approval_of(plan), ANYBODY)
    with pytest.raises(ApprovalMissing, match="Bo rejected the plan"):
        claimed(ledger, plan)


def test_a_decision_that_is_refused_is_not_filed(ledger: Ledger) -> None:
    plan = plan_of([entry(1)])
    ledger.save_plan(plan, made_at=NOON)
    with pytest.raises(ApprovalMissing, match="the plan holds 1"):
        ledger.file_decision(approval_of(plan, count=2), ANYBODY)
    assert ledger.approvals(plan.fingerprint) == []
    assert ledger.record(plan.fingerprint, now=SOON).state == "waiting"


def test_a_large_plan_waits_for_a_second_person(ledger: Ledger) -> None:
    plan = plan_of([entry(1), entry(2)], second_person_above_images=1)
    ledger.save_plan(plan, made_at=NOON)
    first = ledger.file_decision(approval_of(plan), ANYBODY)
    assert first.state == "waiting"
    assert "needs a second person beside Ada" in first.why
    for who in ("Ada", "ada ", "ADA", "\uff21da", "A\u200bda"):
        with pytest.raises(ApprovalMissing, match="and a person approves it once; it needs a second person, because 2"):
            ledger.file_decision(approval_of(plan, who), ANYBODY)
    assert len(ledger.approvals(plan.fingerprint)) == 1
    assert ledger.ready("eviction", now=SOON) == []
    assert ledger.file_decision(approval_of(plan, "Bo"), ANYBODY).state == "approved"


def test_a_code_is_spent_once_even_by_a_decision_that_is_refused(ledger: Ledger) -> None:
    rules = ApprovalRules(approvers=(Approver("Ada", needs_code=True),))
    plan = plan_of([entry(1)])
    ledger.save_plan(plan, made_at=NOON)
    with pytest.raises(ApprovalMissing, match="the plan holds 1"):
        ledger.file_decision(approval_of(plan, count=5, code_counter=77), rules)
    with pytest.raises(ApprovalMissing, match="was used before"):
        ledger.file_decision(approval_of(plan, "ADA", code_counter=77), rules)
    assert ledger.file_decision(approval_of(plan, code_counter=78), rules).state == "approved"


def test_of_one_person_who_approves_in_two_spellings_at_once_only_one_approval_is_filed(
    url: str, ledger: Ledger
) -> None:
    plan = plan_of([entry(1), entry(2)], second_person_above_images=1)
    ledger.save_plan(plan, made_at=NOON)
    spellings = ("Ada", "ADA", " a\u200bda", "\uff21da")
    together, said = threading.Barrier(len(spellings)), []

    def approve(who: str) -> None:
        own = History.open(url)
        together.wait()
        try:
            said.append(own.ledger.file_decision(approval_of(plan, who), ANYBODY).state)
        except ApprovalMissing as error:
            said.append(str(error))
        own.close()

    threads = [threading.Thread(target=approve, args=(who,)) for who in spellings]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert said.count("waiting") == 1
    assert sum("a person approves it once" in text for text in said) == len(spellings) - 1
    assert len(ledger.approvals(plan.fingerprint)) == 1


def test_of_two_decisions_with_one_code_at_once_only_one_is_filed(url: str, ledger: Ledger) -> None:
    rules = ApprovalRules(approvers=(Approver("Ada", needs_code=True),))
    chosen = [plan_of([entry(number)], registry=f"registry {number}") for number in range(4)]
    for plan in chosen:
        ledger.save_plan(plan, made_at=NOON)
    together, said = threading.Barrier(len(chosen)), []

    def approve(plan: object) -> None:
        own = History.open(url)
        together.wait()
        try:
            said.append(own.ledger.file_decision(approval_of(plan, code_counter=5), rules).state)  # type: ignore[arg-type]
        except ApprovalMissing as error:
            said.append(str(error))
        own.close()

    threads = [threading.Thread(target=approve, args=(plan,)) for plan in chosen]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert said.count("approved") == 1
    assert sum("was used before" in text for text in said) == 3


# Claims


def test_nobody_claims_what_nobody_approved(ledger: Ledger) -> None:
    plan = plan_of([entry(1)])
    ledger.save_plan(plan, made_at=NOON)
    with pytest.raises(ApprovalMissing, match="nobody has approved the plan"):
        claimed(ledger, plan)


def test_the_lock_looks_at_the_approval_again(ledger: Ledger) -> None:
    plan = approved(ledger, plan_of([entry(1)]))
    with pytest.raises(PlanStale, match=r"limits\.max_plan_age"):
        claimed(ledger, plan, now=NOON + 25 * HOUR)
    with pytest.raises(ApprovalMissing, match="not among the approvers"):
        claimed(ledger, plan, rules=ApprovalRules(approvers=(Approver("Bo"),)))


def test_two_runs_of_one_plan_cannot_both_proceed(url: str, ledger: Ledger) -> None:
    plan = approved(ledger, plan_of([entry(1)]))
    together, said = threading.Barrier(4), []

    def run(number: int) -> None:
        own = History.open(url)
        together.wait()
        try:
            said.append(claimed(own.ledger, plan, f"run {number}").run_id)
        except Refused as error:
            said.append(str(error))
        own.close()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(text.startswith("run ") for text in said) == 1
    assert sum("works on this plan since" in text for text in said) == 3


def test_two_plans_of_one_registry_are_not_carried_out_at_once(ledger: Ledger) -> None:
    first, second = approved(ledger, plan_of([entry(1)])), approved(ledger, plan_of([entry(2)]))
    elsewhere = approved(ledger, plan_of([entry(2)], registry="other"))
    claimed(ledger, first)
    claimed(ledger, elsewhere, "run 3")
    with pytest.raises(
        Refused, match=f"works on an eviction plan .{first.fingerprint[:12]}. for the same registry main"
    ):
        claimed(ledger, second, "run 2")


def test_what_a_dead_run_began_is_taken_over_and_it_cannot_come_back(ledger: Ledger) -> None:
    plan = approved(ledger, plan_of([entry(0)]))
    dead = claimed(ledger, plan, "dead")
    heir = claimed(ledger, plan, "heir", holder_is_alive=lambda run: run != "dead")
    assert heir.resumed
    assert not dead.resumed
    for deed in (
        lambda: ledger.journal_before(dead, [kept_image()]),
        lambda: ledger.journal_after(dead, [EntryEnded(0, entry(0), DELETED)]),
        lambda: ledger.finish(dead, "done"),
        lambda: ledger.release(dead, "why"),
    ):
        with pytest.raises(Refused, match="it was taken for dead and replaced"):
            deed()
    assert ledger.lines(plan.fingerprint) == []
    ledger.journal_before(heir, [kept_image()])


def test_a_run_that_claims_its_own_plan_again_goes_on_with_it(ledger: Ledger) -> None:
    """A step that Dagster retries has the same run id, and that run is alive."""
    plan = approved(ledger, plan_of([entry(0)]))
    first = claimed(ledger, plan, "run 1", holder_is_alive=lambda _: True)
    again = claimed(ledger, plan, "run 1", holder_is_alive=lambda _: True)
    assert again.resumed
    ledger.journal_before(again, [kept_image()])
    with pytest.raises(Refused, match="no longer holds the plan"):
        ledger.journal_before(first, [kept_image()])
    with pytest.raises(Refused, match="works on this plan since"):
        claimed(ledger, plan, "run 2", holder_is_alive=lambda _: True)


def test_a_used_plan_is_used(ledger: Ledger) -> None:
    plan = approved(ledger, plan_of([entry(1)]))
    assert ledger.finish(claimed(ledger, plan), "done").state == "done"
    with pytest.raises(ApprovalMissing, match="was used already"):
        claimed(ledger, plan, "run 2")
    with pytest.raises(Refused, match="a plan is used once"):
        ledger.file_decision(approval_of(plan), ANYBODY)


def test_a_released_plan_may_be_taken_up_again(ledger: Ledger) -> None:
    plan = approved(ledger, plan_of([entry(1)]))
    ledger.release(claimed(ledger, plan), "the registry was away")
    record = ledger.record(plan.fingerprint, now=SOON)
    assert (record.state, record.holder, record.why) == ("executing", None, "the registry was away")
    assert ledger.ready("eviction", now=SOON) == []
    assert claimed(ledger, plan, "run 2").resumed


def test_an_interrupted_plan_that_has_become_too_old_is_told_as_stopped(ledger: Ledger) -> None:
    plan = approved(ledger, plan_of([entry(1)]))
    ledger.release(claimed(ledger, plan), "the registry was away")
    late = NOON + 25 * HOUR
    assert [record.state for record in ledger.plans(states={"stopped"}, now=late)] == ["stopped"]
    assert ledger.plans(states={"executing"}, now=late) == []
    assert [record.state for record in ledger.plans(states={"executing"}, now=SOON)] == ["executing"]


# Journal


def test_the_journal_keeps_what_restores_an_image(ledger: Ledger) -> None:
    plan = approved(ledger, plan_of([entry(0)]))
    claim, kept = claimed(ledger, plan), kept_image()
    ledger.journal_before(claim, [kept])
    (line,) = ledger.lines(plan.fingerprint)
    assert (line.tags, line.referrers, line.media_type) == (kept.tags, kept.referrers, kept.media_type)
    assert line.kept_at is not None
    assert line.outcome is None
    assert dict(ledger.kept_documents([kept.entry.digest])) == {kept.entry.digest: kept.document}
    ledger.journal_after(claim, [EntryEnded(0, kept.entry, DELETED)])
    (line,) = ledger.lines(plan.fingerprint)
    assert (line.outcome, line.tags, line.referrers) == (DELETED, kept.tags, kept.referrers)


def test_a_manifest_that_could_not_be_proven_later_is_not_kept(ledger: Ledger) -> None:
    claim = claimed(ledger, approved(ledger, plan_of([entry(0)])))
    with pytest.raises(ValueError, match="has another digest"):
        ledger.journal_before(claim, [replace(kept_image(), document=b"{}")])


def test_the_journal_as_a_frame_tells_each_outcome(ledger: Ledger) -> None:
    plan = approved(ledger, plan_of([entry(number) for number in range(4)]))
    claim = claimed(ledger, plan)
    ledger.journal_before(claim, [kept_image(0), kept_image(3)])
    ledger.journal_after(claim, [
        EntryEnded(0, kept_image(0).entry, EntryOutcome("refused by registry", "DENIED")),
        EntryEnded(1, entry(1), ALREADY_GONE),
        EntryEnded(2, entry(2), EntryOutcome("spared", "now in use by production web\x00")),
    ])  # fmt: skip
    frame = ledger.journal(plan.fingerprint)
    assert frame["position"].tolist() == [0, 1, 2, 3]
    assert frame["outcome"].tolist() == ["refused by registry", "already gone", "spared", None]
    assert frame["kept_at"].notna().tolist() == [True, False, False, True]
    assert frame["why"].tolist()[:2] == ["DENIED", ""]
    ledger.mark_restored(plan.fingerprint, [0], run_id="back", at=SOON)
    assert ledger.journal(plan.fingerprint)["restored_by"].tolist() == ["back", None, None, None]
    assert str(frame["kept_at"].dtype) == "datetime64[us, UTC]"


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)  # PostgreSQL has no lock over the whole database
def test_a_locked_database_is_told_as_something_that_passes(
    url: str, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = approved(ledger, plan_of([entry(0)]))
    claim = claimed(ledger, plan)
    monkeypatch.setattr(database_connection, "_SQLITE_BUSY_SECONDS", 0.1)
    hasty = Ledger(Database(url))
    with Database(url).writing("hold it"), pytest.raises(DatabaseError, match="kept it locked") as told:
        hasty.journal_before(claim, [kept_image()])
    assert told.value.retryable
    assert ledger.lines(plan.fingerprint) == []


def test_whether_a_registry_ever_deleted_anything_is_known_from_all_its_plans(ledger: Ledger) -> None:
    plan = approved(ledger, plan_of([entry(0), entry(1)]))
    claim = claimed(ledger, plan)
    assert not ledger.has_deleted("main")
    ledger.journal_after(
        claim,
        [
            EntryEnded(0, entry(0), EntryOutcome("refused by registry", "UNSUPPORTED")),
            EntryEnded(1, entry(1), EntryOutcome("already gone")),
        ],
    )
    assert not ledger.has_deleted("main")
    ledger.journal_after(claim, [EntryEnded(1, entry(1), DELETED)])
    assert ledger.has_deleted("main")
    assert not ledger.has_deleted("other")
