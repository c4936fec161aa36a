"""The jobs that change workloads: `execute_cutover_plan`, and `rollback_cutover`, the way back.

Each checks everything again: whoever reaches the web server can start them.
"""

import dagster as dg
from pydantic import Field

from assets import cutover_plan
from assets.cutover_outcome import outcome_event
from assets.failures import told_to_dagster
from assets.taking.progress import LoggedProgress
from registry_core.cutover import CutoverPlan
from registry_core.errors import Refused
from registry_pipelines.approving.deciding import rules_of
from registry_pipelines.approving.form import ROLLBACK_OP
from registry_pipelines.approving.run_config import refuse_another_person
from registry_pipelines.cutover.execution import CutoverRun, execute_cutover
from registry_pipelines.cutover.rollback import refuse_partial, rollback_cutover
from registry_pipelines.doorbell import EXECUTE_OP
from registry_pipelines.executing import ExecutionForm, outcome_told
from registry_pipelines.forms import Form
from registry_pipelines.holders import Holders
from registry_pipelines.links import EXECUTE, ROLLBACK, location_of, rollback_link
from resources.configuration.settings import Site
from resources.connections import Connections
from resources.site import SiteResource

#: How many cut-overs run at once, and with limit 0 the emergency stop (Deployment › Concurrency).
POOL = "cluster_change"

PLAN_CUTOVER = "plan_cutover"


@dg.op(
    pool=POOL,
    description="Checks the approval; then, workload by workload: looks whether the destination serves its images,"
    " records what it is, patches it with the API's concurrency check, watches its rollout, and writes each step into"
    " the journal. A rollout that fails is put back, and the run stops.",
    tags={"kind": "kubernetes"},
    config_schema=ExecutionForm.plain_schema(),
)
def change_workloads(context: dg.OpExecutionContext, site: SiteResource) -> None:
    config = ExecutionForm.filled_in(context)
    with told_to_dagster(), site.connections() as connections:
        fingerprint = connections.ledger.record(config.plan).fingerprint
        with outcome_told(lambda: _tell_outcome(context, connections, fingerprint)):
            execute_cutover(connections, fingerprint, _run(context, connections), progress=_progress(context))


class RollbackForm(Form):
    """Which plan is returned, and who asks for it."""

    plan: str = Field(description="fingerprint of the plan whose changes are returned; the link fills it in")
    person: str = Field(description="your name; where a sign-in proxy is used, as it knows you")
    reason: str = Field(description="why, in a few words; it is kept in the log of this run")


@dg.op(
    name=ROLLBACK_OP,
    pool=POOL,
    description="Gives every workload that a plan changed its old images and pull secrets again, last changed first."
    " What somebody changed since is left alone and told. Done again, it does nothing twice.",
    tags={"kind": "kubernetes"},
    config_schema=RollbackForm.plain_schema(),
)
def return_workloads(context: dg.OpExecutionContext, site: SiteResource) -> None:
    config = RollbackForm.filled_in(context)
    with told_to_dagster():
        if not config.person.strip() or not config.reason.strip():
            raise Refused("the form gives no name or no reason; write who asks, and why")
        with site.connections() as connections:
            header = connections.site.approvals.sign_in_header
            refuse_another_person(context.run, context.instance, header, config.person)
            context.log.info(f"{config.person} rolls back the plan {config.plan[:12]}: {config.reason}")
            rollback = rollback_cutover(
                connections, config.plan, _run(context, connections), progress=_progress(context)
            )
            for told in (*map(str, rollback.left), *rollback.notes):
                context.log.warning(told)
            _tell_outcome(context, connections, rollback.fingerprint)
            refuse_partial(rollback)


def _run(context: dg.OpExecutionContext, connections: Connections) -> CutoverRun:
    return CutoverRun(context.run_id, rules_of(connections.site.approvals), Holders(context.instance).is_alive)


def _progress(context: dg.OpExecutionContext) -> LoggedProgress:
    return LoggedProgress(context.log.info)


def _tell_outcome(context: dg.OpExecutionContext, connections: Connections, fingerprint: str) -> None:
    """The journal as it is, also where the plan was not finished; nothing where it was not begun."""
    journal = connections.ledger.cutovers.frame(fingerprint)
    if not journal.empty:
        stored = connections.ledger.plan(fingerprint, CutoverPlan)
        rollback = rollback_link(fingerprint, connections.site, location=location_of(context.run))
        context.log_event(outcome_event(stored.record, stored.plan, journal, rollback=rollback))


def _pod_tags(site: Site) -> dict[str, object]:
    """The pod of the configuration, where runs are pods."""
    return {} if site.cutover_pod is None else {"dagster-k8s/config": site.cutover_pod.dagster_k8s_config()}


def build_execution_job(site: Site) -> dg.JobDefinition:
    """The job that changes workloads."""

    @dg.job(
        name=EXECUTE["cutover"],
        description="Carry out one approved cut-over plan. Started by the sensor `execute_approved_cutovers`; start it"
        " again (Re-execute) when it ended early: it goes on where the journal ends, and does nothing twice.",
        executor_def=dg.in_process_executor,
        tags=_pod_tags(site),
    )
    def execute_cutover_plan() -> None:
        change_workloads.alias(EXECUTE_OP)()  # ops of a repository have names of their own

    return execute_cutover_plan


def build_rollback_job(site: Site) -> dg.JobDefinition:
    """The way back."""

    @dg.job(
        name=ROLLBACK,
        description="Return all that a cut-over plan changed. Open it by the link in `cutover_outcome`, which fills in"
        " the plan.",
        executor_def=dg.in_process_executor,
        tags=_pod_tags(site),
    )
    def rollback_job() -> None:
        return_workloads()

    return rollback_job


def build_planning_job() -> "dg.UnresolvedAssetJobDefinition":
    """The job that makes the plan of one cut-over."""
    return dg.define_asset_job(
        PLAN_CUTOVER,
        selection=dg.AssetSelection.assets(cutover_plan.KEY),
        description="Make the plan of one cut-over: read its clusters and its destination. Nothing is changed.",
    )
