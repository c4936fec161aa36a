"""`replication_status`: each standing rule: in step, behind by what, failing since when and why."""

from collections.abc import Callable

import dagster as dg
import pandas as pd

from assets import cluster_inventory, registry_catalog
from assets.failures import told_to_dagster
from assets.names import MIGRATION, OWNERS, replications_of
from assets.presentation import Metadata, amount, markdown_table, summary_markdown, table
from assets.taking.replication import take_replication_status
from registry_core.approval import ApprovalRules
from registry_core.replication_status import ReplicationStatus
from registry_core.replication_words import DELETED, detail_rows, status_sentence
from resources.configuration.settings import Site
from resources.site import SiteResource

KEY = dg.AssetKey("replication_status")

IN_STEP = dg.AssetCheckSpec(
    "the_destination_is_in_step",
    asset=KEY,
    description="All that the rule takes is at the destination, as it is at the source. An error while copying fails.",
)

ReviewLink = Callable[[str, Site, dg.DagsterRun], str]
"""Where the form is that decides over a rule, by its fingerprint; given by the storey that knows jobs."""

_SUMMARY_ROWS = 6
_COLUMNS = ("image", "lag", "since", "why")


def registries_of_replications(site: Site) -> dg.StaticPartitionMapping:
    """From a registry to the replications that copy from it or to it."""
    return dg.StaticPartitionMapping(
        {
            registry: [name for name, one in site.replications.items() if registry in (one.source, one.to)]
            for registry in site.registries
        }
    )


def build_replication_status(
    site: Site,
    find_link: ReviewLink,
    rules_of: Callable[[Site], ApprovalRules],
    by_itself: dg.AutomationCondition[dg.AssetKey],
) -> dg.AssetsDefinition:
    """The asset, partitioned by the replications of the configuration."""

    @dg.asset(
        key=KEY,
        partitions_def=replications_of(site),
        deps=[
            dg.AssetDep(registry_catalog.KEY, partition_mapping=registries_of_replications(site)),
            dg.AssetDep(cluster_inventory.KEY, partition_mapping=dg.AllPartitionMapping()),
        ],
        group_name=MIGRATION,
        kinds={"oci", "pandas"},
        owners=OWNERS,
        check_specs=[IN_STEP],
        automation_condition=by_itself,
        description="How each replication stands, by the newest catalogs and what its runs wrote down: in step, behind"
        " by what and since when, failing since when and why, and what the source no longer has. A rule waits here for"
        " a person to approve it. What could not be read is told as unknown, never as in step.",
    )
    def replication_status(context: dg.AssetExecutionContext, site: SiteResource) -> dg.MaterializeResult:
        name = context.partition_key
        with told_to_dagster(), site.connections() as connections:
            status = take_replication_status(connections, name, rules_of(connections.site))
            link = find_link(status.fingerprint, connections.site, context.run)
        return dg.MaterializeResult(metadata=describe(status, link), check_results=[check_result(status)])

    return replication_status


def check_result(status: ReplicationStatus) -> dg.AssetCheckResult:
    """What the check says of a status."""
    return dg.AssetCheckResult(
        check_name=IN_STEP.name,
        passed=status.state == "in step",
        severity=dg.AssetCheckSeverity.ERROR if status.state == "failing" else dg.AssetCheckSeverity.WARN,
        description=status_sentence(status).replace("**", ""),
    )


def describe(status: ReplicationStatus, link: str | None) -> Metadata:
    """Metadata of a status, what matters first; numbers plot over time."""
    rows = list(detail_rows(status))
    behind = _frame([row for row in rows if row["lag"] != DELETED])
    gone = _frame([row for row in rows if row["lag"] == DELETED])
    decide = f"This rule copies nothing before a person approves it: [read and decide]({link})." if link else ""
    parts = [
        status_sentence(status),
        decide if status.standing == "waiting" else "",
        f"{amount(status.events_waiting, 'event')} of the source not acted upon yet." if status.events_waiting else "",
        markdown_table(behind, {"image": "not in step", "lag": "how", "why": "why"}, rows=_SUMMARY_ROWS),
    ]
    described: Metadata = {
        "summary": summary_markdown(parts),
        "state": status.state,
        "dagster/row_count": status.wanted,
        "images in step": status.in_step,
        "images behind": len(status.behind) - status.count("unknown"),
        "images failing": status.count("failing", "conflict", "unreadable"),
        "images not known": status.count("unknown"),
        "deleted at the source": len(status.gone),
        "events waiting": status.events_waiting,
        "rule": status.fingerprint,
    }
    for label, at in (
        ("behind since", status.behind_since),
        ("failing since", status.failing_since),
        ("last good run", status.runs.ended_well_at if status.runs is not None else None),
        ("oldest evidence", status.as_of),
    ):
        if at is not None:
            described[label] = dg.MetadataValue.timestamp(at)
    if not behind.empty:
        described["not in step, and why"] = table(behind, _COLUMNS)
    if not gone.empty:
        described[DELETED] = table(gone, _COLUMNS)
    return described


def _frame(rows: list[dict[str, object]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=list(_COLUMNS))
