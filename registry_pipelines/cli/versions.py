"""`versions`: which version runs where, and what newer there is."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from registry_pipelines.cli.conclusion import conclude
from registry_pipelines.cli.invocation import invocation
from registry_pipelines.cli.known_names import known_clusters
from registry_pipelines.cli.output import CsvOption, Form, JsonOption, form_of, note, show

if TYPE_CHECKING:
    from registry_core.deployed_versions import Product, VersionsReport

_MARGIN = 2  # between two columns of a table


def versions(
    context: typer.Context,
    cluster: Annotated[
        list[str] | None, typer.Option("--cluster", metavar="NAME", help="Only this cluster; may be given again.")
    ] = None,
    repository: Annotated[
        list[str] | None,
        typer.Option("--repository", metavar="GLOB", help="Only repositories that match; may be given again."),
    ] = None,
    drift: Annotated[
        bool, typer.Option("--drift", help="Only what is behind, moved, gone or differs between environments.")
    ] = False,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
    as_markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown, for a job summary.")] = False,
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Write a page of its own, to send or to publish.")
    ] = None,
) -> None:
    """Show which version of each repository each cluster runs, the newest available, and what deserves a look.

    By the last inventories and catalogs. Exit code 5 when these are not complete: a version that is not shown may
    then be there.
    """
    if sum((as_json, as_csv, as_markdown, html is not None)) > 1:
        raise typer.BadParameter("choose one of --json, --csv, --markdown and --html")
    form = form_of(as_json, as_csv)

    from assets.taking.versions import take_versions  # pandas
    from registry_core.deployed_versions_choice import choose
    from registry_core.deployed_versions_words import (
        DOCUMENT_KEYS,
        ROW_COLUMNS,
        product_document,
        report_markdown,
        report_rows,
    )
    from resources.connections import Connections

    with Connections(invocation(context).site()) as connections:
        report = take_versions(connections)
        chosen = choose(
            report,
            clusters=known_clusters(cluster or (), list(connections.site.clusters)),
            repositories=_globs(repository or ()),
            drift=drift,
        )
    if html is not None:
        _write_page(chosen, html)
    elif as_markdown:
        sys.stdout.write(report_markdown(chosen, chosen.products))
    elif form is Form.JSON:
        show((product_document(product) for product in chosen.products), DOCUMENT_KEYS, form)
    elif form is Form.CSV:
        show(report_rows(chosen.products), ROW_COLUMNS, form)
    else:
        _show_table(chosen)
    conclude([f"not read: {text}" for text in report.unread])


def _globs(globs: Sequence[str]) -> Sequence[str]:
    from registry_core.globs import compile_globs  # pandas

    try:
        compile_globs(globs)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--repository") from None
    return globs


def _write_page(report: VersionsReport, path: Path) -> None:
    from registry_core.errors import ConfigError
    from registry_pipelines.web.versions_page import standalone_page  # Starlette

    try:
        path.write_bytes(standalone_page(report))
    except OSError as error:
        raise ConfigError(f"cannot be written: {error.strerror}", subject=str(path)) from error
    note(f"written: {path}")


def _show_table(report: VersionsReport) -> None:
    """A column a place where that fits the terminal, else a line a place; then what deserves a look."""
    from registry_core.deployed_versions_words import newest_text, place_text, summary_sentence

    deployed = [product for product in report.products if product.deployed]
    columns = ("repository", *report.places, "newest")
    rows = [
        {
            "repository": one.name,
            "newest": newest_text(one),
            **{place: place_text(one, place) for place in report.places},
        }
        for one in deployed
    ]
    if not _fits(rows, columns):
        columns = ("repository", "place", "runs", "newest")
        rows = [row for one in deployed for row in _by_place(one, report.places)]
    show(rows, columns, Form.TABLE, empty="nothing is deployed")
    looks = [
        {"repository": "" if number else product.name, "deserves_a_look": look.text}
        for product in deployed
        for number, look in enumerate(product.looks)
    ]
    if looks:
        sys.stdout.write("\n")
        show(looks, ("repository", "deserves_a_look"), Form.TABLE)
    unused = [product.name for product in report.products if not product.deployed]
    if unused:
        shown = ", ".join(unused[:5]) + (f" and {len(unused) - 5:,} more" if len(unused) > 5 else "")
        sys.stdout.write(f"\nAvailable and deployed nowhere: {shown}\n")
    note(summary_sentence(report))


def _by_place(product: Product, places: Sequence[str]) -> list[dict[str, str]]:
    from registry_core.deployed_versions_words import newest_text, place_text

    there = [place for place in places if product.at(place)]
    return [
        {
            "repository": "" if number else product.name,
            "place": place,
            "runs": place_text(product, place),
            "newest": "" if number else newest_text(product),
        }
        for number, place in enumerate(there)
    ]


def _fits(rows: Sequence[dict[str, str]], columns: Sequence[str]) -> bool:
    if not sys.stdout.isatty():
        return True
    import shutil

    widths = [max([len(column), *(len(row[column]) for row in rows)]) for column in columns]
    return sum(widths) + _MARGIN * (len(columns) - 1) <= shutil.get_terminal_size().columns
