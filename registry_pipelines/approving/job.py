"""The jobs `approve_<kind>_plan`: the form that a plan links to, checked again where it runs."""

import typing
from datetime import UTC, datetime

import dagster as dg
from pydantic import Field, create_model

from assets.failures import told_to_dagster
from assets.plan_approval import approval_event, decision_sentence
from registry_core.plan_words import PLAN_WORDS, PlanKind
from registry_pipelines.approving.deciding import PersonsDecision, file_decision
from registry_pipelines.approving.form import APPROVAL_OP
from registry_pipelines.approving.run_config import refuse_a_repeated_form, signed_in_person
from registry_pipelines.forms import Form
from registry_pipelines.links import EXECUTE, approve_job
from resources.site import SiteResource


class DecisionForm(Form):
    """What a person decides over one plan, and adds of their own. The number has the name of what is counted."""

    plan: str = Field(description="fingerprint of the plan; the link fills it in")
    decision: typing.Literal["approve", "reject"] = Field(description="`approve` or `reject`")
    approver: str = Field(description="your name; where a sign-in proxy is used, as it knows you")
    reason: str = Field(description="why, in a few words; it is kept")
    code: str = Field("", description="one-time code, in quotes, for those who have one set up")


def build_approval_job(kind: PlanKind) -> dg.JobDefinition:
    """The job in which a person decides over plans of one kind."""
    words = PLAN_WORDS[kind]
    about = f"number of {words.field} that {words.happens}, typed again from the summary of the plan"
    counted: typing.Any = (int, Field(description=about))
    form: type[DecisionForm] = create_model("DecisionForm", __base__=DecisionForm, **{words.field: counted})

    @dg.op(
        name=f"decide_{kind}",  # ops of a repository have names of their own; the form calls it `decide`
        description="Checks the decision (person, number, reason, code, age of the plan) and files it.",
        tags={"kind": "person"},
        config_schema=form.plain_schema(),
    )
    def decide(context: dg.OpExecutionContext, site: SiteResource) -> None:
        with told_to_dagster():
            _decide(context, form.filled_in(context), words.field, site)

    @dg.job(
        name=approve_job(kind),
        description=f"Approve or reject {words.article}. Open it by the link in the summary of the plan, which fills in"
        f" all but your name, the number of {words.field} and your reason. Nothing is {words.done} by this job; an"
        f" approved plan is carried out by `{EXECUTE[kind]}`, which looks at every entry once more.",
        executor_def=dg.in_process_executor,
    )
    def approve() -> None:
        decide.alias(APPROVAL_OP)()

    return approve


def _decide(context: dg.OpExecutionContext, form: DecisionForm, counted: str, site: SiteResource) -> None:
    refuse_a_repeated_form(context.run)
    with site.connections() as connections:
        header = connections.site.approvals.sign_in_header
        filed = file_decision(
            connections,
            PersonsDecision(
                plan=form.plan,
                decision=form.decision,
                count=getattr(form, counted),
                approver=form.approver,
                reason=form.reason,
                code=form.code,
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
