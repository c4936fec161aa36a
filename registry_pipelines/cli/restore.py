"""`restore`: put back what a plan deleted."""

from __future__ import annotations

from typing import Annotated

import typer

from registry_pipelines.cli.invocation import invocation
from registry_pipelines.cli.next_command import note_reading_again
from registry_pipelines.cli.output import CsvOption, JsonOption, form_of, show

_COLUMNS = ("repository", "digest", "back", "way", "tags", "left_as_they_are", "lost_blobs", "refused", "vendor")


def restore(
    context: typer.Context,
    plan: Annotated[str, typer.Argument(metavar="PLAN", help="Fingerprint, or its first six characters or more.")],
    images: Annotated[
        list[str] | None,
        typer.Argument(metavar="[IMAGE]...", help="repository, repository:tag or repository@digest. Default: all."),
    ] = None,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """Put back what a plan deleted, children first, with its tags, and prove the digests.

    Where the vendor can restore (GHCR, Quay, IBM) it is asked first, as it brings the layers too; `way` tells which
    way an image came back, `vendor` why not through the vendor. A tag that points elsewhere meanwhile is left so.
    Exit code 4 when the registry has collected blobs of an image.
    """
    form = form_of(as_json, as_csv)

    from assets.eviction_outcome import outcome_event  # pandas, dagster
    from assets.taking.collection import collection_advice
    from registry_core.eviction import Plan
    from registry_pipelines.cli.progress_bar import QuietBar, progress_bar
    from registry_pipelines.eviction.restore import refuse_partial, restore_evicted
    from registry_pipelines.holders import this_process
    from registry_pipelines.lineage import tell_lineage
    from registry_pipelines.links import restore_link
    from registry_pipelines.locations import LOCATION
    from resources.connections import Connections

    with Connections(invocation(context).site()) as connections:
        with progress_bar() as progress:
            restoration = restore_evicted(
                connections, plan, images or [], run_id=this_process(), progress=QuietBar(progress)
            )
        ledger = connections.history.ledger
        stored, journal = ledger.plan(restoration.fingerprint, Plan), ledger.journal(restoration.fingerprint)
        link = restore_link(restoration.fingerprint, connections.site, location=LOCATION)
        advice = collection_advice(connections, stored.record.subject, journal)
    tell_lineage(outcome_event(stored.record, stored.plan, journal, restore=link, advice=advice))
    rows = [
        {
            "repository": one.line.repository,
            "digest": one.line.digest,
            "back": one.put_back.is_back,
            "way": one.way if one.put_back.is_back else "",
            "tags": list(one.put_back.tags),
            "left_as_they_are": [f"{tag} ({other})" for tag, other in one.put_back.conflicts],
            "lost_blobs": list(one.put_back.lost_blobs),
            "refused": one.put_back.refused,
            "vendor": one.brought.why_not,
        }
        for one in restoration.restored
    ]
    show(rows, _COLUMNS, form)
    if any(row["back"] for row in rows):
        note_reading_again(context, "catalog", stored.record.subject)
    refuse_partial(restoration)
