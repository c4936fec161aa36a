"""`collection_approval`: a person's decision over one plan, as it stands in the lineage."""

from __future__ import annotations

import dagster as dg

from assets import collection_plan
from assets.names import EVICTION, collecting_registries_of
from assets.plan_approval import approval_asset
from resources.configuration.settings import Site


def collection_approval(site: Site) -> dg.AssetSpec:
    """The asset, partitioned by the registries for which a `collection` is configured."""
    return approval_asset(
        "collection", plan=collection_plan.KEY, partitions=collecting_registries_of(site), group=EVICTION
    )
