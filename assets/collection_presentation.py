"""A collection plan as metadata: what a person reads before they agree, its first part shown whole."""

from __future__ import annotations

import dagster as dg
import pandas as pd

from assets.eviction_presentation import PlanLinks
from assets.presentation import Metadata, amount, moment, size, span, summary_markdown, table
from assets.taking.collection import MadeCollectionPlan
from registry_core.collection import CollectionPlan

_HEADINGS = ("eviction", "last deleted", "images")


def describe_collection_plan(made: MadeCollectionPlan, links: PlanLinks) -> Metadata:
    """Metadata of a plan, what matters first; numbers plot over time."""
    plan = made.plan
    described: Metadata = {
        "summary": summary_markdown(_summary(made, links)),
        "images": plan.images,
        "evictions": len(plan.entries),
        "bytes that collection frees": plan.expected_bytes,
        "how": dg.MetadataValue.md(str(plan.way)),
        "catalog": dg.MetadataValue.timestamp(plan.catalog.as_of),
        "fingerprint": plan.fingerprint,
        "dagster/row_count": len(plan.entries),
    }
    if plan.entries:
        described["evictions that become final"] = table(pd.DataFrame(list(plan.rows())), list(_HEADINGS))
    return described


def _summary(made: MadeCollectionPlan, links: PlanLinks) -> list[str]:
    plan = made.plan
    told = f"By the catalog of {moment(plan.catalog.as_of)}."
    if not plan.entries:
        return [f"**Nothing to collect:** {plan.registry} holds no bytes of images that we deleted. {told}"]
    whole = f" · [all of it]({links.whole})" if links.whole else ""
    parts = [
        f"**{size(plan.expected_bytes)} are freed by a collection of {plan.registry}**, of"
        f" {amount(plan.images, 'deleted image')} from {amount(len(plan.entries), 'eviction')}. {told}",
        f"**[Review and approve this plan →]({links.review})**{whole}",
        way_back(plan),
        f"How: {plan.way}.{'' if plan.way.through == 'harbor' or plan.way.allow_pushes else _READ_ONLY}",
    ]
    return parts if plan.second_person is None else [*parts, f"A second person must approve: {plan.second_person}."]


_READ_ONLY = " It is refused while the registry takes pushes: make it read-only before you approve."


def way_back(plan: CollectionPlan) -> str:
    """What collection does to the way back, as a sentence."""
    if plan.kept_for is not None:
        return f"Afterwards these images can be put back from the quarantine only, for {span(plan.kept_for)} each."
    return "Afterwards **these images cannot be put back**: no quarantine has their layers."
