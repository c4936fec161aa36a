"""`eviction_outcome`: what became of each entry of a plan that was carried out."""

from __future__ import annotations

from datetime import timedelta

import dagster as dg
import pandas as pd

from assets import eviction_approval
from assets.eviction_presentation import short_tags
from assets.names import EVICTION, OWNERS, registries_of
from assets.presentation import Metadata, amount, markdown_table, size, span, table
from assets.taking.collection import CollectionAdvice
from registry_core.eviction import Plan
from registry_core.eviction_outcome import OUTCOME_WORDS
from resources.configuration.settings import Site
from resources.database.ledger_records import PlanRecord

KEY = dg.AssetKey("eviction_outcome")

_UNKNOWN = "not known"


def eviction_outcome(site: Site) -> dg.AssetSpec:
    """The asset; the job `execute_eviction_plan` says when there is a new one."""
    return dg.AssetSpec(
        KEY,
        deps=[eviction_approval.KEY],
        partitions_def=registries_of(site),
        group_name=EVICTION,
        kinds={"oci"},
        owners=OWNERS,
        description="What became of each entry of an approved plan: deleted, already gone, spared, refused by the"
        " registry, failed; each looked at once more before its deletion, and kept so that it can be asked back.",
    )


def outcome_event(
    record: PlanRecord, plan: Plan, journal: pd.DataFrame, *, restore: str, advice: CollectionAdvice
) -> dg.AssetMaterialization:
    """The journal of a plan (JOURNAL_COLUMNS) for the lineage; `restore` is the link to the form that undoes it."""
    counts = outcome_counts(journal)
    sentence = outcome_sentence(record, plan, journal, advice)
    described: Metadata = {
        "summary": dg.MetadataValue.md(f"{sentence}\n\n**[Put images back →]({restore})**"),
        "dagster/row_count": len(journal),
        **counts,
        "put back since": int(journal["restored_at"].notna().sum()),
        "bytes of what was deleted": deleted_bytes(plan, journal),
        "bytes that only collection frees": advice.frees_bytes,
        "how to collect": dg.MetadataValue.md(advice.how),
        "plan": record.fingerprint,
        "state": record.state,
    }
    others = journal[~journal["outcome"].isin(["deleted", "already gone"])]
    if not others.empty:
        described["not deleted, and why"] = table(_rows(others), list(_HEADINGS))
    if not journal.empty:
        described["by repository"] = dg.MetadataValue.md(_by_repository(journal))
        described["entries"] = table(_rows(journal), list(_HEADINGS))
    return dg.AssetMaterialization(
        KEY,
        partition=record.subject,
        description=sentence,
        metadata=described,
    )


def outcome_counts(journal: pd.DataFrame) -> dict[str, int]:
    """Entries by outcome, those that are not known included where there are any."""
    counts = {str(word): int(journal["outcome"].eq(word).sum()) for word in OUTCOME_WORDS}
    unknown = int(journal["outcome"].isna().sum())
    return {**counts, **({_UNKNOWN: unknown} if unknown else {})}


def outcome_sentence(record: PlanRecord, plan: Plan, journal: pd.DataFrame, advice: CollectionAdvice) -> str:
    """What happened, in one or two sentences."""
    counts = outcome_counts(journal)
    rest = [f"{count:,} {word}" for word, count in counts.items() if count and word != "deleted"]
    back = int(journal["restored_at"].notna().sum())
    back_words = f" **{back:,} of them were put back since.**" if back else ""
    took = ""
    if journal["ended_at"].notna().any() and journal["kept_at"].notna().any():
        took = f" in {span(max(journal['ended_at'].max() - journal['kept_at'].min(), timedelta(seconds=1)))}"
    return (
        f"{amount(counts['deleted'], 'entry', 'entries')} of {len(plan.entries):,} deleted{took}"
        f"{'; ' + ', '.join(rest) if rest else ''}. Only a collection frees its {size(advice.frees_bytes)}.{back_words}"
    )


def deleted_bytes(plan: Plan, journal: pd.DataFrame) -> int:
    """Bytes that the deleted images described; layers that several share are counted each time."""
    positions = journal.loc[journal["outcome"].eq("deleted"), "position"]
    return sum(plan.entries[int(position)].image_bytes for position in positions)


_HEADINGS = ("repository", "tags", "outcome", "why")


def _rows(journal: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "repository": journal["repository"],
            "tags": [short_tags(tags.split(", ")) for tags in journal["tags"]],
            "outcome": journal["outcome"].fillna(_UNKNOWN),
            "why": journal["why"].fillna(""),
        }
    )


def _by_repository(journal: pd.DataFrame) -> str:
    counted = journal.assign(deleted=journal["outcome"].eq("deleted")).groupby("repository", observed=True)
    frame = counted.agg(entries=("digest", "size"), deleted=("deleted", "sum")).reset_index()
    frame = frame.sort_values(["deleted", "repository"], ascending=[False, True])
    return markdown_table(frame, {"repository": "repository", "entries": "entries", "deleted": "deleted"}, rows=15)
