"""The job `execute_eviction_plan`: the one job that deletes, and the lock that checks everything again."""

from contextlib import suppress

import dagster as dg
from pydantic import Field

from assets.eviction_outcome import outcome_event
from assets.failures import told_to_dagster
from assets.taking.progress import LoggedProgress
from registry_core.errors import RegistryPipelinesError
from registry_pipelines.approving.deciding import rules_of
from registry_pipelines.approving.run_config import refuse_what_is_not_plain
from registry_pipelines.eviction.execution import Run, execute_plan
from registry_pipelines.holders import Holders
from registry_pipelines.links import EXECUTE, location_of, restore_link
from resources.configuration.settings import Site
from resources.connections import Connections
from resources.site import SiteResource

#: The emergency stop: with limit 0 nothing that deletes begins (Deployment › Concurrency).
POOL = "registry_delete"

EXECUTE_OP = "execute"


class ExecutionForm(dg.Config):
    """Which plan; what it holds and who approved it is read where it is kept."""

    plan: str = Field(description="fingerprint of an approved plan")


@dg.op(
    name=EXECUTE_OP,
    pool=POOL,
    description="Checks the approval, takes fresh inventories, looks at every entry once more, keeps its manifest,"
    " deletes, reads back, and writes each step into the journal. It can only shrink the plan.",
    tags={"kind": "oci"},
)
def execute(context: dg.OpExecutionContext, config: ExecutionForm, site: SiteResource) -> None:
    with told_to_dagster():
        refuse_what_is_not_plain(context.run.run_config, EXECUTE_OP)
        with site.connections() as connections:
            run = Run(context.run_id, rules_of(connections.site.approvals), Holders(context.instance).is_alive)
            try:
                execution = execute_plan(connections, config.plan, run, progress=LoggedProgress(context.log.info))
            except BaseException:
                with suppress(RegistryPipelinesError):  # what went wrong first is what a person must read
                    _tell_outcome(context, connections, config.plan)
                raise
            for note in execution.notes:
                context.log.warning(note)
            _tell_outcome(context, connections, config.plan)


def _tell_outcome(context: dg.OpExecutionContext, connections: Connections, fingerprint: str) -> None:
    """The journal as it is, also where the plan was not finished; nothing where it was not begun."""
    ledger = connections.history.ledger
    journal = ledger.journal(fingerprint)
    if not journal.empty:
        stored = ledger.plan(fingerprint)
        restore = restore_link(fingerprint, connections.site, location=location_of(context.run))
        context.log_event(outcome_event(stored.record, stored.plan, journal, restore=restore))


def build_execution_job(site: Site) -> dg.JobDefinition:
    """The job, with the pod of the configuration where it runs in Kubernetes."""
    pod = site.eviction.pod

    @dg.job(
        name=EXECUTE,
        description="Carry out one approved eviction plan. Started by the sensor `execute_approved_plans`; start it"
        " again (Re-execute) when it ended early: it goes on where the journal ends, and does nothing twice.",
        executor_def=dg.in_process_executor,
        tags={} if pod is None else {"dagster-k8s/config": pod.dagster_k8s_config()},
    )
    def execute_eviction_plan() -> None:
        execute()

    return execute_eviction_plan
