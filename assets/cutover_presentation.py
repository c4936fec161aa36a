"""A cut-over plan as metadata: what a person reads before they agree, its first part shown whole."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import dagster as dg
import pandas as pd

from assets.eviction_presentation import INLINE_CHARACTERS, PlanLinks
from assets.presentation import Metadata, amount, moment, table
from assets.taking.cutover import MadeCutover
from registry_core.cutover import CutoverPlan

_HEADINGS = ("workload", "from", "to", "why")


def describe_cutover_plan(made: MadeCutover, links: PlanLinks) -> Metadata:
    """Metadata of a plan, what matters first; numbers plot over time."""
    plan, figures = made.plan, made.plan.figures
    described: Metadata = {
        "summary": dg.MetadataValue.md(inline_summary(made, links)),
        "workloads to change": plan.counted,
        "to be changed elsewhere": figures["elsewhere"],
        "left, and why is told": figures["left"],
        "left over of older revisions": plan.leftovers,
        "images": figures["images"],
        "namespaces": figures["namespaces"],
        "pull secrets": figures["pull_secrets"],
        "oldest evidence": dg.MetadataValue.timestamp(plan.as_of),
        "fingerprint": plan.fingerprint,
        "dagster/row_count": plan.entry_count,
    }
    rows = list(plan.rows())
    for what, title in (
        ("left", "what stays, and why"),
        ("change elsewhere", "what is to be changed elsewhere"),
        ("patch", "what changes"),
    ):
        chosen = [row for row in rows if row["what"] == what]
        if chosen:
            described[title] = table(_frame(chosen), list(_HEADINGS))
    described["the whole plan"] = dg.MetadataValue.md(_whole(plan, links))
    return described


def inline_summary(made: MadeCutover, links: PlanLinks) -> str:
    """Markdown of under 1,000 characters: figures, the link, then what is unusual as far as there is room."""
    plan, figures, basis = made.plan, made.plan.figures, made.plan.basis
    where = f"from {basis.source} to {basis.destination}"
    seen = f"Read at {moment(plan.as_of)}"
    if not plan.entries:
        text = f"**Nothing to change, {where}.** {seen}."
    else:
        secrets = f"; {amount(figures['pull_secrets'], 'pull secret')}" if figures["pull_secrets"] else ""
        pinned = "pinned by digest" if basis.pin == "digest" else "by tag"
        text = (
            f"**{amount(plan.counted, 'workload')} to change, {where}:** {amount(figures['images'], 'image')} {pinned},"
            f" in {amount(figures['namespaces'], 'namespace')} of {', '.join(basis.clusters)}{secrets}. {seen}."
        )
        whole = f" · [all of it]({links.whole})" if links.whole else ""
        text += f"\n\n**[Review and approve this plan →]({links.review})**{whole}"
    for line in unusual(plan):
        more = f"\n\n{line[0].upper()}{line[1:]}."
        if len(text) + len(more) > INLINE_CHARACTERS:
            break
        text += more
    return text


def unusual(plan: CutoverPlan) -> tuple[str, ...]:
    """What a person should not overlook, in sentences without their full stop."""
    said = []
    if plan.left:
        said.append(
            f"{amount(len(plan.left), 'workload')} will stay; first {plan.left[0].workload}: {plan.left[0].why}"
        )
    if plan.elsewhere:
        first = plan.elsewhere[0]
        count = amount(len(plan.elsewhere), "workload")
        said.append(f"{count} must be changed elsewhere; first {first.workload} by {first.manager.name}")
    if plan.leftovers:
        said.append(
            f"{amount(plan.leftovers, 'object')} of older revisions keep the old registry: a roll-out undone would pull"
            " from there"
        )
    return tuple(said)


def _frame(rows: Iterable[Mapping[str, str]]) -> pd.DataFrame:
    return pd.DataFrame(list(rows))[list(_HEADINGS)]


def _whole(plan: CutoverPlan, links: PlanLinks) -> str:
    command = f"`registry-pipelines cutover show {plan.fingerprint[:12]}`"
    files = f"`registry-pipelines cutover patches {plan.fingerprint[:12]} --out DIR` writes it as files"
    return f"[Open the page]({links.whole}), or {command}; {files}." if links.whole else f"{command}; {files}."
