"""The check *required evidence is there* of every asset that makes itself: what it waits for, and since when.

An asset that waits is not made, so its own step cannot say why. These checks are a step of their own, which automation
runs every 15 minutes. A failed one counts no longer once its asset was made.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import dagster as dg

from assets import (
    deployed_versions,
    eviction_plan,
    health_report,
    image_usage,
    migration_plan,
    single_copy_report,
)
from assets.failures import told_to_dagster
from assets.taking.waiting import find_waits
from registry_core.waiting import Wait, waits_in_words
from resources.configuration.settings import Site
from resources.site import SiteResource

NAME = "required_evidence_is_there"

_OFTEN = "*/15 * * * *"

_HOW_TO_END = (
    "Materialize what is missing; a cluster that no plan depends on can be `required: false` in the site's file."
)


def evidence_checks(site: Site) -> list[dg.AssetCheckKey]:
    """Keys of the checks, one for each asset that can wait."""
    assets = [image_usage.KEY, health_report.KEY, deployed_versions.KEY, single_copy_report.KEY, eviction_plan.KEY]
    assets += [migration_plan.KEY] if site.migrations else []
    return [dg.AssetCheckKey(asset, NAME) for asset in assets]


def build_evidence_checks(site: Site) -> dg.AssetChecksDefinition:
    """All of them in one step, because they are one look at the history."""

    @dg.multi_asset_check(
        name=NAME,
        specs=[
            dg.AssetCheckSpec(
                key.name,
                asset=key.asset_key,
                automation_condition=dg.AutomationCondition[dg.AssetCheckKey].cron_tick_passed(_OFTEN),
                description="Every required cluster and the catalog were read, and for a plan whole and lately enough."
                " Otherwise automation does not make this asset; the result says what is missing, and since when.",
            )
            for key in evidence_checks(site)
        ],
        can_subset=True,
    )
    def required_evidence_is_there(
        context: dg.AssetCheckExecutionContext, site: SiteResource
    ) -> Iterator[dg.AssetCheckResult]:
        now = datetime.now(UTC)
        with told_to_dagster(), site.connections() as connections:
            waits = find_waits(connections.site, connections.history, now)
        for key in sorted(context.selected_asset_check_keys):
            yield judge(key, [wait for wait in waits if wait.asset == key.asset_key.to_user_string()], now)

    return required_evidence_is_there


def judge(key: dg.AssetCheckKey, waits: Sequence[Wait], now: datetime) -> dg.AssetCheckResult:
    """Failed where the asset waits, in any partition."""
    since = min((wait.since for wait in waits if wait.since is not None), default=None)
    return dg.AssetCheckResult(
        asset_key=key.asset_key,
        check_name=key.name,
        passed=not waits,
        severity=dg.AssetCheckSeverity.ERROR,
        description=f"{'. '.join(waits_in_words(waits, now))}. {_HOW_TO_END}" if waits else "Waits for no evidence.",
        metadata={
            "partitions that wait": len(waits),
            **({"waits since": dg.MetadataValue.timestamp(since)} if since is not None else {}),
        },
    )
