"""`single_copy_report`: which images in use exist in one registry only, or only where it is not ours."""

import dagster as dg
import pandas as pd

from assets import cluster_inventory, registry_catalog
from assets.failures import told_to_dagster
from assets.names import HEALTH, OWNERS
from assets.presentation import Metadata, amount, markdown_table, summary_markdown, table
from assets.taking.single_copies import take_single_copies
from registry_core.single_copies import VERDICTS, CopiesReport, UsedImage
from registry_core.single_copies_words import (
    MEANING,
    cluster_rows,
    short_name,
    summary_sentence,
    why_text,
    workloads_text,
)
from resources.site import SiteResource

KEY = dg.AssetKey("single_copy_report")

_SUMMARY_ROWS = 6
_COLUMNS = ("image", "copies", "environments", "workloads", "pods")
_UNREAD_SHOWN = 10


def build_single_copy_report(by_itself: dg.AutomationCondition[dg.AssetKey]) -> dg.AssetsDefinition:
    """The asset. One for all clusters and registries, because copies are looked for across them."""

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
        description="If a registry is lost: which images in use are in no other, by cluster and workload, the worst"
        " first. A copy is the same digest with every platform. Which registries are not yours is said by `ours:"
        " false` in the site's file; hosts that are not configured are not yours. What could not be read is told as"
        " unknown, never as a missing copy.",
    )
    def single_copy_report(site: SiteResource) -> dg.MaterializeResult:
        with told_to_dagster(), site.connections() as connections:
            report = take_single_copies(connections)
        return dg.MaterializeResult(metadata=describe(report))

    return single_copy_report


def describe(report: CopiesReport) -> Metadata:
    """Counts that plot over time, the images at risk, and the same by cluster."""
    at_risk = _frame(report.at_risk)
    described: Metadata = {
        "summary": summary_markdown(_summary(report, at_risk)),
        "dagster/row_count": len(report.images),
        "single points of failure": sum(image.is_single_point for image in report.images),
        **{MEANING[verdict]: report.count(verdict) for verdict in VERDICTS},
        "at risk": table(at_risk, _COLUMNS),
        "by cluster": table(pd.DataFrame(cluster_rows(report)), ["cluster", "images", *VERDICTS])
        if report.images
        else dg.MetadataValue.md("No image is in use."),
    }
    if report.as_of is not None:
        described["oldest evidence"] = dg.MetadataValue.timestamp(report.as_of)
    if report.unread:
        described["not read"] = dg.MetadataValue.md("\n".join(f"- {text}" for text in report.unread[:_UNREAD_SHOWN]))
    return described


def _summary(report: CopiesReport, at_risk: pd.DataFrame) -> list[str]:
    unread = f"**Not all could be read**, {amount(len(report.unread), 'gap')}: what is unknown may well have a copy."
    return [
        summary_sentence(report),
        unread if report.unread else "",
        markdown_table(at_risk, {"image": "the worst", "copies": "copies", "workloads": "used by"}, rows=_SUMMARY_ROWS),
    ]


def _frame(images: tuple[UsedImage, ...]) -> pd.DataFrame:
    rows = [
        {
            "image": short_name(image),
            "copies": why_text(image),
            "environments": ", ".join(image.environments),
            "workloads": workloads_text(image, 2),
            "pods": image.pods,
        }
        for image in images
    ]
    return pd.DataFrame(rows, columns=list(_COLUMNS))
