"""`migration_approval`: a person's decision over one plan, as it stands in the lineage."""

from __future__ import annotations

import dagster as dg

from assets import migration_plan
from assets.names import MIGRATION, migrations_of
from assets.plan_approval import approval_asset
from resources.configuration.settings import Site


def migration_approval(site: Site) -> dg.AssetSpec:
    """The asset, partitioned by the migrations of the configuration."""
    return approval_asset("migration", plan=migration_plan.KEY, partitions=migrations_of(site), group=MIGRATION)
