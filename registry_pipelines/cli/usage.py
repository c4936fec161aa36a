"""`usage`: who uses one image, where, since when."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from registry_pipelines.cli.conclusion import conclude
from registry_pipelines.cli.invocation import invocation
from registry_pipelines.cli.output import CsvOption, Form, JsonOption, form_of, note, show

if TYPE_CHECKING:
    import pandas as pd

_COLUMNS = ("cluster", "namespace", "owner_kind", "owner_name", "container", "match", "relation", "state", "pods",
            "first_seen_at", "last_seen_at")  # fmt: skip


def usage(
    context: typer.Context,
    image: Annotated[
        str,
        typer.Argument(
            metavar="IMAGE", help="registry/repository:tag, @sha256:…, or registry/repository for all its images"
        ),
    ],
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """Show who uses an image, where, and since when, by the last inventories and the last catalog.

    Without a tag and a digest it answers for every image of the repository. Uses of its index and of its children
    count too. Exit code 5 when the evidence is not complete: then "nobody" would not be believable.
    """
    form = form_of(as_json, as_csv)

    from assets.taking.image_use import use_of_image  # pandas
    from resources.connections import Connections

    with Connections(invocation(context).site()) as connections:
        found = use_of_image(connections, image)
    whole = found.reference.tag is None and found.reference.digest is None
    if not found.digests:
        note(f"{image} is not stored in {found.registry}")
    elif whole:
        note(
            f"no tag is written, so this is every image of {found.reference.repository} in {found.registry} (stored:"
            f" {len(found.digests):,}); for the one that runtimes would take, write {image}:latest"
        )
    table = form is Form.TABLE
    by_image = ["reference"] if whole else []
    show(
        _by_workload(found.uses, by_image) if table else found.uses.to_dict("records"),
        (*by_image, *_COLUMNS) if table else (*_COLUMNS, "repository", "digest", "reference"),
        form,
        empty="nobody uses it"
        + (f"; last used {found.last_used_at:%Y-%m-%d %H:%M} UTC" if found.last_used_at is not None else ""),
    )
    lost = found.unresolved[["cluster", "namespace", "owner_name", "why"]].drop_duplicates()
    for cluster, namespace, owner, why in lost.itertuples(index=False):
        note(f"{cluster} {namespace}/{owner} names it and finds nothing: {why}")
    conclude([f"not read: {gap}" for gap in found.coverage.unexcused])


def _by_workload(uses: pd.DataFrame, by_image: list[str]) -> list[dict[str, Any]]:
    """One row for each container of a workload: how it was matched, together."""
    same = [*by_image, "cluster", "namespace", "owner_kind", "owner_name", "container", "relation"]
    grouped = uses.groupby(same, sort=True).agg(
        match=("match", lambda values: ", ".join(sorted(set(values)))),
        state=("state", lambda values: ", ".join(sorted({word for value in values for word in value.split(", ")}))),
        pods=("pods", "max"),
        first_seen_at=("first_seen_at", "min"),
        last_seen_at=("last_seen_at", "max"),
    )
    return [{str(name): value for name, value in row.items()} for row in grouped.reset_index().to_dict("records")]
