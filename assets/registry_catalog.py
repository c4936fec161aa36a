"""`registry_catalog`: every repository, tag and manifest of a registry."""

import dagster as dg

from assets.cluster_inventory import completeness, timing
from assets.failures import told_to_dagster
from assets.names import EVIDENCE, OWNERS, live_registry, registries_of, seen_alive
from assets.presentation import (
    Metadata,
    amount,
    coverage_markdown,
    markdown_table,
    moment,
    size,
    summary_markdown,
    table,
)
from assets.taking.believed import is_believed
from assets.taking.catalog import take_catalog
from assets.taking.progress import LoggedProgress
from registry_core.catalog import CatalogFrames
from resources.configuration.settings import Site
from resources.database.snapshots import Snapshot
from resources.site import SiteResource

KEY = dg.AssetKey("registry_catalog")
COMPLETE = dg.AssetCheckSpec(
    "catalog_is_complete",
    asset=KEY,
    blocking=True,
    description="Every repository of the registry was read whole. What was not read is kept by every plan: a warning."
    " An error where the list of repositories was not read, or more of them than `limits.max_unread_share` were not:"
    " then no plan is made.",
)


def build_registry_catalog(site: Site) -> dg.AssetsDefinition:
    """The asset, partitioned by the registries of the configuration."""

    @dg.asset(
        key=KEY,
        partitions_def=registries_of(site),
        deps=[live_registry(site).key],
        group_name=EVIDENCE,
        kinds={"oci"},
        owners=OWNERS,
        check_specs=[COMPLETE],
        description="Every repository, tag and manifest of a registry, with media type, platform, size, when it was"
        " made, and the graph between them (index → children, referrer → subject). Manifests are read once by"
        " digest and remembered. What cannot be read is a row that says why.",
    )
    def registry_catalog(context: dg.AssetExecutionContext, site: SiteResource) -> dg.MaterializeResult:
        registry = context.partition_key
        with told_to_dagster(), site.connections() as connections:
            progress = LoggedProgress(context.log.info)
            snapshot = take_catalog(connections, registry, progress=progress, run_id=context.run_id)
            frames = connections.history.read_catalog(registry, at=snapshot)
            believed = is_believed(snapshot, max_unread_share=connections.site.limits.max_unread_share)
        seen_alive(context, "live_registry", snapshot.coverage)
        return dg.MaterializeResult(
            metadata=describe(snapshot, frames),
            check_results=[completeness("catalog_is_complete", snapshot.coverage, believed=believed)],
        )

    return registry_catalog


def describe(snapshot: Snapshot, frames: CatalogFrames) -> Metadata:
    """What a person wants to see of a catalog; numbers plot over time."""
    tags, images = frames.tags, frames.images
    unread = images[images["fault"].notna() | images["config_fault"].notna()]
    nothing = tags[tags["fault"].notna()]
    by_repository = tags.groupby("repository", observed=True).agg(tags=("tag", "size"), images=("digest", "nunique"))
    sizes = images.groupby("repository", observed=True)["image_bytes"].sum()
    by_repository["size"] = sizes.reindex(by_repository.index).fillna(0)
    by_repository = by_repository.sort_values("size", ascending=False).reset_index()
    by_repository["size"] = by_repository["size"].map(size)
    stored = int(images["image_bytes"].sum())
    repositories = len(set(tags["repository"]) | set(images["repository"]))
    summary = [
        f"{amount(len(tags), 'tag')} and {amount(len(images), 'manifest')} in"
        f" {amount(repositories, 'repository', 'repositories')}, as of {moment(snapshot.as_of)}; {size(stored)} by"
        " the manifests, layers that images share counted for each.",
        coverage_markdown(snapshot.coverage),
        markdown_table(
            by_repository, {"repository": "largest repositories", "tags": "tags", "images": "images", "size": "size"}
        ),
    ]
    if len(nothing) or len(unread):
        summary.append(
            f"**{amount(len(nothing), 'tag')} {'resolves' if len(nothing) == 1 else 'resolve'} to nothing readable,"
            f" {amount(len(unread), 'manifest')} cannot be read whole**; see the health report."
        )
    described: Metadata = {
        "summary": summary_markdown(summary),
        "dagster/row_count": len(images),
        "repositories": repositories,
        "tags": len(tags),
        "manifests": len(images),
        "manifests read anew": snapshot.coverage.found.get("manifests read", 0),
        "image bytes": stored,
        "cannot be read": len(unread),
        "not read": len(snapshot.coverage.unexcused),
        **timing(snapshot, len(tags), "tags"),
    }
    if images["protection"].notna().any():
        not_known = images["protection_fault"].notna()
        described["protected by the vendor"] = int((images["protection"].notna() & ~not_known).sum())
        described["perhaps protected by the vendor"] = int(not_known.sum())
    if len(nothing):
        described["tags that resolve to nothing"] = table(nothing, ["repository", "tag", "fault"])
    return described
