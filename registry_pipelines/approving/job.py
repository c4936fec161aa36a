"""The job `approve_eviction_plan`: the form that a plan links to, checked again where it runs."""

import typing
from datetime import UTC, datetime

import dagster as dg
from pydantic import Field

from assets.eviction_approval import approval_event, decision_sentence
from assets.failures import told_to_dagster
from registry_pipelines.approving.deciding import PersonsDecision, file_decision
from registry_pipelines.approving.form import APPROVAL_OP
from registry_pipelines.approving.run_config import refuse_what_is_not_plain, signed_in_person
from registry_pipelines.links import APPROVE
from resources.site import SiteResource


class DecisionForm(dg.Config):
    """What a person decides over one plan, and adds of their own."""

    plan: str = Field(description="fingerprint of the plan; the link fills it in")
    decision: typing.Literal["approve", "reject"] = Field(description="`approve` or `reject`")
    images: int = Field(description="number of images that go, typed again from the summary of the plan")
    approver: str = Field(description="your name; where a sign-in proxy is used, as it knows you")
    reason: str = Field(description="why, in a few words; it is kept")
    code: str = Field("", description="one-time code, in quotes, for those who have one set up")


@dg.op(
    name=APPROVAL_OP,
    description="Checks the decision (person, number, reason, code, age of the plan) and files it.",
    tags={"kind": "person"},
)
def decide(context: dg.OpExecutionContext, config: DecisionForm, site: SiteResource) -> None:
    with told_to_dagster():
        refuse_what_is_not_plain(context.run.run_config, APPROVAL_OP)
        with site.connections() as connections:
            header = connections.site.approvals.sign_in_header
            filed = file_decision(
                connections,
                PersonsDecision(
                    plan=config.plan,
                    decision=config.decision,
                    images=config.images,
                    approver=config.approver,
                    reason=config.reason,
                    code=config.code,
                    typed_at=_launched_at(context),
                    signed_in_as=signed_in_person(context.run, context.instance, header),
                ),
            )
    context.log.info(decision_sentence(filed.approval, filed.record))
    context.log_event(approval_event(filed.approval, filed.record))


def _launched_at(context: dg.OpExecutionContext) -> datetime:
    """When the form was sent: a run may wait in the queue longer than a code is right."""
    record = context.instance.get_run_record_by_id(context.run_id)
    return datetime.now(UTC) if record is None else record.create_timestamp.astimezone(UTC)


@dg.job(
    name=APPROVE,
    description="Approve or reject one eviction plan. Open it by the link in the summary of the plan, which fills in"
    " all but your name, the number of images and your reason. Nothing is deleted by this job; an approved plan is"
    " carried out by `execute_eviction_plan`, which looks at every entry once more.",
    executor_def=dg.in_process_executor,
)
def approve_eviction_plan() -> None:
    decide()
