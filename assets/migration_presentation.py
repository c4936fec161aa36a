"""A migration plan as metadata: what a person reads before they agree, its first part shown whole."""

from __future__ import annotations

from collections.abc import Sequence

import dagster as dg
import pandas as pd

from assets.eviction_presentation import INLINE_CHARACTERS, PlanLinks, short_tags
from assets.presentation import MAX_ROWS, Metadata, amount, markdown_table, moment, size, span, table
from assets.taking.migration import MadeMigrationPlan
from registry_core.migration_entries import MigrationEntry
from registry_core.migration_summary import MigrationSummary, summarise_migration

#: Columns of the table of entries.
ENTRY_HEADINGS = ("what", "repository", "tags", "travels", "why")

_LARGEST = 8


def describe_migration_plan(made: MadeMigrationPlan, links: PlanLinks) -> Metadata:
    """Metadata of a plan, what matters first; numbers plot over time."""
    plan, summary = made.plan, summarise_migration(made.plan)
    described: Metadata = {
        "summary": dg.MetadataValue.md(inline_summary(made, summary, links)),
        "images to copy": summary.copies,
        "already there": summary.already_there,
        "conflicts": summary.conflicts,
        "cannot be read": summary.unreadable,
        "cannot be read, and in use": summary.unreadable_in_use,
        "bytes that must travel": summary.travel_bytes,
        "blobs that are mounted": summary.mounts,
        "tags": summary.tags,
        "takes about": expected_text(made),
        "oldest evidence": dg.MetadataValue.timestamp(made.oldest.as_of),
        "fingerprint": plan.fingerprint,
        "dagster/row_count": len(plan.entries),
    }
    trouble = [*plan.of("unreadable"), *plan.of("conflict")]
    if trouble:
        trouble.sort(key=lambda entry: not entry.used_by)
        described["cannot be copied, and why"] = table(entry_rows(trouble), list(ENTRY_HEADINGS))
    if summary.copies:
        described["largest repositories"] = dg.MetadataValue.md(_largest(summary))
        largest = sorted(plan.of("copy"), key=lambda entry: -entry.travel_bytes)
        described["what is copied, and why"] = table(entry_rows(largest[:MAX_ROWS]), list(ENTRY_HEADINGS))
    described["the whole plan"] = dg.MetadataValue.md(_whole(made, links))
    return described


def inline_summary(made: MadeMigrationPlan, summary: MigrationSummary, links: PlanLinks) -> str:
    """Markdown of under 1,000 characters: figures, the link, then what is unusual as far as there is room."""
    rule = made.plan.rule
    where = f"{rule.source} → {rule.destination}"
    there = f"{summary.already_there:,} already there" if summary.already_there else "none is there yet"
    evidence = f"Evidence of {moment(made.oldest.as_of)}"
    if made.problems:
        parts = [f"**This plan is not filed and cannot be approved:** {amount(len(made.problems), 'problem')}."]
        parts += list(made.problems[:1])
    elif not summary.copies:
        parts = [f"**Nothing to copy, {where}:** {there}. {evidence}."]
    else:
        figures = (
            f"**{amount(summary.copies, 'image')} to copy, {where}:** {size(summary.travel_bytes)} must travel"
            f" ({summary.mounts:,} blobs are mounted); {there}. Takes {expected_text(made)}. {evidence}."
        )
        whole = f" · [all of it]({links.whole})" if links.whole else ""
        parts = [figures, f"**[Review and approve this plan →]({links.review})**{whole}"]
    text = "\n\n".join(parts)
    for sentence in summary.unusual:
        line = f"\n\n{sentence[0].upper()}{sentence[1:]}."
        if len(text) + len(line) > INLINE_CHARACTERS:
            break
        text += line
    return text


def expected_text(made: MadeMigrationPlan) -> str:
    """How long it takes, as far as that is known."""
    if not made.plan.images:
        return "nothing to do"
    if made.expected is None:
        return "a time that is not known: nothing was copied yet"
    return f"about {span(made.expected)} at the rate seen so far ({made.rate})"


def entry_rows(entries: Sequence[MigrationEntry]) -> pd.DataFrame:
    """Entries as rows of ENTRY_HEADINGS: short columns, no digests."""
    rows = [
        (
            entry.word if entry.fault is None else f"{entry.word}: {entry.fault}",
            entry.repository if entry.to_repository in ("", entry.repository)
            else f"{entry.repository} → {entry.to_repository}",
            short_tags(entry.tags),
            size(entry.travel_bytes) if entry.travel_bytes else "",
            "; ".join(part for part in (entry.why, *entry.reasons) if part),
        )
        for entry in entries[:MAX_ROWS]
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=list(ENTRY_HEADINGS))


def _largest(summary: MigrationSummary) -> str:
    rows = [(name, count, size(travel)) for name, count, travel in summary.repositories]
    frame = pd.DataFrame(rows, columns=["repository", "images", "travels"])
    return markdown_table(frame, {name: name for name in frame.columns}, rows=_LARGEST)


def _whole(made: MadeMigrationPlan, links: PlanLinks) -> str:
    if made.record is None:
        return "It was not filed, so nothing shows more of it."
    shown = f"`registry-pipelines plan show {made.record.short}` shows all of it"
    stands = "" if made.is_new else " The same plan was waiting already, and stands."
    return f"{shown}{f', and so does [its page]({links.whole})' if links.whole else ''}.{stands}"
