"""`cluster_inventory`: every image reference of every workload of a cluster."""

from datetime import datetime

import dagster as dg
import pandas as pd

from assets.failures import told_to_dagster
from assets.names import EVIDENCE, OWNERS, clusters_of, live_cluster, seen_alive
from assets.presentation import (
    Metadata,
    amount,
    coverage_markdown,
    markdown_table,
    moment,
    summary_markdown,
    table,
)
from assets.taking.inventory import take_inventory
from assets.taking.progress import LoggedProgress
from registry_core.coverage import Coverage
from registry_core.inventory import PULL_ERRORS
from resources.configuration.settings import Site
from resources.database.snapshots import Snapshot
from resources.site import SiteResource

KEY = dg.AssetKey("cluster_inventory")
COMPLETE = dg.AssetCheckSpec(
    "inventory_is_complete",
    asset=KEY,
    blocking=True,
    description="Everything that was asked of the cluster was read, or is excused by the configuration. Otherwise"
    " nothing may be concluded from what is not in this inventory, and no plan is made.",
)
PULLED = dg.AssetCheckSpec(
    "every_image_is_pulled",
    asset=KEY,
    description="No container waits for its image (ImagePullBackOff, ErrImagePull, InvalidImageName, …).",
)


def build_cluster_inventory(site: Site) -> dg.AssetsDefinition:
    """The asset, partitioned by the clusters of the configuration."""

    @dg.asset(
        key=KEY,
        partitions_def=clusters_of(site),
        deps=[live_cluster(site).key],
        group_name=EVIDENCE,
        kinds={"kubernetes"},
        owners=OWNERS,
        check_specs=[COMPLETE, PULLED],
        description="Every image reference of every workload of a cluster: pods with what their statuses say,"
        " the templates of their owners, custom resources. A row says where it was found, and since when.",
    )
    def cluster_inventory(context: dg.AssetExecutionContext, site: SiteResource) -> dg.MaterializeResult:
        cluster = context.partition_key
        with told_to_dagster(), site.connections() as connections:
            progress = LoggedProgress(context.log.info)
            snapshot = take_inventory(connections, cluster, progress=progress, run_id=context.run_id)
            frame = connections.history.read_inventory(cluster, at=snapshot)
            severity = connections.site.severity_of(connections.site.clusters[cluster].environment)
        seen_alive(context, "live_cluster", snapshot.coverage)
        return dg.MaterializeResult(
            metadata=describe(snapshot, frame),
            check_results=[completeness("inventory_is_complete", snapshot.coverage), _pulled(frame, severity)],
        )

    return cluster_inventory


def describe(snapshot: Snapshot, frame: pd.DataFrame) -> Metadata:
    """What a person wants to see of an inventory; numbers plot over time."""
    pods = frame[frame["kind"].eq("Pod")]
    failing = frame[frame["reason"].isin(PULL_ERRORS)]
    images = frame["reference"].nunique()
    workloads = len(frame[["namespace", "owner_kind", "owner_name"]].drop_duplicates())
    registries = frame.groupby("registry", observed=True).agg(
        references=("reference", "nunique"), workloads=("owner_name", "nunique")
    )
    registries = registries.sort_values("references", ascending=False).reset_index()
    summary = [
        f"{amount(images, 'image reference')} in {amount(workloads, 'workload')} and"
        f" {amount(pods['name'].nunique(), 'pod')}, as of {moment(snapshot.as_of)}.",
        coverage_markdown(snapshot.coverage),
        markdown_table(
            registries, {"registry": "registry", "references": "references", "workloads": "workloads"}, rows=8
        ),
    ]
    if not failing.empty:
        summary.append(f"**{amount(failing['name'].nunique(), 'pod')} cannot pull an image**; see the table below.")
    described: Metadata = {
        "summary": summary_markdown(summary),
        "dagster/row_count": len(frame),
        "images": images,
        "workloads": workloads,
        "pods": int(pods["name"].nunique()),
        "pull errors": len(failing),
        "not read": len(snapshot.coverage.unexcused),
        **timing(snapshot, len(frame), "rows"),
    }
    if not failing.empty:
        columns = ["namespace", "owner_name", "reference", "reason"]
        described["cannot be pulled"] = table(failing.drop_duplicates(columns[:3]), columns)
    return described


def timing(snapshot: Snapshot, count: int, what: str, *, since: datetime | None = None) -> Metadata:
    """As of when, how long it took (`since` the work began, else the writing) and at what rate."""
    if snapshot.finished_at is None:
        return {}
    seconds = max((snapshot.finished_at - (since or snapshot.started_at)).total_seconds(), 0.001)
    return {
        "as of": dg.MetadataValue.timestamp(snapshot.as_of),
        "seconds": round(seconds, 3),
        f"{what} a second": round(count / seconds, 1),
    }


def completeness(name: str, coverage: Coverage, *, believed: bool = False) -> dg.AssetCheckResult:
    """A check from coverage: passed when nothing that matters went unread. Where the rest may be `believed`, a failure
    is a warning and blocks nothing."""
    return dg.AssetCheckResult(
        check_name=name,
        passed=coverage.complete,
        severity=dg.AssetCheckSeverity.WARN if believed else dg.AssetCheckSeverity.ERROR,
        description=coverage.summary(),
        metadata={"asked": coverage.asked, "answered": coverage.answered, "not read": len(coverage.unexcused)},
    )


def _pulled(frame: pd.DataFrame, severity: str) -> dg.AssetCheckResult:
    failing = frame[frame["reason"].isin(PULL_ERRORS)]
    references = sorted({str(reference) for reference in failing["reference"]})
    return dg.AssetCheckResult(
        check_name="every_image_is_pulled",
        passed=not references,
        severity=dg.AssetCheckSeverity.ERROR if severity == "error" else dg.AssetCheckSeverity.WARN,
        description="Every image is pulled."
        if not references
        else f"{amount(len(references), 'reference')} cannot be pulled: {', '.join(references[:5])}"
        + (f", and {len(references) - 5} more" if len(references) > 5 else ""),
        metadata={"references": len(references)},
    )
