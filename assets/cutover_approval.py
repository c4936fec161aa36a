"""`cutover_approval`: a person's decision over one plan, as it stands in the lineage."""

from __future__ import annotations

import dagster as dg

from assets import cutover_plan
from assets.names import CUTOVER, cutovers_of
from assets.plan_approval import approval_asset
from resources.configuration.settings import Site


def cutover_approval(site: Site) -> dg.AssetSpec:
    """The asset, partitioned by the cut-overs of the configuration."""
    return approval_asset("cutover", plan=cutover_plan.KEY, partitions=cutovers_of(site), group=CUTOVER)
