"""The job `replicate`: one run of one rule, by hand, by a schedule, or after events."""

import typing
from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg
from pydantic import Field

from assets import eviction_plan, replication_status
from assets.eviction_presentation import describe_plan
from assets.failures import told_to_dagster
from assets.taking.progress import LoggedProgress
from assets.taking.replication import file_rule, take_replication_status
from assets.taking.replication_deletions import take_replicated_deletions
from registry_core.errors import RegistryPipelinesError
from registry_core.replication_status import ReplicationStatus
from registry_pipelines.approving.deciding import rules_of
from registry_pipelines.doorbell import EXECUTE_OP
from registry_pipelines.forms import Form
from registry_pipelines.holders import Holders
from registry_pipelines.links import EXECUTE, links_of_plan
from registry_pipelines.migration_jobs import POOL
from registry_pipelines.replicating.run import ReplicationRun, replicate
from resources.connections import Connections
from resources.database.ledger_records import HolderIsAlive
from resources.site import SiteResource

#: How often, and how long each time, a run waits for another one that works on its destination; then it is refused.
_MOST_WAITS = 30
_WAIT_SECONDS = 60

PLAN_DELETIONS = "plan_replicated_deletions"


class ReplicationForm(Form):
    """Which rule. What it may do was approved with it, and is read where that is kept."""

    replication: str = Field(description="name of a replication of the site's file")
    trigger: typing.Literal["manual", "schedule", "event"] = Field("manual", description="what set this run going")


@dg.op(
    pool=POOL,
    description="Checks that the rule is approved as it is, reads the source anew, compares both registries, copies"
    " what is missing with its digest unchanged and its tags last, reads it back, and writes down what came of each"
    " image. It never deletes.",
    tags={"kind": "oci"},
    config_schema=ReplicationForm.plain_schema(),
)
def copy_by_rule(context: dg.OpExecutionContext, site: SiteResource) -> None:
    config = ReplicationForm.filled_in(context)
    with told_to_dagster(), site.connections() as connections:
        alive = Holders(context.instance).is_alive
        _wait_for_others(context, connections, config, alive)
        with _status_told_after(context, connections, config.replication):
            run = ReplicationRun(context.run_id, config.trigger, rules_of(connections.site.approvals), alive)
            done = replicate(connections, config.replication, run, progress=LoggedProgress(context.log.info))
            context.log.info(f"{config.replication}: {done}")


def _wait_for_others(
    context: dg.OpExecutionContext, connections: Connections, config: ReplicationForm, alive: HolderIsAlive
) -> None:
    """Two rules of one destination are often due at the same minute: the second one waits for its turn."""
    rule = file_rule(connections, config.replication, run_id=context.run_id)
    busy = connections.ledger.busy(rule, holder_is_alive=alive) if config.trigger != "manual" else None
    if busy is not None and context.retry_number < _MOST_WAITS:
        context.log.info(f"{config.replication} waits: {busy}")
        raise dg.RetryRequested(max_retries=_MOST_WAITS, seconds_to_wait=_WAIT_SECONDS)


@contextmanager
def _status_told_after(context: dg.OpExecutionContext, connections: Connections, name: str) -> Iterator[None]:
    """Tell the lineage how the rule stands, however the run ended; what went wrong first is what a person must read."""
    try:
        yield
    finally:
        try:
            status = take_replication_status(connections, name, rules_of(connections.site.approvals))
        except RegistryPipelinesError as error:
            context.log.warning(f"the status of {name} could not be told: {error}")
        else:
            described = replication_status.describe(status, None)
            context.log_event(dg.AssetMaterialization(replication_status.KEY, partition=name, metadata=described))
            # Dagster takes it here, though its types do not say so.
            context.log_event(_evaluation(status))  # type: ignore[arg-type]


def _evaluation(status: ReplicationStatus) -> dg.AssetCheckEvaluation:
    checked = replication_status.check_result(status)
    return dg.AssetCheckEvaluation(
        asset_key=replication_status.KEY,
        check_name=replication_status.IN_STEP.name,
        passed=bool(checked.passed),
        severity=checked.severity,
        description=checked.description,
        partition=status.rule.name,
    )


def build_replication_job() -> dg.JobDefinition:
    """The job that copies by a standing rule."""

    @dg.job(
        name=EXECUTE["replication"],
        description="Compare both registries of one replication and copy what is missing. Started by its schedule, by"
        " the sensor `replicate_on_events`, or by hand; a run that ended early is made good by the next one.",
        executor_def=dg.in_process_executor,
    )
    def replicate_job() -> None:
        copy_by_rule.alias(EXECUTE_OP)()  # ops of a repository have names of their own

    return replicate_job


class DeletionsForm(Form):
    """Of which rule."""

    replication: str = Field(description="name of a replication of the site's file")


@dg.op(
    name="plan_deletions",
    description="Makes an eviction plan at the destination of what the source deleted since it was replicated, and"
    " files it for a decision. Nothing is deleted; what is in use, or kept by a policy of the site, stays.",
    tags={"kind": "oci"},
    config_schema=DeletionsForm.plain_schema(),
)
def plan_deletions(context: dg.OpExecutionContext, site: SiteResource) -> None:
    config = DeletionsForm.filled_in(context)
    with told_to_dagster(), site.connections() as connections:
        rules = rules_of(connections.site.approvals)
        found = take_replicated_deletions(connections, config.replication, rules, run_id=context.run_id)
        for sentence in (*found.left_out, *found.kept):
            context.log.info(f"{config.replication}: {sentence}")
        if found.made is None:
            context.log.info(f"{config.replication}: {found.sentence}")
            return
        described = describe_plan(found.made, links_of_plan(found.made, connections.site, context.run))
        context.log_event(dg.AssetMaterialization(eviction_plan.KEY, partition=found.destination, metadata=described))


def build_deletions_job() -> dg.JobDefinition:
    """The job that makes a plan of what a source deleted."""

    @dg.job(
        name=PLAN_DELETIONS,
        description="What the source of a replication deleted and its destination still has, as an eviction plan of the"
        " destination that waits for a person. It supersedes a plan of that registry that waits.",
        executor_def=dg.in_process_executor,
    )
    def plan_replicated_deletions() -> None:
        plan_deletions()

    return plan_replicated_deletions


def replication_config(name: str, trigger: str) -> dict[str, object]:
    """Run config of the job for one rule."""
    return {"ops": {EXECUTE_OP: {"config": {"replication": name, "trigger": trigger}}}}
