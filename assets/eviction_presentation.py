"""A plan as metadata: what a person reads before they agree, the first part short enough to be shown whole.

Dagster shows Markdown of under 1,000 characters inline and hides longer ones behind a button (design §9), so the
first entry holds the figures, the link and as much of what is unusual as fits.
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Sequence
from dataclasses import dataclass

import dagster as dg
import pandas as pd

from assets.presentation import MAX_ROWS, Metadata, amount, markdown_table, moment, size, span, table
from assets.taking.plan import MadePlan
from registry_core.eviction_entries import Entry

INLINE_CHARACTERS = 999

_LARGEST = 8


@dataclass(frozen=True, slots=True)
class PlanLinks:
    """Where a person goes from a plan: the form that decides over it, and the page with all of it."""

    review: str
    whole: str | None = None


def describe_plan(made: MadePlan, links: PlanLinks) -> Metadata:
    """Metadata of a plan, what matters first; numbers plot over time."""
    plan, summary = made.plan, made.summary
    described: Metadata = {
        "summary": dg.MetadataValue.md(inline_summary(made, links)),
        "images that go": summary.images,
        "tags that go": summary.tags,
        "bytes that go": summary.image_bytes,
        "images that stay": summary.stored_images - summary.images,
        "share that goes, %": round(100 * plan.share, 1),
        "broken images that stay": summary.broken_kept,
        "oldest evidence": dg.MetadataValue.timestamp(made.oldest.as_of),
        "takes about": span(made.expected) if plan.entries else "nothing to do",
        "fingerprint": plan.fingerprint,
        "dagster/row_count": len(plan.entries),
    }
    if summary.unusual:
        described["unusual"] = dg.MetadataValue.md("\n".join(f"- {sentence}" for sentence in summary.unusual))
    if plan.entries:
        described["largest repositories"] = dg.MetadataValue.md(_largest(made))
    described["why images stay"] = dg.MetadataValue.md(_kept(made))
    if plan.entries:
        described["what goes, and why"] = table(entry_rows(most_telling(plan.entries)), list(ENTRY_HEADINGS))
    described["the whole plan"] = dg.MetadataValue.md(_whole(made, links))
    return described


def inline_summary(made: MadePlan, links: PlanLinks) -> str:
    """Markdown of under 1,000 characters: figures, the link, then what is unusual as far as there is room."""
    plan, summary = made.plan, made.summary
    stay = summary.stored_images - summary.images
    evidence = f"Evidence of {moment(made.oldest.as_of)}"
    if made.problems:
        head = f"**This plan is not filed and cannot be approved:** {amount(len(made.problems), 'problem')}."
        return _fitting([head], [problem.message for problem in made.problems])
    if not plan.entries:
        return _fitting(
            [f"**Nothing to evict.** All {amount(stay, 'image')} stay, so nothing is asked. {evidence}."], []
        )
    parts = f", {summary.dependents:,} of them parts of others," if summary.dependents else ""
    figures = (
        f"**{amount(summary.images, 'image')}{parts} with {amount(summary.tags, 'tag')} can go**"
        f" ({size(summary.image_bytes)} by their manifests); {amount(stay, 'image')} stay. {evidence}."
    )
    link = f"**[Review and approve this plan →]({links.review})**"
    whole = f" · [all of it]({links.whole})" if links.whole else ""
    return _fitting([figures, link + (whole if len(figures + link + whole) < INLINE_CHARACTERS - 4 else "")],
                    summary.unusual)  # fmt: skip


def _fitting(parts: list[str], sentences: Sequence[str]) -> str:
    text = "\n\n".join(parts)
    for sentence in sentences:
        line = f"\n\n{sentence[0].upper()}{sentence[1:]}."
        if len(text) + len(line) > INLINE_CHARACTERS:
            break
        text += line
    return text


def most_telling(entries: Sequence[Entry], *, count: int = MAX_ROWS) -> list[Entry]:
    """The entries for a short table: images before their parts, the largest first."""
    return heapq.nsmallest(count, entries, key=lambda entry: (bool(entry.owners), -entry.image_bytes))


#: Columns of the table of entries.
ENTRY_HEADINGS = ("repository", "tags", "size", "why")


def entry_rows(entries: Sequence[Entry]) -> pd.DataFrame:
    """Entries as rows of ENTRY_HEADINGS: short columns, no digests, the reason that differs most first."""
    rows = [
        (
            entry.repository,
            _tags(entry),
            size(entry.image_bytes) if entry.image_bytes else "",
            "; ".join(reversed(entry.reasons)),
        )
        for entry in entries
    ]
    return pd.DataFrame(rows, columns=list(ENTRY_HEADINGS))


def short_tags(tags: Sequence[str]) -> str:
    """Tags for a narrow column: the first three, those that are named for a digest cut short."""
    names = [re.sub(r"(?<=[0-9a-f]{8})[0-9a-f]{56}", "…", tag) for tag in tags[:3]]
    return ", ".join(names) + (f" and {len(tags) - 3} more" if len(tags) > 3 else "")


def _tags(entry: Entry) -> str:
    shown = short_tags(entry.tags)
    if entry.kind == "untag":
        return f"only {shown}; the image stays"
    return shown or ("part of another" if entry.owners else "untagged")


def _largest(made: MadePlan) -> str:
    shares = [(one.repository, one.images, one.tags, size(one.image_bytes)) for one in made.summary.repositories]
    frame = pd.DataFrame(shares, columns=["repository", "images", "tags", "size"])
    headings = {"repository": "repository", "images": "images that go", "tags": "tags", "size": "size"}
    return markdown_table(frame, headings, rows=_LARGEST)


def _kept(made: MadePlan) -> str:
    kept = sorted(made.summary.kept.items(), key=lambda pair: -pair[1])
    frame = pd.DataFrame(kept, columns=["reason", "images"])
    counted = "\n\nAn image with several reasons is counted under each."
    return markdown_table(frame, {"reason": "stays because", "images": "images"}, rows=20) + (counted if kept else "")


def _whole(made: MadePlan, links: PlanLinks) -> str:
    short = made.plan.fingerprint[:12]
    here = f"[{amount(len(made.plan.entries), 'entry', 'entries')}, to search and to download]({links.whole})\n\n"
    return (here if links.whole else "") + f"On the command line: `registry-pipelines plan show {short}`"
