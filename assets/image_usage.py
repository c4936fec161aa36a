"""`image_usage`: which stored image is used by which workload, and which reference finds nothing."""

import dagster as dg

from assets import cluster_inventory, registry_catalog
from assets.failures import told_to_dagster
from assets.names import HEALTH, OWNERS, registries_of
from assets.presentation import Metadata, amount, coverage_markdown, markdown_table, moment, summary_markdown, table
from assets.taking.evidence import Evidence
from assets.taking.usage import take_usage
from registry_core.usage import UsageFrames
from resources.configuration.settings import Site
from resources.database.snapshots import Snapshot
from resources.site import SiteResource

KEY = dg.AssetKey("image_usage")
RESOLVES = dg.AssetCheckSpec(
    "every_reference_resolves",
    asset=KEY,
    description="Every reference of a workload to this registry resolves to an image of the newest catalog. Whether"
    " the others are missing, `health_report` asks the registry.",
)


def build_image_usage(site: Site, by_itself: dg.AutomationCondition[dg.AssetKey]) -> dg.AssetsDefinition:
    """The asset, partitioned by the registries of the configuration."""

    @dg.asset(
        key=KEY,
        partitions_def=registries_of(site),
        deps=[
            dg.AssetDep(cluster_inventory.KEY, partition_mapping=dg.AllPartitionMapping()),
            dg.AssetDep(registry_catalog.KEY),
        ],
        group_name=HEALTH,
        kinds={"pandas"},
        owners=OWNERS,
        check_specs=[RESOLVES],
        automation_condition=by_itself,
        description="Inventory × catalog: which stored image is used by which workload of which cluster, since"
        " when, matched by tag, by digest, by what the runtime reports as running, and wherever the same digest"
        " is stored; and the references that resolve to nothing.",
    )
    def image_usage(context: dg.AssetExecutionContext, site: SiteResource) -> dg.MaterializeResult:
        with told_to_dagster(), site.connections() as connections:
            snapshot, frames, evidence = take_usage(connections, context.partition_key, run_id=context.run_id)
        return dg.MaterializeResult(metadata=describe(snapshot, frames, evidence), check_results=[_resolves(frames)])

    return image_usage


def describe(snapshot: Snapshot, frames: UsageFrames, evidence: Evidence) -> Metadata:
    """Counts by cluster and by repository, and what finds nothing."""
    usage, lost = frames.usage, frames.unresolved
    by_cluster = usage.groupby("cluster", observed=True).agg(images=("digest", "nunique"), pods=("pods", "sum"))
    stored = len(evidence.catalog.images)
    used_share = 100 * frames.images_in_use / stored if stored else 0.0
    oldest = evidence.oldest
    summary = [
        f"Workloads use {amount(frames.images_in_use, 'image')} of {stored:,} stored manifests. The oldest evidence is"
        f" the {oldest.kind} of {oldest.source}, {moment(oldest.as_of)}.",
        coverage_markdown(evidence.coverage),
        markdown_table(by_cluster.reset_index(), {"cluster": "cluster", "images": "images", "pods": "pods"}),
    ]
    if evidence.unasked:
        summary.append(f"Not asked yet, and not required: {', '.join(evidence.unasked)}.")
    if not lost.empty:
        summary.append(
            f"**{amount(lost['reference'].nunique(), 'reference')} of workloads resolve to nothing**, see below."
        )
    described: Metadata = {
        "summary": summary_markdown(summary),
        "dagster/row_count": len(usage),
        "images in use": frames.images_in_use,
        "share in use, %": round(used_share, 1),
        "references to nothing": int(lost["reference"].nunique()),
        "as of": dg.MetadataValue.timestamp(snapshot.as_of),
    }
    if not lost.empty:
        columns = ["cluster", "owner_name", "reference", "why"]
        described["resolves to nothing"] = table(lost.drop_duplicates(columns), columns)
    return described


def _resolves(frames: UsageFrames) -> dg.AssetCheckResult:
    lost = sorted({str(reference) for reference in frames.unresolved["reference"]})
    return dg.AssetCheckResult(
        check_name="every_reference_resolves",
        passed=not lost,
        severity=dg.AssetCheckSeverity.WARN,
        description="Every reference resolves."
        if not lost
        else f"{amount(len(lost), 'reference')} resolve to nothing: {', '.join(lost[:5])}",
        metadata={"references": len(lost)},
    )
