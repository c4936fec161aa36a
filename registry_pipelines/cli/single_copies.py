"""`single-copies`: what is in use and has no copy."""

from __future__ import annotations

from typing import Annotated

import typer

from registry_pipelines.cli.conclusion import conclude
from registry_pipelines.cli.invocation import invocation
from registry_pipelines.cli.known_names import known_clusters
from registry_pipelines.cli.output import CsvOption, Form, JsonOption, form_of, note, show


def single_copies(
    context: typer.Context,
    cluster: Annotated[
        list[str] | None, typer.Option("--cluster", metavar="NAME", help="Only this cluster; may be given again.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Also what has a copy.")] = False,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """Show which images in use exist in one registry only, or only where it is not yours; the worst first.

    By the last inventories and catalogs. Exit code 5 when these are not complete: what is told as unknown may then
    have a copy.
    """
    form = form_of(as_json, as_csv)

    from assets.taking.single_copies import take_single_copies  # pandas
    from registry_core.single_copies_words import (
        ROW_COLUMNS,
        image_document,
        report_rows,
        short_name,
        summary_sentence,
        why_text,
        workloads_text,
    )
    from resources.connections import Connections

    with Connections(invocation(context).site()) as connections:
        wanted = known_clusters(cluster or (), list(connections.site.clusters))
        report = take_single_copies(connections).of_clusters(wanted)
    images = report.images if everything else report.at_risk
    if form is Form.JSON:
        show((image_document(image) for image in images), ROW_COLUMNS, form)
    elif form is Form.CSV:
        show(report_rows(images), ROW_COLUMNS, form)
    else:
        rows = (
            {
                "image": short_name(image),
                "copies": why_text(image),
                "environments": ", ".join(image.environments),
                "used_by": workloads_text(image),
                "pods": image.pods,
            }
            for image in images
        )
        show(rows, ("image", "copies", "environments", "used_by", "pods"), form, empty="everything in use has a copy")
        note(summary_sentence(report))
    conclude([f"not read: {text}" for text in report.unread])
