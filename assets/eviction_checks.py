"""Blocking checks of a plan, held against the evidence in another way than the plan was made."""

from __future__ import annotations

from collections.abc import Sequence

import dagster as dg

from registry_core.eviction_check import Check, PlanProblem

_SHOWN = 5

#: Name of the asset check, by the check of the core that it tells.
_NAMES: dict[Check, str] = {
    "nothing in use": "nothing_in_use_goes",
    "nothing of a kept image": "nothing_of_a_kept_image_goes",
    "evidence complete and fresh": "evidence_is_complete_and_fresh",
    "within limits": "plan_is_within_limits",
}
_WISHES: dict[Check, str] = {
    "nothing in use": "No image of the plan is in use by any cluster, itself or through a child.",
    "nothing of a kept image": "No image of the plan is a child, a referrer or a subject of one that stays.",
    "evidence complete and fresh": "Every required inventory was read whole and lately enough, and the catalog too, but"
    " for repositories within `limits.max_unread_share`, which stay.",
    "within limits": "The plan is within `limits`.",
}


def plan_check_specs(asset: dg.AssetKey) -> list[dg.AssetCheckSpec]:
    """The checks of `eviction_plan`. A plan that fails one is not filed, so nobody can approve it."""
    return [
        dg.AssetCheckSpec(name, asset=asset, blocking=True, description=_WISHES[check])
        for check, name in _NAMES.items()
    ]


def plan_check_results(problems: Sequence[PlanProblem]) -> list[dg.AssetCheckResult]:
    """One result a check, with the first sentences of what is wrong."""
    return [_result(check, [one.message for one in problems if one.check == check]) for check in _NAMES]


def _result(check: Check, messages: Sequence[str]) -> dg.AssetCheckResult:
    more = f"; and {len(messages) - _SHOWN:,} more" if len(messages) > _SHOWN else ""
    return dg.AssetCheckResult(
        check_name=_NAMES[check],
        passed=not messages,
        severity=dg.AssetCheckSeverity.ERROR,
        description=_WISHES[check] if not messages else "; ".join(messages[:_SHOWN]) + more,
        metadata={"problems": len(messages)},
    )
