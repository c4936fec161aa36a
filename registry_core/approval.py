"""Approval: a person's decision over one exact plan, and whether it opens the lock.

Identity is what the sign-in proxy or the person says; this judges what was written down. A code of an approver
(TOTP) is checked where the secret is; here is only the rule: who needs one, and that each is believed once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from registry_core.approval_codes import CodesSeen, check_code
from registry_core.errors import ApprovalMissing, PlanStale
from registry_core.limits import Limits
from registry_core.persons import person_key, same_person
from registry_core.plan_words import PLAN_WORDS
from registry_core.plans import AnyPlan
from registry_core.policy_spans import print_age, print_span

Verdict = Literal["approve", "reject"]


@dataclass(frozen=True, slots=True)
class Approver:
    """Somebody whom the configuration lets approve. `needs_code`: they have a TOTP secret, so it is asked for."""

    name: str
    needs_code: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """One decision of one person, as it was filed.

    `count` is the number of images, or whatever the plan counts, as typed. `code_counter` is the time step of the
    code that was found right (RFC 6238), None where none was given. `signed_in_as` is the name that a sign-in proxy
    vouches for.
    """

    fingerprint: str
    decision: Verdict
    who: str
    at: datetime
    reason: str
    count: int
    expires_at: datetime
    code_counter: int | None = None
    signed_in_as: str | None = None


@dataclass(frozen=True, slots=True)
class ApprovalRules:
    """What the site asks of an approval. `approvers` None: whoever reaches the form may approve. `limits`: those of the
    configuration of today, which hold beside those of the plan."""

    approvers: tuple[Approver, ...] | None = None
    sign_in_needed: bool = False
    limits: Limits | None = None

    def approver(self, name: str) -> Approver | None:
        if self.approvers is None:
            return Approver(name)
        return next((known for known in self.approvers if same_person(known.name, name)), None)


def file_approval(
    approval: Approval,
    plan: AnyPlan,
    rules: ApprovalRules,
    *,
    codes: CodesSeen = CodesSeen(),
    filed: Sequence[Approval] = (),
) -> Approval:
    """Check a decision before it is filed; the approval itself, or ApprovalMissing that says what to correct.

    `filed` are the decisions on the plan so far: a person approves it once, and again only where the approval expired
    or would not be believed any more. `codes` are those that this person gave before: a code that was seen in a run's
    config is worth nothing afterwards. The code is judged last, so that what else is wrong does not tell whether it is
    right.
    """
    if approval.fingerprint != plan.fingerprint:
        raise ApprovalMissing(
            f"the approval names the plan {approval.fingerprint[:12]} and this plan is {plan.fingerprint[:12]};"
            " open the newest plan and approve that one"
        )
    _check_person(approval, rules)
    if not approval.reason.strip():
        raise ApprovalMissing("the approval gives no reason; write in a few words why")
    if approval.decision == "approve" and approval.count != plan.counted:
        words = PLAN_WORDS[plan.kind]
        raise ApprovalMissing(
            f"the approval says that {approval.count:,} {words.field} {words.happens} and the plan holds"
            f" {plan.counted:,}; read it again"
        )
    if approval.decision == "approve":
        _check_approves_once(approval, plan, rules, filed)
    approver = rules.approver(approval.who)
    if approver is not None and approver.needs_code:
        check_code(approver.name, approval.code_counter, codes, now=approval.at)
    return approval


def check_approval(
    plan: AnyPlan,
    approvals: Sequence[Approval],
    rules: ApprovalRules,
    *,
    now: datetime,
    used: bool = False,
    made_at: datetime | None = None,
) -> tuple[Approval, ...]:
    """The approvals that open the lock for `plan` at `now`, oldest first: one, or two where two are needed.

    `used`: the plan was carried out, or is being. `made_at`: when it was filed; without it, its age is that of its
    evidence, which was fresh enough when the plan was made. Raises PlanStale for a plan or an approval that is too old,
    ApprovalMissing for everything else.
    """
    name = plan.fingerprint[:12]
    if used:
        raise ApprovalMissing(f"the plan {name} was used already, and a plan is used once; make a new plan")
    age, most = now - (made_at or plan.as_of), plan.max_age
    if age > most:
        what = "is" if made_at else "stands on evidence that is"
        raise PlanStale(
            f"the plan {name} {what} {print_age(age)} old and limits.max_plan_age is {print_span(most)};"
            " make a new plan"
        )
    decisions = sorted((one for one in approvals if one.fingerprint == plan.fingerprint), key=lambda one: one.at)
    if not decisions:
        other = f"; there is one of {approvals[0].fingerprint[:12]}, which is another plan" if approvals else ""
        raise ApprovalMissing(f"nobody has approved the plan {name}{other}; open it and approve or reject it")
    for rejection in decisions:
        if rejection.decision == "reject" and rules.approver(rejection.who) is not None:
            raise ApprovalMissing(f"{rejection.who} rejected the plan {name}: {rejection.reason}; make a new plan")
    standing = _standing(plan, decisions, rules, now)
    if len(standing) < 2 and (why := plan.second_person_needed(rules.limits)):
        raise ApprovalMissing(
            f"the plan {name} needs a second person beside {standing[0].who}: {why}; let somebody else approve it too"
        )
    return tuple(standing)


def still_counts(approval: Approval, rules: ApprovalRules) -> bool:
    """Whether an approval of what stands would be believed by the rules of today, however old it is."""
    try:
        _check_person(approval, rules)
        _check_code_was_given(approval, rules)
    except ApprovalMissing:
        return False
    return approval.decision == "approve"


def _standing(plan: AnyPlan, decisions: list[Approval], rules: ApprovalRules, now: datetime) -> list[Approval]:
    """The approvals that hold, one a person; of none, the reason of the newest one is raised."""
    standing: list[Approval] = []
    refused: ApprovalMissing | PlanStale | None = None
    for approval in decisions:
        try:
            _check_standing(approval, plan, rules, now)
        except (ApprovalMissing, PlanStale) as error:
            refused = error
            continue
        if not any(same_person(_person(approval), _person(other)) for other in standing):
            standing.append(approval)
    if not standing:
        raise refused or ApprovalMissing(f"nobody has approved the plan {plan.fingerprint[:12]}; open it and decide")
    return standing


def _check_standing(approval: Approval, plan: AnyPlan, rules: ApprovalRules, now: datetime) -> None:
    _check_person(approval, rules)
    if approval.decision != "approve":
        raise ApprovalMissing(
            f"{approval.who} did not approve but wrote {approval.decision!r}; open the plan and decide"
        )
    if approval.count != plan.counted:
        raise ApprovalMissing(
            f"{approval.who} approved {PLAN_WORDS[plan.kind].count(approval.count)} and the plan holds"
            f" {plan.counted:,}; approve it again"
        )
    _check_code_was_given(approval, rules)
    if now >= approval.expires_at:
        raise PlanStale(
            f"the approval of {approval.who} expired {print_age(now - approval.expires_at)} ago; approve it again, or"
            " make a new plan"
        )
    if approval.at > now:
        raise PlanStale(
            f"the approval of {approval.who} is of the future, so a clock is wrong; set it and approve again"
        )


def _check_code_was_given(approval: Approval, rules: ApprovalRules) -> None:
    approver = rules.approver(approval.who)
    if approver is not None and approver.needs_code and approval.code_counter is None:
        raise ApprovalMissing(f"the approval of {approval.who} has no one-time code; approve it again with the code")


def _check_approves_once(approval: Approval, plan: AnyPlan, rules: ApprovalRules, filed: Sequence[Approval]) -> None:
    for before in filed:
        if before.fingerprint != plan.fingerprint or not same_person(_person(before), _person(approval)):
            continue
        try:
            _check_standing(before, plan, rules, approval.at)
        except (ApprovalMissing, PlanStale):
            continue
        needed = plan.second_person_needed()
        advice = f"it needs a second person, because {needed}" if needed else "nothing more is needed of you"
        raise ApprovalMissing(
            f"{_person(approval)} approved the plan {plan.fingerprint[:12]} already, at"
            f" {before.at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC, and a person approves it once; {advice}"
        )


def _check_person(approval: Approval, rules: ApprovalRules) -> None:
    if not person_key(approval.who):
        raise ApprovalMissing("the approval names nobody; write your name")
    if rules.approver(approval.who) is None:
        raise ApprovalMissing(
            f"{approval.who} is not among the approvers of the configuration; let one of those approve, or add the name"
        )
    if rules.sign_in_needed and approval.signed_in_as is None:
        raise ApprovalMissing(f"{approval.who} was not signed in; open the form through the sign-in proxy")
    if approval.signed_in_as is not None and not same_person(approval.signed_in_as, approval.who):
        raise ApprovalMissing(
            f"the approval is written for {approval.who} and was sent by {approval.signed_in_as}; approve as yourself"
        )


def _person(approval: Approval) -> str:
    return approval.signed_in_as or approval.who
