"""`deployed_versions`: the version of each repository that each cluster runs, against the newest that there are."""

import dagster as dg
import pandas as pd

from assets import cluster_inventory, registry_catalog
from assets.failures import told_to_dagster
from assets.names import HEALTH, OWNERS
from assets.presentation import Metadata, amount, markdown_table, table
from assets.taking.versions import take_versions
from registry_core.deployed_versions import Product, VersionsReport
from registry_core.deployed_versions_words import newest_text, place_text, summary_sentence
from resources.site import SiteResource

KEY = dg.AssetKey("deployed_versions")

_SUMMARY_ROWS = 12
_LOOKS_SHOWN = 20


def build_deployed_versions(by_itself: dg.AutomationCondition[dg.AssetKey]) -> dg.AssetsDefinition:
    """The asset. One for all clusters and registries, because a product may be in several."""

    @dg.asset(
        key=KEY,
        deps=[
            dg.AssetDep(cluster_inventory.KEY, partition_mapping=dg.AllPartitionMapping()),
            dg.AssetDep(registry_catalog.KEY, partition_mapping=dg.AllPartitionMapping()),
        ],
        group_name=HEALTH,
        kinds={"pandas"},
        owners=OWNERS,
        automation_condition=by_itself,
        description="One row a repository over all clusters and registries: the versions that each cluster runs, the"
        " newest available, how far behind, and what deserves a look. Which repositories are looked at, and which"
        " are one product, is said under `versions` in the site's file.",
    )
    def deployed_versions(site: SiteResource) -> dg.MaterializeResult:
        with told_to_dagster(), site.connections() as connections:
            report = take_versions(connections)
        return dg.MaterializeResult(metadata=describe(report))

    return deployed_versions


def describe(report: VersionsReport) -> Metadata:
    """Counts that plot over time, the table of what is deployed, and what deserves a look in words."""
    telling = [product for product in report.products if product.deployed]
    described: Metadata = {
        "summary": dg.MetadataValue.md(_summary(report, telling)),
        "dagster/row_count": len(report.products),
        "repositories deployed": len(telling),
        "repositories behind": report.behind,
        "environments differ": report.count("differs"),
        "moved tags": report.count("moved"),
        "versions gone from the registry": report.count("gone"),
        "newer patches": report.count("patch"),
        "tags without a version": report.count("unversioned"),
        "not in the catalog": report.count("uncatalogued"),
        "deployed nowhere": report.count("unused"),
        "not fully known": report.count("unread"),
        "versions": table(_frame(report, telling), ["repository", *report.places, "newest"]),
    }
    if report.as_of is not None:
        described["oldest evidence"] = dg.MetadataValue.timestamp(report.as_of)
    looks = [f"- **{product.name}**: {look.text}" for product in telling for look in product.looks]
    if looks:
        more = f"\n\n… and {len(looks) - _LOOKS_SHOWN:,} more." if len(looks) > _LOOKS_SHOWN else ""
        described["deserves a look"] = dg.MetadataValue.md("\n".join(looks[:_LOOKS_SHOWN]) + more)
    return described


def _summary(report: VersionsReport, telling: list[Product]) -> str:
    drifting = [product for product in telling if product.drifts]
    headings = {name: name for name in ("repository", *report.places, "newest")}
    parts = [
        summary_sentence(report),
        markdown_table(_frame(report, drifting), headings, rows=_SUMMARY_ROWS),
    ]
    if report.unread:
        unread = "\n".join(f"- {text}" for text in report.unread[:_LOOKS_SHOWN])
        parts.append(f"**Not all could be read**, {amount(len(report.unread), 'gap')}:\n\n{unread}")
    return "\n\n".join(part for part in parts if part)


def _frame(report: VersionsReport, products: list[Product]) -> pd.DataFrame:
    rows = [
        {
            "repository": product.name,
            **{place: place_text(product, place) for place in report.places},
            "newest": newest_text(product),
        }
        for product in products
    ]
    return pd.DataFrame(rows, columns=["repository", *report.places, "newest"])
