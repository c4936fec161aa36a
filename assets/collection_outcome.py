"""`collection_outcome`: what a registry freed."""

from __future__ import annotations

import dagster as dg

from assets.names import EVICTION, OWNERS, collecting_registries_of
from assets.plan_approval import approval_key
from assets.presentation import Metadata, amount, size, span
from registry_core.collection import CollectionPlan
from resources.configuration.settings import Site
from resources.database.collection_journal import CollectionRecord

KEY = dg.AssetKey("collection_outcome")


def collection_outcome(site: Site) -> dg.AssetSpec:
    """The asset; the job `execute_collection_plan` says when there is a new one."""
    return dg.AssetSpec(
        KEY,
        deps=[approval_key("collection")],
        partitions_def=collecting_registries_of(site),
        group_name=EVICTION,
        kinds={"oci"},
        owners=OWNERS,
        description="What an approved collection freed: the bytes of the registry's storage before and after, or what"
        " the vendor tells, beside what the plan expected.",
    )


def outcome_event(plan: CollectionPlan, collected: CollectionRecord) -> dg.AssetMaterialization:
    """A collection for the lineage, as far as it came."""
    sentence = outcome_sentence(plan, collected)
    described: Metadata = {
        "summary": dg.MetadataValue.md(sentence),
        "expected bytes": plan.expected_bytes,
        "images": plan.images,
        "how": dg.MetadataValue.md(str(plan.way)),
        "plan": plan.fingerprint,
    }
    for label, number in (
        ("freed bytes", collected.freed_bytes),
        ("bytes before", collected.before_bytes),
        ("bytes after", collected.after_bytes),
    ):
        if number is not None:
            described[label] = number
    if collected.last_lines:
        described["its last lines"] = dg.MetadataValue.md(f"```text\n{collected.last_lines}\n```")
    return dg.AssetMaterialization(KEY, partition=plan.registry, description=sentence, metadata=described)


def outcome_sentence(plan: CollectionPlan, collected: CollectionRecord) -> str:
    """What happened, in a sentence or two."""
    if collected.succeeded is None:
        return f"The collection of {plan.registry} was begun, and nobody knows how it ended."
    if not collected.succeeded:
        return f"The collection of {plan.registry} ended with an error; its last lines say why."
    took = ""
    if collected.ended_at is not None:
        took = f" in {span(collected.ended_at - collected.begun_at)}"
    freed = "bytes that it does not tell" if collected.freed_bytes is None else size(collected.freed_bytes)
    measured = ""
    if collected.before_bytes is not None and collected.after_bytes is not None:
        measured = f" Its storage held {size(collected.before_bytes)} and holds {size(collected.after_bytes)}."
    return (
        f"{plan.registry} freed {freed}{took}; {size(plan.expected_bytes)} were expected of"
        f" {amount(plan.images, 'deleted image')}.{measured}"
    )
