"""The jobs that change a registry: `execute_eviction_plan` deletes, `restore_evicted` puts back.

Each checks everything again: whoever reaches the web server can start them.
"""

from dataclasses import dataclass

import dagster as dg
from pydantic import Field

from assets.eviction_outcome import outcome_event
from assets.failures import told_to_dagster
from assets.taking.collection import collection_advice
from assets.taking.progress import LoggedProgress
from registry_core.errors import Refused
from registry_core.eviction import Plan
from registry_pipelines.approving.deciding import rules_of
from registry_pipelines.approving.form import RESTORE_OP
from registry_pipelines.approving.run_config import refuse_another_person
from registry_pipelines.doorbell import EXECUTE_OP
from registry_pipelines.eviction.execution import Run, execute_plan
from registry_pipelines.eviction.restore import refuse_partial, restore_evicted
from registry_pipelines.executing import ExecutionForm, outcome_told
from registry_pipelines.forms import Form
from registry_pipelines.holders import Holders
from registry_pipelines.links import EXECUTE, RESTORE, location_of, restore_link
from resources.configuration.settings import Site
from resources.connections import Connections
from resources.site import SiteResource

#: The emergency stop: with limit 0 nothing that deletes begins (Deployment › Concurrency).
POOL = "registry_delete"


@dg.op(
    name=EXECUTE_OP,
    pool=POOL,
    description="Checks the approval, takes fresh inventories, looks at every entry once more, keeps its manifest,"
    " deletes, reads back, and writes each step into the journal. It can only shrink the plan.",
    tags={"kind": "oci"},
    config_schema=ExecutionForm.plain_schema(),
)
def execute(context: dg.OpExecutionContext, site: SiteResource) -> None:
    config = ExecutionForm.filled_in(context)
    with told_to_dagster(), site.connections() as connections:
        run = Run(context.run_id, rules_of(connections.site.approvals), Holders(context.instance).is_alive)
        fingerprint = connections.history.ledger.record(config.plan).fingerprint
        with outcome_told(lambda: _tell_outcome(context, connections, fingerprint)):
            execution = execute_plan(connections, fingerprint, run, progress=LoggedProgress(context.log.info))
            for note in execution.notes:
                context.log.warning(note)


def _tell_outcome(context: dg.OpExecutionContext, connections: Connections, fingerprint: str) -> None:
    """The journal as it is, also where the plan was not finished; nothing where it was not begun."""
    ledger = connections.history.ledger
    journal = ledger.journal(fingerprint)
    if not journal.empty:
        stored = ledger.plan(fingerprint, Plan)
        restore = restore_link(fingerprint, connections.site, location=location_of(context.run))
        advice = collection_advice(connections, stored.record.subject, journal)
        context.log_event(outcome_event(stored.record, stored.plan, journal, restore=restore, advice=advice))


class RestorationForm(Form):
    """What is put back, and who asks for it."""

    plan: str = Field(description="fingerprint of the plan that deleted it; the link fills it in")
    images: list[str] = Field(
        [], description="`repository`, `repository:tag` or `repository@digest`; none: all that the plan deleted"
    )
    person: str = Field(description="your name; where a sign-in proxy is used, as it knows you")
    reason: str = Field(description="why, in a few words; it is kept in the log of this run")


@dg.op(
    name=RESTORE_OP,
    pool=POOL,
    description="Puts the kept manifests and their tags back, children first, proves the digests, and says which"
    " blobs the registry has collected meanwhile. Putting back what is there changes nothing.",
    tags={"kind": "oci"},
    config_schema=RestorationForm.plain_schema(),
)
def restore(context: dg.OpExecutionContext, site: SiteResource) -> None:
    config = RestorationForm.filled_in(context)
    with told_to_dagster():
        if not config.person.strip() or not config.reason.strip():
            raise Refused("the form gives no name or no reason; write who asks, and why")
        with site.connections() as connections:
            header = connections.site.approvals.sign_in_header
            refuse_another_person(context.run, context.instance, header, config.person)
            context.log.info(f"{config.person} puts back images of the plan {config.plan[:12]}: {config.reason}")
            restoration = restore_evicted(
                connections,
                config.plan,
                config.images,
                run_id=context.run_id,
                progress=LoggedProgress(context.log.info),
            )
            _tell_outcome(context, connections, restoration.fingerprint)
            refuse_partial(restoration)


@dataclass(frozen=True, slots=True)
class EvictionJobs:
    """The two jobs."""

    execution: dg.JobDefinition
    restoration: dg.JobDefinition


def build_eviction_jobs(site: Site) -> EvictionJobs:
    """The jobs, with the pod of the configuration where they run in Kubernetes."""
    pod = site.eviction.pod
    tags = {} if pod is None else {"dagster-k8s/config": pod.dagster_k8s_config()}

    @dg.job(
        name=EXECUTE["eviction"],
        description="Carry out one approved eviction plan. Started by the sensor `execute_approved_plans`; start it"
        " again (Re-execute) when it ended early: it goes on where the journal ends, and does nothing twice.",
        executor_def=dg.in_process_executor,
        tags=tags,
    )
    def execute_eviction_plan() -> None:
        execute()

    @dg.job(
        name=RESTORE,
        description="Put back what a plan deleted, or some of it. Open it by the link in `eviction_outcome`, which"
        " fills in the plan.",
        executor_def=dg.in_process_executor,
        tags=tags,
    )
    def restore_images() -> None:
        restore()

    return EvictionJobs(execute_eviction_plan, restore_images)
