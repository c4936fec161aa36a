"""The journal of a cut-over keeps what a workload was before its patch; a run that was replaced writes nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from registry_core.approval import Approval
from registry_core.cutover import CutoverPlan
from registry_core.cutover_entries import PullSecret
from registry_core.cutover_outcome import CUTOVER_WORDS, CutoverOutcome
from registry_core.errors import Refused
from resources.database.cutover_journal import CUTOVER_JOURNAL_COLUMNS, MadeSecret
from resources.database.ledger import Ledger
from resources.database.ledger_records import Claim
from tests.kubernetes import OLD_HOST, deployment
from tests.plans import ANYBODY
from tests.registry_core.cutovers import AS_OF, plan_of

BEFORE: dict[str, Any] = {"uid": "u", "resourceVersion": "10", "images": {".spec": f"{OLD_HOST}/a:1"}}
SECRET = PullSecret("production", "shop", "new-pull", "new.example.com")


def claimed(ledger: Ledger, run_id: str = "run 1", *, name: str = "move") -> Claim[CutoverPlan]:
    plan = plan_of(deployment("a", f"{OLD_HOST}/a:1"), deployment("b", f"{OLD_HOST}/b:1"), name=name)
    ledger.save_plan(plan, made_at=AS_OF)
    approval = Approval(
        fingerprint=plan.fingerprint, decision="approve", who="Ada", at=AS_OF, reason="we move", count=2,
        expires_at=AS_OF + timedelta(hours=24),
    )  # fmt: skip
    if not ledger.approvals(plan.fingerprint):
        ledger.file_decision(approval, ANYBODY)
    return ledger.claim(
        plan.fingerprint, run_id, CutoverPlan, rules=ANYBODY, holder_is_alive=lambda _: False,
        now=AS_OF + timedelta(hours=1),
    )  # fmt: skip


def test_a_workload_is_recorded_patched_and_ended(ledger: Ledger) -> None:
    claim, journal = claimed(ledger), ledger.cutovers
    journal.record(claim, 1, BEFORE)
    line = journal.lines(claim.fingerprint)[1]
    assert (line.before, line.outcome, line.patched_at, line.may_be_changed) == (BEFORE, None, None, True)
    journal.patched(claim, 1)
    journal.ended(claim, 1, CutoverOutcome("changed"))
    line = journal.lines(claim.fingerprint)[1]
    assert line.outcome == CutoverOutcome("changed")
    assert (line.patched_at is not None, line.may_be_changed) == (True, True)
    journal.returned(claim.fingerprint, 1, run_id="back")
    assert not journal.lines(claim.fingerprint)[1].may_be_changed


def test_a_workload_that_was_returned_and_is_changed_again_can_be_returned_again(ledger: Ledger) -> None:
    claim, journal = claimed(ledger), ledger.cutovers
    journal.record(claim, 1, BEFORE)
    journal.not_returned(claim.fingerprint, 1, "the cluster was away")
    journal.returned(claim.fingerprint, 1, run_id="back")
    journal.record(claim, 1, BEFORE)
    assert journal.lines(claim.fingerprint)[1].may_be_changed
    row = journal.frame(claim.fingerprint).iloc[0]
    assert (row["returned_by"], row["not_returned"]) == (None, None)


def test_a_plan_that_is_taken_back_ends_and_its_run_writes_nothing_more(ledger: Ledger) -> None:
    claim = claimed(ledger)
    with pytest.raises(Refused, match="the run run 1 carries out the plan"):
        ledger.take_back(claim.fingerprint, "back", CutoverPlan, holder_is_alive=lambda _: True)
    stored = ledger.take_back(claim.fingerprint[:10], "back", CutoverPlan, holder_is_alive=lambda _: False)
    assert stored.plan == claim.plan
    record = ledger.record(claim.fingerprint)
    assert (record.state, record.holder, record.why) == ("stopped", None, "rolled back by back")
    with pytest.raises(Refused, match="no longer holds the plan"):
        ledger.cutovers.record(claim, 0, BEFORE)
    ledger.take_back(claim.fingerprint, "again", CutoverPlan, holder_is_alive=lambda _: True)
    assert ledger.record(claim.fingerprint).why == "rolled back by back"


def test_what_was_never_recorded_is_never_returned(ledger: Ledger) -> None:
    claim, journal = claimed(ledger), ledger.cutovers
    journal.ended(claim, 0, CutoverOutcome("refused by cluster", "403\x00: no"))
    line = journal.lines(claim.fingerprint)[0]
    assert (line.before, line.may_be_changed) == (None, False)
    assert line.outcome is not None
    assert "\x00" not in line.outcome.why


@pytest.mark.parametrize("word", CUTOVER_WORDS)
def test_every_outcome_can_be_written(ledger: Ledger, word: Any) -> None:
    claim = claimed(ledger)
    ledger.cutovers.record(claim, 0, BEFORE)
    ledger.cutovers.ended(claim, 0, CutoverOutcome(word, "why"))
    line = ledger.cutovers.lines(claim.fingerprint)[0]
    assert line.outcome == CutoverOutcome(word, "why")
    assert line.may_be_changed is (word in ("changed", "failed"))


def test_recorded_again_means_not_known_again(ledger: Ledger) -> None:
    claim, journal = claimed(ledger), ledger.cutovers
    journal.record(claim, 0, BEFORE)
    journal.failing(claim, 0, "it never got ready")
    assert journal.lines(claim.fingerprint)[0].failing == "it never got ready"
    journal.ended(claim, 0, CutoverOutcome("failed", "x"))
    journal.record(claim, 0, {**BEFORE, "resourceVersion": "11"})
    line = journal.lines(claim.fingerprint)[0]
    assert (line.outcome, line.failing) == (None, None)
    assert line.before == {**BEFORE, "resourceVersion": "11"}


def test_a_run_that_was_replaced_writes_nothing_more(ledger: Ledger) -> None:
    lost, journal = claimed(ledger, "run 1"), ledger.cutovers
    journal.record(lost, 0, BEFORE)
    claimed(ledger, "run 2")
    late: tuple[Callable[[], None], ...] = (
        lambda: journal.record(lost, 0, {}),
        lambda: journal.patched(lost, 0),
        lambda: journal.failing(lost, 0, "x"),
        lambda: journal.ended(lost, 0, CutoverOutcome("changed")),
        lambda: journal.secret_made(lost, SECRET, "u"),
    )
    for write in late:
        with pytest.raises(Refused, match="no longer holds the plan"):
            write()
    assert journal.lines(lost.fingerprint)[0].before == BEFORE
    assert journal.secrets(lost.fingerprint) == []


def test_secrets_that_were_made_are_known_until_they_are_taken_away(ledger: Ledger) -> None:
    claim, journal = claimed(ledger), ledger.cutovers
    journal.secret_made(claim, SECRET, "u1")
    journal.secret_made(claim, SECRET, "u2")  # made anew, after somebody had deleted it
    (made,) = journal.secrets(claim.fingerprint)
    assert made == MadeSecret("production", "shop", "new-pull", "u2")
    journal.secret_removed(claim.fingerprint, made)
    assert journal.secrets(claim.fingerprint) == []


def test_a_secret_that_plans_share_is_known_of_each(ledger: Ledger) -> None:
    claim, journal = claimed(ledger), ledger.cutovers
    journal.secret_shared(claim, SECRET, "u1")
    assert journal.secrets(claim.fingerprint) == []  # no plan known here made it
    journal.secret_made(claim, SECRET, "u1")
    ledger.finish(claim, "done")
    other = claimed(ledger, name="other")
    journal.secret_shared(other, SECRET, "u1")
    (shared,) = journal.secrets(other.fingerprint)
    assert journal.sharers(other.fingerprint, shared) == [claim.fingerprint]
    journal.secret_removed(claim.fingerprint, shared)
    assert journal.sharers(other.fingerprint, shared) == []
    assert journal.secrets(claim.fingerprint) == []
    assert journal.secrets(claim.fingerprint, removed=True) == [shared]


def test_the_frame_has_its_columns_also_when_it_is_empty(ledger: Ledger) -> None:
    claim, journal = claimed(ledger), ledger.cutovers
    assert list(journal.frame(claim.fingerprint).columns) == list(CUTOVER_JOURNAL_COLUMNS)
    journal.record(claim, 0, BEFORE)
    journal.not_returned(claim.fingerprint, 0, "somebody changed it")
    (row,) = journal.frame(claim.fingerprint).to_dict("records")
    assert (row["outcome"], row["name"], row["not_returned"]) == (None, "a", "somebody changed it")
    assert str(journal.frame(claim.fingerprint)["recorded_at"].dtype) == "datetime64[us, UTC]"
