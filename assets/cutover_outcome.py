"""`cutover_outcome`: what became of each workload of a plan that was carried out, or rolled back."""

from __future__ import annotations

from datetime import timedelta

import dagster as dg
import pandas as pd

from assets.names import CUTOVER, OWNERS, cutovers_of
from assets.plan_approval import approval_key
from assets.presentation import Metadata, amount, span, table
from registry_core.cutover import CutoverPlan
from registry_core.cutover_outcome import CUTOVER_WORDS
from resources.configuration.settings import Site
from resources.database.ledger_records import PlanRecord

KEY = dg.AssetKey("cutover_outcome")

_HEADINGS = ("workload", "outcome", "why", "returned")


def cutover_outcome(site: Site) -> dg.AssetSpec:
    """The asset; the jobs `execute_cutover_plan` and `rollback_cutover` say when there is a new one."""
    return dg.AssetSpec(
        KEY,
        deps=[approval_key("cutover")],
        partitions_def=cutovers_of(site),
        group_name=CUTOVER,
        kinds={"kubernetes"},
        owners=OWNERS,
        description="What became of each workload of an approved plan: changed (its new pods are ready), already"
        " changed, spared, put back, refused by the cluster, failed; each recorded before it was patched, so that all"
        " of it can be returned.",
    )


def outcome_rows(plan: CutoverPlan, journal: pd.DataFrame) -> pd.DataFrame:
    """One row a workload of the plan, from the journal (CUTOVER_JOURNAL_COLUMNS). Columns: cluster, namespace, kind,
    name, outcome, why, returned. `outcome` is `not begun` or `not known` where the journal has none."""
    lines = {int(line["position"]): line for line in journal.to_dict("records")}
    rows = []
    for position, entry in enumerate(plan.entries):
        workload, line = entry.workload, lines.get(position)
        outcome = "not begun" if line is None else line["outcome"] or "not known"
        returned = "" if line is None or pd.isna(line["returned_at"]) else "returned"
        if line is not None and line["not_returned"] and not returned:
            returned = f"not returned: {line['not_returned']}"
        why = "" if line is None else line["why"]
        rows.append((workload.cluster, workload.namespace, workload.kind, workload.name, outcome, why, returned))
    return pd.DataFrame(rows, columns=["cluster", "namespace", "kind", "name", "outcome", "why", "returned"])


def outcome_event(
    record: PlanRecord, plan: CutoverPlan, journal: pd.DataFrame, *, rollback: str
) -> dg.AssetMaterialization:
    """The journal of a plan for the lineage; `rollback` is the link to the form that returns what it changed."""
    rows = outcome_rows(plan, journal)
    sentence = outcome_sentence(plan, journal)
    described: Metadata = {
        "summary": dg.MetadataValue.md(f"{sentence}\n\n**[Roll back →]({rollback})**"),
        "dagster/row_count": len(rows),
        **outcome_counts(rows),
        "returned": int(rows["returned"].eq("returned").sum()),
        "plan": record.fingerprint,
        "state": record.state,
    }
    shown = pd.DataFrame(
        {
            "workload": rows["cluster"] + " " + rows["namespace"] + "/" + rows["name"] + " (" + rows["kind"] + ")",
            **{column: rows[column] for column in ("outcome", "why", "returned")},
        }
    )
    others = ~rows["outcome"].isin(["changed", "already changed"])
    if others.any():
        described["not changed, and why"] = table(shown[others], list(_HEADINGS))
    described["workloads"] = table(shown, list(_HEADINGS))
    return dg.AssetMaterialization(KEY, partition=record.subject, description=sentence, metadata=described)


def outcome_counts(rows: pd.DataFrame) -> dict[str, int]:
    """Workloads by outcome; those of which nothing is known are there where there are any."""
    counts = {str(word): int(rows["outcome"].eq(word).sum()) for word in CUTOVER_WORDS}
    others = {word: int(rows["outcome"].eq(word).sum()) for word in ("not begun", "not known")}
    return {**counts, **{word: count for word, count in others.items() if count}}


def outcome_sentence(plan: CutoverPlan, journal: pd.DataFrame) -> str:
    """What happened, in a sentence or two."""
    rows = outcome_rows(plan, journal)
    counts = outcome_counts(rows)
    rest = [f"{count:,} {word}" for word, count in counts.items() if count and word != "changed"]
    took = ""
    if journal["ended_at"].notna().any() and journal["recorded_at"].notna().any():
        took = f" in {span(max(journal['ended_at'].max() - journal['recorded_at'].min(), timedelta(seconds=1)))}"
    returned = int(rows["returned"].eq("returned").sum())
    back = f" **{amount(returned, 'workload')} returned since.**" if returned else ""
    return (
        f"{amount(counts['changed'], 'workload')} of {len(rows):,} changed to {plan.basis.destination}{took}"
        f"{'; ' + ', '.join(rest) if rest else ''}.{back}"
    )
