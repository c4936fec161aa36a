"""File a person's decision over a plan: the one deed of the form in the Dagster UI and of the command line."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from assets.taking.plan import limits_of
from registry_core.approval import Approval, ApprovalRules, Approver, Verdict
from registry_core.errors import Refused
from registry_core.persons import person_name
from registry_pipelines.approving.codes import counter_of_code
from resources.configuration.approval_settings import ApprovalSettings
from resources.connections import Connections
from resources.database.ledger_records import PlanRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonsDecision:
    """What a person typed. `typed_at` is when they sent it: a code is judged at that time.

    `signed_in_as` is the name that a sign-in proxy vouches for, None without one.
    """

    plan: str  #: fingerprint, or an unambiguous beginning of it
    decision: Verdict
    count: int  #: of images, or whatever the plan counts, typed again
    approver: str
    reason: str
    code: str = field(default="", repr=False)
    typed_at: datetime
    signed_in_as: str | None = None


@dataclass(frozen=True, slots=True)
class FiledDecision:
    """The decision as it was filed, and what it made of the plan (`waiting`: a second person is needed)."""

    approval: Approval
    record: PlanRecord


def rules_of(settings: ApprovalSettings) -> ApprovalRules:
    """What the configuration asks of an approval."""
    approvers = settings.approvers
    return ApprovalRules(
        approvers=None if approvers is None else tuple(Approver(one.name, one.totp is not None) for one in approvers),
        sign_in_needed=settings.sign_in_header is not None,
    )


def file_decision(connections: Connections, decided: PersonsDecision) -> FiledDecision:
    """Check and file. Raises ApprovalMissing, PlanStale or Refused with what to correct; then nothing was filed."""
    settings, ledger = connections.site.approvals, connections.history.ledger
    rules = replace(rules_of(settings), limits=limits_of(connections.site))
    record = ledger.record(decided.plan)
    if record.entry_count == 0:
        raise Refused(f"the plan {record.short} has no entries, so there is nothing to decide")
    at = datetime.now(UTC)
    counter, wrong = _code(settings, rules, decided)
    approval = Approval(
        fingerprint=record.fingerprint,
        decision=decided.decision,
        who=person_name(decided.approver),
        at=at,
        reason=" ".join(decided.reason.split()),
        count=decided.count,
        expires_at=at + settings.expires,
        code_counter=counter,
        signed_in_as=decided.signed_in_as,
    )
    return FiledDecision(approval, ledger.file_decision(approval, rules, code_was_wrong=wrong))


def _code(settings: ApprovalSettings, rules: ApprovalRules, decided: PersonsDecision) -> tuple[int | None, bool]:
    """The time step of the code that was typed, and whether it is wrong; neither where none was asked for or typed."""
    approver = rules.approver(decided.approver)
    if approver is None or not approver.needs_code or not decided.code.strip():
        return None, False
    secret = next(one.totp for one in settings.approvers or () if one.name == approver.name)
    counter = None if secret is None else counter_of_code(secret, decided.code, at=decided.typed_at)
    return counter, counter is None
