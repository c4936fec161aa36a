"""The job `execute_collection_plan`: a registry frees what deletions left, by an approved plan.

It checks everything again: whoever reaches the web server can start it.
"""

import dagster as dg

from assets import collection_plan
from assets.collection_outcome import outcome_event
from assets.failures import told_to_dagster
from assets.taking.progress import LoggedProgress
from registry_core.collection import CollectionPlan
from registry_pipelines.approving.deciding import rules_of
from registry_pipelines.doorbell import EXECUTE_OP
from registry_pipelines.eviction.collection import CollectionRun, execute_collection
from registry_pipelines.eviction_jobs import POOL
from registry_pipelines.executing import ExecutionForm, outcome_told
from registry_pipelines.holders import Holders
from registry_pipelines.links import EXECUTE
from resources.configuration.settings import Site
from resources.connections import Connections
from resources.site import SiteResource

PLAN_COLLECTION = "plan_collection"


@dg.op(
    pool=POOL,
    description="Checks the approval, refuses while the registry takes pushes or another plan changes it, measures the"
    " storage, runs the registry's own collection as the plan says, measures again, and keeps what it wrote.",
    tags={"kind": "oci"},
    config_schema=ExecutionForm.plain_schema(),
)
def collect(context: dg.OpExecutionContext, site: SiteResource) -> None:
    config = ExecutionForm.filled_in(context)
    with told_to_dagster(), site.connections() as connections:
        run = CollectionRun(context.run_id, rules_of(connections.site.approvals), Holders(context.instance).is_alive)
        fingerprint = connections.ledger.record(config.plan).fingerprint
        with outcome_told(lambda: _tell_outcome(context, connections, fingerprint)):
            execute_collection(connections, fingerprint, run, progress=LoggedProgress(context.log.info))


def _tell_outcome(context: dg.OpExecutionContext, connections: Connections, fingerprint: str) -> None:
    """What the journal says, also where it ended early; nothing where it was not begun."""
    collected = connections.ledger.collections.of(fingerprint)
    if collected is not None and collected.run_id == context.run_id:
        context.log_event(outcome_event(connections.ledger.plan(fingerprint, CollectionPlan).plan, collected))


def build_collection_job(site: Site) -> dg.JobDefinition:
    """The job, with the pod of the configuration where it runs in Kubernetes."""
    pod = site.eviction.pod

    @dg.job(
        name=EXECUTE["collection"],
        description="Carry out one approved collection plan. Started by the sensor `execute_approved_collections`;"
        " start it again (Re-execute) when it ended early.",
        executor_def=dg.in_process_executor,
        tags={} if pod is None else {"dagster-k8s/config": pod.dagster_k8s_config()},
    )
    def execute_collection_plan() -> None:
        collect.alias(EXECUTE_OP)()  # ops of a repository have names of their own

    return execute_collection_plan


def build_collection_planning_job() -> "dg.UnresolvedAssetJobDefinition":
    """The job that makes the plan of one registry."""
    return dg.define_asset_job(
        PLAN_COLLECTION,
        selection=dg.AssetSelection.assets(collection_plan.KEY),
        description="How many bytes would one registry free of what was deleted? Nothing is collected.",
    )
