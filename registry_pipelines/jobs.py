"""Jobs that refresh the graph. Those that delete or move something have files of their own."""

from __future__ import annotations

import dagster as dg

from assets import (
    cluster_inventory,
    deployed_versions,
    eviction_plan,
    health_report,
    image_usage,
    registry_catalog,
    single_copy_report,
)
from assets.evidence_checks import evidence_checks
from assets.freshness import EVIDENCE_IS_FRESH
from resources.configuration.settings import Site

REFRESH_INVENTORY = "refresh_inventory"
REFRESH_CATALOG = "refresh_catalog"
REFRESH_HEALTH = "refresh_health"
REFRESH_VERSIONS = "refresh_versions"
REFRESH_SINGLE_COPIES = "refresh_single_copies"
CHECK_EVIDENCE = "check_evidence"
PLAN_EVICTION = "plan_eviction"


def build_jobs(site: Site) -> list[dg.UnresolvedAssetJobDefinition]:
    """One job for each thing that is asked for by name: in the UI, by a schedule, by the command line."""
    waiting = dg.AssetSelection.checks(*evidence_checks(site))  # a look at the whole site, made by automation
    return [
        dg.define_asset_job(
            REFRESH_INVENTORY,
            selection=dg.AssetSelection.assets(cluster_inventory.KEY) - dg.AssetSelection.checks(*EVIDENCE_IS_FRESH),
            description="Read every image reference of one cluster.",
        ),
        dg.define_asset_job(
            REFRESH_CATALOG,
            selection=dg.AssetSelection.assets(registry_catalog.KEY) - dg.AssetSelection.checks(*EVIDENCE_IS_FRESH),
            description="Read every repository, tag and manifest of one registry.",
        ),
        dg.define_asset_job(
            REFRESH_HEALTH,
            selection=dg.AssetSelection.assets(image_usage.KEY, health_report.KEY) - waiting,
            description="Who uses what of one registry, and is all of it still there to be pulled?",
        ),
        dg.define_asset_job(
            REFRESH_VERSIONS,
            selection=dg.AssetSelection.assets(deployed_versions.KEY) - waiting,
            description="Which version of each repository runs where, and what newer is there?",
        ),
        dg.define_asset_job(
            REFRESH_SINGLE_COPIES,
            selection=dg.AssetSelection.assets(single_copy_report.KEY) - waiting,
            description="Which images in use are in one registry only, so that its loss would stop them?",
        ),
        dg.define_asset_job(
            PLAN_EVICTION,
            selection=dg.AssetSelection.assets(eviction_plan.KEY) - waiting,
            description="Which images of one registry may go, by the newest evidence? Nothing is deleted.",
        ),
        dg.define_asset_job(
            CHECK_EVIDENCE,
            selection=dg.AssetSelection.checks(*EVIDENCE_IS_FRESH),
            description="Is any inventory or catalog older than the limits allow? Looks at every partition.",
        ),
    ]
