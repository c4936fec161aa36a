"""`journal`: what was done for a plan, entry by entry."""

from __future__ import annotations

from typing import Annotated

import typer

from registry_pipelines.cli.invocation import invocation
from registry_pipelines.cli.output import CsvOption, Form, JsonOption, form_of, note, show

_SHORT = ("repository", "tags", "outcome", "why", "kept_at", "ended_at", "restored_at")

_SHORT_OF_WORKLOADS = ("cluster", "namespace", "name", "outcome", "why", "ended_at", "returned_at")
_SHORT_OF_COLLECTIONS = ("begun_at", "ended_at", "succeeded", "before_bytes", "after_bytes", "freed_bytes")
_SHORT_OF_COPIES = ("to_repository", "tags", "outcome", "why", "sent_bytes", "seconds", "ended_at")


def journal(
    context: typer.Context,
    plan: Annotated[str, typer.Argument(metavar="PLAN", help="Fingerprint, or its first six characters or more.")],
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """Print the journal of a plan that was carried out: what became of each entry, and whether it was put back.

    An outcome that is empty is not known: the image was kept and its request about to be sent when the run ended.
    """
    form = form_of(as_json, as_csv)

    from assets.eviction_outcome import outcome_counts  # pandas, dagster
    from resources.connections import Connections
    from resources.database.collection_journal import COLLECTION_JOURNAL_COLUMNS
    from resources.database.copy_journal import COPY_JOURNAL_COLUMNS
    from resources.database.cutover_journal import CUTOVER_JOURNAL_COLUMNS
    from resources.database.ledger_records import JOURNAL_COLUMNS

    with Connections(invocation(context).site()) as connections:
        ledger = connections.history.ledger
        record = ledger.record(plan)
        frame = {
            "migration": ledger.copy_journal,
            "cutover": ledger.cutovers.frame,
            "collection": ledger.collections.frame,
        }.get(record.kind, ledger.journal)(record.fingerprint)
    table = form is Form.TABLE
    short, columns = {
        "migration": (_SHORT_OF_COPIES, COPY_JOURNAL_COLUMNS),
        "cutover": (_SHORT_OF_WORKLOADS, CUTOVER_JOURNAL_COLUMNS),
        "collection": (_SHORT_OF_COLLECTIONS, COLLECTION_JOURNAL_COLUMNS),
    }.get(record.kind, (_SHORT, JOURNAL_COLUMNS))
    empty = f"nothing was done for the plan {record.short}, it is {record.state}"
    show(frame.to_dict("records"), short if table else columns, form, empty=empty)
    if table and not frame.empty and record.kind != "collection":
        counted = outcome_counts(frame) if record.kind == "eviction" else frame["outcome"].value_counts().to_dict()
        counts = ", ".join(f"{count:,} {word}" for word, count in counted.items() if count)
        note(f"plan {record.short} of {record.subject}, {record.state}: {counts}")
