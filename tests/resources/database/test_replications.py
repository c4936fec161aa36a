"""What replications came to, and rules that stand: in the two databases."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from registry_core.approval import Approval, ApprovalRules, Approver
from registry_core.copy_rule import CopyRule, Selection
from registry_core.errors import ApprovalMissing, Refused
from registry_core.replication import ReplicationRule
from registry_core.replication_status import ReplicatedImage
from resources.database.history import History
from resources.database.ledger_records import Claim
from tests.plans import approved, claimed, entry, plan_of

NOW = datetime(2026, 4, 1, 12, tzinfo=UTC)
RULE = ReplicationRule(CopyRule(name="copy", source="ours", destination="theirs", selection=Selection(all=True)))
ANYBODY = ApprovalRules()


def image(digest: str, *tags: str, at: datetime = NOW, word: Any = "copied") -> ReplicatedImage:
    return ReplicatedImage(
        repository="web", digest=digest, to_repository="mirror/web", tags=tags, word=word, why="", since=at, at=at,
        run_id="run", sent_bytes=10,
    )  # fmt: skip


def filed(history: History, rule: ReplicationRule = RULE) -> None:
    history.ledger.save_plan(rule, made_at=NOW)


def decide(history: History, decision: Any = "approve", who: str = "Alice", *, rule: ReplicationRule = RULE) -> None:
    approval = Approval(
        fingerprint=rule.fingerprint, decision=decision, who=who, at=NOW, reason="agreed", count=1,
        expires_at=NOW + timedelta(hours=24),
    )  # fmt: skip
    history.ledger.file_decision(approval, ANYBODY)


def holding(
    history: History, rule: ReplicationRule = RULE, run_id: str = "run"
) -> AbstractContextManager[Claim[ReplicationRule]]:
    """A rule that was approved, held by a run; nobody else is known to live."""
    if history.ledger.standing(rule, ANYBODY) == "waiting":
        filed(history, rule)
        decide(history, rule=rule)
    return history.ledger.held(rule, run_id, rules=ANYBODY, holder_is_alive=lambda _: False)


def test_a_run_that_was_taken_for_dead_writes_nothing_more(history: History) -> None:
    journal = history.replications
    with holding(history, run_id="slow") as slow:
        with holding(history, run_id="next") as following:
            with pytest.raises(Refused, match="slow no longer holds"):
                journal.begin_tags(slow, [image("a", "v1")])
            with pytest.raises(Refused, match="slow no longer holds"):
                journal.note(slow, [image("a", "v1")])
            journal.note(following, [image("b", "v1")])
        assert history.ledger.record(RULE.fingerprint).state == "approved"
    assert {put.digest for put in journal.journal("copy").tags} == {"b"}


def test_a_run_that_was_taken_for_dead_writes_nothing_beside_an_eviction_either(history: History) -> None:
    plan = approved(history.ledger, plan_of([entry(1)], registry="theirs"))
    with holding(history) as slow:
        claimed(history.ledger, plan, holder_is_alive=lambda _: False)
        with pytest.raises(Refused, match="run no longer holds"):
            history.replications.note(slow, [image("a", "v1")])


def test_a_rule_can_be_rejected_while_a_run_copies_by_it_and_that_run_ends(history: History) -> None:
    with holding(history) as claim:
        history.replications.note(claim, [image("a", "v1")])
        decide(history, "reject")
        with pytest.raises(Refused, match="was rejected or replaced meanwhile"):
            history.replications.note(claim, [image("b", "v2")])
    assert history.ledger.standing(RULE, ANYBODY) == "rejected"
    assert history.ledger.record(RULE.fingerprint).holder is None
    other = ReplicationRule(replace(RULE.rule, name="other"))
    with holding(history, other):
        pass  # the destination is free for what comes next


def test_where_a_tag_was_to_be_put_is_known_until_a_run_tells_how_that_ended(history: History) -> None:
    journal = history.replications
    signed = replace(image("a", "v1"), signature_tags={"sha256-a.sig": "s"})
    with holding(history) as claim:
        journal.begin_tags(claim, [signed, image("b", "v1")])
        journal.begin_tags(claim, [signed])
        begun = journal.journal("copy").begun
        assert {(put.tag, put.digest) for put in begun} == {("v1", "a"), ("v1", "b"), ("sha256-a.sig", "s")}
        journal.note(claim, [signed])
    found = journal.journal("copy")
    assert {put.tag: put.digest for put in found.tags} == {"v1": "a", "sha256-a.sig": "s"}
    assert found.begun == []


def test_images_and_tags_are_written_once_and_read_back(history: History) -> None:
    journal = history.replications
    other = ReplicationRule(replace(RULE.rule, name="other", destination="third"))
    later = NOW + timedelta(hours=1)
    with holding(history) as ours, holding(history, other) as theirs:
        journal.note(ours, [image("a", "v1", "latest"), image("b", "v2", word="failed")])
        journal.note(theirs, [image("z", "v9")])
        journal.note(ours, [image("b", "v2", "latest", at=later)])
    found = journal.journal("copy")
    assert {one.digest: (one.tags, one.word, one.at) for one in found.images} == {
        "a": (("v1", "latest"), "copied", NOW),
        "b": (("v2", "latest"), "copied", later),
    }
    assert {put.tag: put.digest for put in found.tags} == {"v1": "a", "latest": "b", "v2": "b"}


def test_failing_since_is_when_it_began_to_fail(history: History) -> None:
    journal = history.replications
    assert journal.runs("copy") is None
    times = [NOW + timedelta(hours=number) for number in range(4)]
    for at, why in zip(times, ["", "down", "still down", ""], strict=True):
        journal.begin("copy", trigger="event", at=at)
        journal.end("copy", at=at, why=why, copied=3)
        found = journal.runs("copy")
        assert found is not None
        assert found.failing_since == (times[1] if why else None)
        assert found.why == why
        assert found.ended_well_at == (times[0] if why else at)


def test_a_rule_stands_only_after_a_decision_and_as_long_as_its_approver_may_approve(history: History) -> None:
    assert history.ledger.standing(RULE, ANYBODY) == "waiting"
    filed(history)
    assert history.ledger.standing(RULE, ANYBODY) == "waiting"
    decide(history)
    assert history.ledger.standing(RULE, ANYBODY) == "in force"
    assert history.ledger.standing(RULE, ApprovalRules((Approver("Bob"),))) == "waiting"
    assert history.ledger.standing(ReplicationRule(RULE.rule, revision=2), ANYBODY) == "waiting"


def test_an_approval_of_a_rule_does_not_expire_and_a_run_does_not_use_it_up(history: History) -> None:
    filed(history)
    decide(history)
    much_later = NOW + timedelta(days=800)
    for run in ("first", "second"):
        with history.ledger.held(RULE, run, rules=ANYBODY, holder_is_alive=lambda _: True, now=much_later):
            assert history.ledger.record(RULE.fingerprint).state == "executing"
    assert history.ledger.record(RULE.fingerprint).state == "approved"


def test_one_run_at_a_time_holds_a_rule_and_a_dead_one_is_replaced(history: History) -> None:
    filed(history)
    decide(history)
    with history.ledger.held(RULE, "first", rules=ANYBODY, holder_is_alive=lambda _: True):
        with (
            pytest.raises(Refused, match="the run first works on"),
            history.ledger.held(RULE, "second", rules=ANYBODY, holder_is_alive=lambda _: True),
        ):
            raise AssertionError("both hold it")
        with history.ledger.held(RULE, "second", rules=ANYBODY, holder_is_alive=lambda holder: holder != "first"):
            assert history.ledger.record(RULE.fingerprint).holder == "second"


def test_a_rule_that_was_rejected_is_not_held(history: History) -> None:
    filed(history)
    decide(history)
    decide(history, "reject", "Bob")
    assert history.ledger.standing(RULE, ANYBODY) == "rejected"
    with (
        pytest.raises(ApprovalMissing, match=r"was rejected or replaced \(Bob: agreed\)"),
        history.ledger.held(RULE, "run", rules=ANYBODY, holder_is_alive=lambda _: True),
    ):
        raise AssertionError("it is held")


def test_no_plan_is_carried_out_at_a_registry_while_a_replication_copies_there(history: History) -> None:
    filed(history)
    decide(history)
    ledger = history.ledger
    eviction = approved(ledger, plan_of([entry(1)], registry="theirs"))
    elsewhere = approved(ledger, plan_of([entry(1)], registry="ours"))
    with ledger.held(RULE, "copying", rules=ANYBODY, holder_is_alive=lambda _: True):
        with pytest.raises(Refused, match="the run copying works on a replication rule"):
            claimed(ledger, eviction, holder_is_alive=lambda _: True)
        claimed(ledger, elsewhere)
    claim = claimed(ledger, eviction)
    with (
        pytest.raises(Refused, match="works on an eviction plan"),
        ledger.held(RULE, "copying", rules=ANYBODY, holder_is_alive=lambda _: True),
    ):
        raise AssertionError("both work there")
    ledger.finish(claim, "done")
    with ledger.held(RULE, "copying", rules=ANYBODY, holder_is_alive=lambda _: True):
        assert ledger.record(RULE.fingerprint).holder == "copying"


def test_a_rule_that_is_changed_back_waits_for_another_decision(history: History) -> None:
    changed = ReplicationRule(replace(RULE.rule, on_conflict="overwrite"))
    filed(history)
    decide(history)
    filed(history, changed)
    assert history.ledger.standing(RULE, ANYBODY) == "in force", "nobody has decided over the change"
    decide(history, rule=changed)
    assert history.ledger.standing(changed, ANYBODY) == "in force"
    assert history.ledger.standing(RULE, ANYBODY) == "rejected"
    assert "replaced by the rule" in history.ledger.record(RULE.fingerprint).why


def test_an_approval_that_would_not_be_believed_today_keeps_no_rule_in_force(history: History) -> None:
    filed(history)
    decide(history)
    assert history.ledger.standing(RULE, ApprovalRules((Approver("Alice"),))) == "in force"
    assert history.ledger.standing(RULE, ApprovalRules((Approver("Alice", needs_code=True),))) == "waiting"
    assert history.ledger.standing(RULE, ApprovalRules(sign_in_needed=True)) == "waiting"
