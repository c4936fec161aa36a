"""One-time codes cannot be guessed: wrong ones are counted, whatever process they come from."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest

from registry_core.approval import ApprovalRules, Approver
from registry_core.approval_codes import MOST_WRONG_CODES, WRONG_CODES_WITHIN
from registry_core.errors import ApprovalMissing, WrongCode
from registry_core.eviction import Plan
from resources.database.history import History
from resources.database.ledger import Ledger
from tests.plans import NOON, approval_of, entry, plan_of

RULES = ApprovalRules(approvers=(Approver("Ada", needs_code=True), Approver("Bo", needs_code=True)))
AT = NOON + timedelta(minutes=1)


@pytest.fixture
def plan(ledger: Ledger) -> Plan:
    plan = plan_of([entry(1)])
    ledger.save_plan(plan, made_at=NOON)
    return plan


def guess(ledger: Ledger, plan: Plan, who: str = "Ada", *, after: timedelta = timedelta(0)) -> str:
    with pytest.raises(ApprovalMissing) as caught:
        ledger.file_decision(approval_of(plan, who, at=AT + after), RULES, code_was_wrong=True)
    return str(caught.value)


def lock_out(ledger: Ledger, plan: Plan) -> None:
    for _ in range(MOST_WRONG_CODES):
        assert "is wrong" in guess(ledger, plan)


def test_after_too_many_wrong_codes_a_right_one_does_not_help_and_is_spent(ledger: Ledger, plan: Plan) -> None:
    lock_out(ledger, plan)
    with pytest.raises(ApprovalMissing, match=r"until 20\d\d-.* UTC \(for 15 minutes\), a right one neither"):
        ledger.file_decision(approval_of(plan, at=AT, code_counter=77), RULES)
    later = AT + WRONG_CODES_WITHIN
    with pytest.raises(ApprovalMissing, match="was used before"):
        ledger.file_decision(approval_of(plan, at=later, code_counter=77), RULES)
    assert ledger.file_decision(approval_of(plan, at=later, code_counter=78), RULES).state == "approved"


def test_guesses_of_a_locked_out_person_do_not_make_it_longer(ledger: Ledger, plan: Plan) -> None:
    lock_out(ledger, plan)
    for minute in range(1, 15):
        assert "none is believed until" in guess(ledger, plan, after=timedelta(minutes=minute))
    later = approval_of(plan, at=AT + WRONG_CODES_WITHIN, code_counter=78)
    assert ledger.file_decision(later, RULES).state == "approved"


def test_capitals_and_spaces_make_nobody_another_person(ledger: Ledger, plan: Plan) -> None:
    for who in ("Ada", "ADA", " ada ", "aDa", "Ada"):
        guess(ledger, plan, who)
    assert "none is believed until" in guess(ledger, plan, "adA")


def test_others_are_not_locked_out(ledger: Ledger, plan: Plan) -> None:
    lock_out(ledger, plan)
    assert ledger.file_decision(approval_of(plan, "Bo", at=AT, code_counter=78), RULES).state == "approved"


def test_wrong_codes_of_long_ago_do_not_count(ledger: Ledger, plan: Plan) -> None:
    for minute in range(12):
        assert "is wrong" in guess(ledger, plan, after=timedelta(minutes=4 * minute))


def test_a_decision_that_is_refused_for_something_else_does_not_tell_whether_the_code_is_right(
    ledger: Ledger, plan: Plan
) -> None:
    told = set()
    for counter, wrong in ((None, True), (5, False)):
        with pytest.raises(ApprovalMissing) as caught:
            ledger.file_decision(approval_of(plan, at=AT, count=9, code_counter=counter), RULES, code_was_wrong=wrong)
        assert not isinstance(caught.value, WrongCode)
        told.add(str(caught.value))
    assert len(told) == 1


def test_of_many_guesses_at_once_no_more_are_tried_than_one_after_the_other(url: str, plan: Plan) -> None:
    together, said = threading.Barrier(12), []

    def attack() -> None:
        own = History.open(url)
        together.wait()
        said.append(guess(own.ledger, plan))
        own.close()

    threads = [threading.Thread(target=attack) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum("is wrong" in text for text in said) == MOST_WRONG_CODES
    assert sum("none is believed until" in text for text in said) == 12 - MOST_WRONG_CODES
