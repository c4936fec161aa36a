"""`migration_outcome`: what became of each image of a plan that was carried out."""

from __future__ import annotations

from datetime import timedelta

import dagster as dg
import pandas as pd

from assets.eviction_presentation import short_tags
from assets.names import MIGRATION, OWNERS, migrations_of
from assets.plan_approval import approval_key
from assets.presentation import Metadata, amount, size, span, table
from registry_core.migration import MigrationPlan
from registry_core.migration_entries import MIGRATION_WORDS
from resources.configuration.settings import Site
from resources.database.ledger_records import PlanRecord

KEY = dg.AssetKey("migration_outcome")

_HEADINGS = ("image", "outcome", "sent", "took", "why")


def migration_outcome(site: Site) -> dg.AssetSpec:
    """The asset; the job `execute_migration_plan` says when there is a new one."""
    return dg.AssetSpec(
        KEY,
        deps=[approval_key("migration")],
        partitions_def=migrations_of(site),
        group_name=MIGRATION,
        kinds={"oci"},
        owners=OWNERS,
        description="What became of each image of an approved plan: copied, already there, conflict, failed and why,"
        " with bytes and time. Copied means that every manifest and tag of it was read back at the destination.",
    )


def outcome_rows(plan: MigrationPlan, journal: pd.DataFrame) -> pd.DataFrame:
    """One row an image of the plan: what the journal (COPY_JOURNAL_COLUMNS) says of those that were to be copied, what
    the plan says of the others. Columns: repository, to_repository, digest, tags, outcome, why, sent_bytes, seconds."""
    told = journal[["position", "tags", "outcome", "why", "sent_bytes", "seconds"]].itertuples(index=False, name=None)
    ended = {int(position): (tags, word, why, int(sent), took) for position, tags, word, why, sent, took in told}
    rows: list[tuple[object, ...]] = []
    for position, entry in enumerate(plan.entries):
        named = (entry.repository, entry.to_repository, entry.digest)
        tags = ", ".join(entry.tags)
        if position in ended:
            rows.append((*named, *ended[position]))
        elif entry.word == "copy":
            rows.append((*named, tags, "not begun", "", 0, 0.0))
        elif entry.word == "unreadable":
            rows.append((*named, tags, "failed", f"{entry.fault}: {entry.why}", 0, 0.0))
        else:
            rows.append((*named, tags, entry.word, entry.why, 0, 0.0))
    columns = ["repository", "to_repository", "digest", "tags", "outcome", "why", "sent_bytes", "seconds"]
    return pd.DataFrame(rows, columns=columns)


def outcome_event(
    record: PlanRecord, plan: MigrationPlan, journal: pd.DataFrame, *, run_id: str
) -> dg.AssetMaterialization:
    """The journal of a plan for the lineage."""
    rows = outcome_rows(plan, journal)
    sentence = outcome_sentence(plan, journal)
    described: Metadata = {
        "summary": dg.MetadataValue.md(sentence),
        "dagster/row_count": len(rows),
        **outcome_counts(rows),
        "bytes sent": int(journal["sent_bytes"].sum()),
        "blobs sent": int(journal["sent_blobs"].sum()),
        "blobs mounted": int(journal["mounted_blobs"].sum()),
        "plan": record.fingerprint,
        "state": record.state,
        "run": run_id,
    }
    trouble = rows[~rows["outcome"].isin(["copied", "already there"])]
    if not trouble.empty:
        described["not copied, and why"] = table(_shown(trouble), list(_HEADINGS))
    described["images"] = table(_shown(rows.sort_values("sent_bytes", ascending=False)), list(_HEADINGS))
    return dg.AssetMaterialization(KEY, partition=record.subject, description=sentence, metadata=described)


def outcome_counts(rows: pd.DataFrame) -> dict[str, int]:
    """Images by outcome, those that were not begun included where there are any."""
    counts = {str(word): int(rows["outcome"].eq(word).sum()) for word in MIGRATION_WORDS}
    waiting = int(rows["outcome"].eq("not begun").sum())
    return {**counts, **({"not begun": waiting} if waiting else {})}


def outcome_sentence(plan: MigrationPlan, journal: pd.DataFrame) -> str:
    """What happened, in a sentence or two."""
    counts = outcome_counts(outcome_rows(plan, journal))
    rest = [f"{count:,} {word}" for word, count in counts.items() if count and word != "copied"]
    sent = int(journal["sent_bytes"].sum())
    took = ""
    if not journal.empty:
        began = (journal["ended_at"] - pd.to_timedelta(journal["seconds"], unit="s")).min()
        took = f" in {span(max(journal['ended_at'].max() - began, timedelta(seconds=1)))}"
    where = f"{plan.rule.source} to {plan.rule.destination}"
    return (
        f"{amount(counts['copied'], 'image')} copied from {where}{took}, {size(sent)} sent"
        f"{'; ' + ', '.join(rest) if rest else ''}."
    )


def _shown(rows: pd.DataFrame) -> pd.DataFrame:
    rows = rows.head(50)
    return pd.DataFrame(
        {
            "image": [
                f"{repository}:{short_tags(tags.split(', '))}" if tags else repository
                for repository, tags in zip(rows["to_repository"], rows["tags"], strict=True)
            ],
            "outcome": rows["outcome"],
            "sent": [size(sent) if sent else "" for sent in rows["sent_bytes"]],
            "took": [f"{seconds:.1f} s" if seconds else "" for seconds in rows["seconds"]],
            "why": rows["why"],
        }
    )
