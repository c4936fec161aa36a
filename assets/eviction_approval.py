"""`eviction_approval`: a person's decision over one eviction plan."""

from __future__ import annotations

import dagster as dg

from assets import eviction_plan
from assets.names import EVICTION, registries_of
from assets.plan_approval import approval_asset, approval_key
from resources.configuration.settings import Site

KEY = approval_key("eviction")


def eviction_approval(site: Site) -> dg.AssetSpec:
    """The asset, partitioned by the registries of the configuration."""
    return approval_asset("eviction", plan=eviction_plan.KEY, partitions=registries_of(site), group=EVICTION)
