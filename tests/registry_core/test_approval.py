"""Approvals: one exact plan, by somebody who may, once, in time; each refusal is one sentence."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from registry_core.approval import Approval, ApprovalRules, Approver, check_approval, file_approval
from registry_core.approval_codes import CodesSeen
from registry_core.errors import ApprovalMissing, PlanStale, Refused
from registry_core.eviction import Basis, Plan
from registry_core.eviction_entries import Entry
from registry_core.limits import Limits
from registry_core.policy import read_policies
from registry_core.retention_evidence import Snapshot
from tests.registry_core.small_registry import AS_OF, digest

NOW = AS_OF + timedelta(hours=1)
TEAM = ApprovalRules(approvers=(Approver("Ada Lovelace"), Approver("Grace Hopper", needs_code=True)))


def plan_of(count: int = 3, **limits) -> Plan:
    basis = Basis(
        registry="example",
        as_of=AS_OF,
        catalog=Snapshot("c", AS_OF),
        inventories={},
        policies=read_policies([{"repositories": ["**"], "keep_last": 1}]),
        limits=Limits(**limits),
    )
    entries = [
        Entry("delete", "apps/web", digest(str(number)), ("t",), None, 1, ("not in use",)) for number in range(count)
    ]
    return Plan(basis=basis, entries=tuple(entries), stored_images=10)


PLAN = plan_of()


def approval(plan: Plan = PLAN, **changes) -> Approval:
    given = {
        "fingerprint": plan.fingerprint, "decision": "approve", "who": "Ada Lovelace", "at": AS_OF,
        "reason": "old builds", "count": plan.images, "expires_at": AS_OF + timedelta(hours=24),
    }  # fmt: skip
    return Approval(**{**given, **changes})


def test_an_approval_of_this_plan_by_an_approver_opens_the_lock():
    assert check_approval(PLAN, [approval()], TEAM, now=NOW) == (approval(),)
    assert file_approval(approval(), PLAN, TEAM) == approval()


def test_without_approvers_in_the_configuration_a_name_is_enough():
    assert check_approval(PLAN, [approval(who="anybody")], ApprovalRules(), now=NOW)


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"fingerprint": "0" * 64}, ApprovalMissing, "which is another plan"),
        ({"who": "Mallory"}, ApprovalMissing, "not among the approvers"),
        ({"who": " "}, ApprovalMissing, "names nobody"),
        ({"count": 4}, ApprovalMissing, "approved 4 images and the plan holds 3"),
        ({"expires_at": NOW}, PlanStale, "expired 0 seconds ago"),
        ({"at": NOW + timedelta(minutes=1)}, PlanStale, "clock is wrong"),
        ({"decision": "reject", "reason": "not yet"}, ApprovalMissing, "rejected the plan .*: not yet"),
        ({"who": "Grace Hopper"}, ApprovalMissing, "no one-time code"),
        ({"signed_in_as": "mallory"}, ApprovalMissing, "was sent by mallory"),
    ],
)
def test_an_approval_that_does_not_hold_is_refused_in_one_sentence(changes, error, words):
    with pytest.raises(error, match=words) as caught:
        check_approval(PLAN, [approval(**changes)], TEAM, now=NOW)
    assert isinstance(caught.value, Refused)
    assert "\n" not in str(caught.value)


def test_a_plan_that_nobody_approved_stays_locked():
    with pytest.raises(ApprovalMissing, match="nobody has approved"):
        check_approval(PLAN, [], TEAM, now=NOW)


def test_a_used_plan_stays_locked():
    with pytest.raises(ApprovalMissing, match="used already"):
        check_approval(PLAN, [approval()], TEAM, now=NOW, used=True)


def test_a_plan_from_old_evidence_stays_locked_whatever_was_approved():
    late = AS_OF + timedelta(hours=25)
    with pytest.raises(PlanStale, match=r"limits\.max_plan_age is 1d"):
        check_approval(PLAN, [approval(expires_at=late + timedelta(hours=1))], TEAM, now=late)


def test_the_age_of_a_plan_counts_from_when_it_was_made_where_that_is_known():
    late = AS_OF + timedelta(hours=25)
    given = approval(expires_at=late + timedelta(hours=1))
    assert check_approval(PLAN, [given], TEAM, now=late, made_at=late - timedelta(hours=23))
    with pytest.raises(PlanStale, match="is 1 day old and limits"):
        check_approval(PLAN, [given], TEAM, now=late, made_at=AS_OF)


def test_a_rejection_outweighs_an_approval():
    with pytest.raises(ApprovalMissing, match="rejected"):
        check_approval(PLAN, [approval(), approval(who="Grace Hopper", decision="reject")], TEAM, now=NOW)


def test_a_rejection_by_somebody_who_may_not_does_not_count():
    assert check_approval(PLAN, [approval(), approval(who="Mallory", decision="reject")], TEAM, now=NOW)


@pytest.mark.parametrize("limits", [{"second_person_above_images": 2}, {"second_person_above_share": 0.2}])
def test_a_large_plan_needs_a_second_different_person(limits):
    plan = plan_of(**limits)
    first = approval(plan)
    (setting,) = limits
    with pytest.raises(ApprovalMissing, match=f"a second person beside Ada Lovelace: .*{setting}"):
        check_approval(plan, [first, approval(plan, who="ada  LOVELACE")], TEAM, now=NOW)
    second = approval(plan, who="Grace Hopper", code_counter=5)
    assert check_approval(plan, [first, second], TEAM, now=NOW) == (first, second)


def test_one_signed_in_person_cannot_be_two_by_typing_two_names():
    plan = plan_of(second_person_above_images=1)
    both = [
        approval(plan, signed_in_as="Ada Lovelace"),
        approval(plan, who="Grace Hopper", signed_in_as="Ada Lovelace"),
    ]
    with pytest.raises(ApprovalMissing, match="second person"):
        check_approval(plan, both, TEAM, now=NOW)


def test_a_sign_in_is_asked_for_where_the_site_asks():
    rules = replace(TEAM, sign_in_needed=True)
    with pytest.raises(ApprovalMissing, match="not signed in"):
        file_approval(approval(), PLAN, rules)
    assert file_approval(approval(signed_in_as="ada lovelace"), PLAN, rules)


def test_a_code_is_believed_once_and_no_older_one_after_it():
    given = approval(who="Grace Hopper", code_counter=7)
    assert file_approval(given, PLAN, TEAM, codes=CodesSeen(spent=(5, 6))) == given
    for spent in (7, 8):
        with pytest.raises(ApprovalMissing, match="was used before"):
            file_approval(given, PLAN, TEAM, codes=CodesSeen(spent=(spent,)))
    with pytest.raises(ApprovalMissing, match="gave none; enter the code"):
        file_approval(replace(given, code_counter=None), PLAN, TEAM)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"fingerprint": "0" * 64}, "names the plan 000000000000"), ({"reason": "  "}, "gives no reason"),
        ({"count": 2}, "says that 2 images go"), ({"who": "Mallory"}, "not among the approvers"),
    ],
)  # fmt: skip
def test_a_wrong_approval_is_not_even_filed(changes, words):
    with pytest.raises(ApprovalMissing, match=words):
        file_approval(approval(**changes), PLAN, TEAM)


def test_a_rejection_needs_a_reason_but_no_count():
    assert file_approval(approval(decision="reject", count=0), PLAN, TEAM)
