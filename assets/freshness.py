"""Freshness of the evidence, judged by its *oldest* part.

Dagster's own freshness policies look at the newest of any partition (design §9): one cluster that is inventoried
every 15 minutes would hide another that was last read a week ago.
"""

from datetime import UTC, datetime, timedelta
from typing import Literal

import dagster as dg

from assets import cluster_inventory, registry_catalog
from assets.failures import told_to_dagster
from assets.presentation import span
from assets.taking.believed import newest_believed
from resources.site import SiteResource

EVIDENCE_IS_FRESH = (
    dg.AssetCheckKey(cluster_inventory.KEY, "every_inventory_is_fresh"),
    dg.AssetCheckKey(registry_catalog.KEY, "every_catalog_is_fresh"),
)


def build_freshness_checks() -> list[dg.AssetChecksDefinition]:
    """One check for all clusters, one for all registries."""
    return [
        _freshness(EVIDENCE_IS_FRESH[0], "inventory", "cluster"),
        _freshness(EVIDENCE_IS_FRESH[1], "catalog", "registry"),
    ]


def _freshness(key: dg.AssetCheckKey, kind: Literal["inventory", "catalog"], source: str) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=key.asset_key,
        name=key.name,
        description=f"The last {kind} of every {source} that may be believed is younger than `limits.max_{kind}_age`.",
    )
    def every_one_is_fresh(site: SiteResource) -> dg.AssetCheckResult:
        with told_to_dagster(), site.connections() as connections:
            limits = connections.site.limits
            allowed = limits.max_inventory_age if kind == "inventory" else limits.max_catalog_age
            names = connections.site.clusters if kind == "inventory" else connections.site.registries
            newest = {
                name: newest_believed(connections.history, kind, name, max_unread_share=limits.max_unread_share)
                for name in names
            }
        now = datetime.now(UTC)
        ages = {name: None if snapshot is None else now - snapshot.as_of for name, snapshot in newest.items()}
        return judge_ages(ages, allowed=allowed, kind=kind)

    return every_one_is_fresh


def judge_ages(ages: dict[str, timedelta | None], *, allowed: timedelta, kind: str) -> dg.AssetCheckResult:
    """Passed when everything was read, and lately enough. None: never read whole."""
    late = [
        f"{name}: {'never read whole' if age is None else f'{span(age)} old'}"
        for name, age in ages.items()
        if age is None or age > allowed
    ]
    oldest = max((age for age in ages.values() if age is not None), default=None)
    return dg.AssetCheckResult(
        passed=not late,
        severity=dg.AssetCheckSeverity.ERROR,
        description=f"Every {kind} is younger than {span(allowed)}."
        if not late
        else f"Older than {span(allowed)}: {'; '.join(late)}. Look at the last runs of these partitions.",
        metadata={"late": len(late), **({"oldest, hours": round(oldest.total_seconds() / 3600, 2)} if oldest else {})},
    )
