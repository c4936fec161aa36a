"""The jobs of migrations: `execute_migration_plan` copies, `verify_migrations` reads back.

The first checks everything again: whoever reaches the web server can start it.
"""

import dagster as dg

from assets import migration_is_there, migration_plan
from assets.failures import told_to_dagster
from assets.migration_outcome import outcome_event
from assets.names import migrations_of
from assets.taking.progress import LoggedProgress
from registry_core.migration import MigrationPlan
from registry_pipelines.approving.deciding import rules_of
from registry_pipelines.doorbell import EXECUTE_OP
from registry_pipelines.executing import ExecutionForm, outcome_told
from registry_pipelines.holders import Holders
from registry_pipelines.links import EXECUTE
from registry_pipelines.migrating.execution import MigrationRun, execute_migration
from resources.configuration.settings import Site
from resources.connections import Connections
from resources.site import SiteResource

#: How many migrations copy at once, and with limit 0 the emergency stop (Deployment › Concurrency).
POOL = "registry_copy"

PLAN_MIGRATION = "plan_migration"
VERIFY = "verify_migrations"


@dg.op(
    pool=POOL,
    description="Checks the approval, looks at every tag once more, copies each image with its digest unchanged and its"
    " tags last, reads it back, and writes each outcome into the journal as it comes. It can only shrink the plan.",
    tags={"kind": "oci"},
    config_schema=ExecutionForm.plain_schema(),
)
def copy_images(context: dg.OpExecutionContext, site: SiteResource) -> None:
    config = ExecutionForm.filled_in(context)
    with told_to_dagster(), site.connections() as connections:
        run = MigrationRun(context.run_id, rules_of(connections.site.approvals), Holders(context.instance).is_alive)
        fingerprint = connections.ledger.record(config.plan).fingerprint
        with outcome_told(lambda: _tell_outcome(context, connections, fingerprint)):
            execute_migration(connections, fingerprint, run, progress=LoggedProgress(context.log.info))


def _tell_outcome(context: dg.OpExecutionContext, connections: Connections, fingerprint: str) -> None:
    """The journal as it is, also where the plan was not finished; nothing where it was not begun."""
    journal = connections.ledger.copy_journal(fingerprint)
    if not journal.empty:
        stored = connections.ledger.plan(fingerprint, MigrationPlan)
        context.log_event(outcome_event(stored.record, stored.plan, journal, run_id=context.run_id))


def build_execution_job() -> dg.JobDefinition:
    """The job that copies."""

    @dg.job(
        name=EXECUTE["migration"],
        description="Carry out one approved migration plan. Started by the sensor `execute_approved_migrations`; start"
        " it again (Re-execute) when it ended early: it copies only what is missing, and sends no blob twice.",
        executor_def=dg.in_process_executor,
    )
    def execute_migration_plan() -> None:
        copy_images.alias(EXECUTE_OP)()  # ops of a repository have names of their own

    return execute_migration_plan


def build_planning_job() -> "dg.UnresolvedAssetJobDefinition":
    """The job that makes the plan of one migration."""
    return dg.define_asset_job(
        PLAN_MIGRATION,
        selection=dg.AssetSelection.assets(migration_plan.KEY),
        description="Make the plan of one migration from the newest evidence and a look at both registries. Nothing is"
        " copied.",
    )


def build_verification_job(site: Site) -> "dg.UnresolvedAssetJobDefinition":
    """The job that reads back what was copied, a run for each migration."""
    return dg.define_asset_job(
        VERIFY,
        selection=dg.AssetSelection.checks(migration_is_there.KEY),
        # From a check alone Dagster does not infer the partitions.
        config=dg.PartitionedConfig(migrations_of(site), run_config_for_partition_key_fn=lambda _: {}),
        description="Read back all that migrations copied: every manifest, every blob, every tag.",
    )
