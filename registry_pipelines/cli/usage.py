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
    image: Annotated[str, typer.Argument(metavar="IMAGE", help="A reference: registry/repository:tag or @sha256:…")],
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """Tell who uses an image, where, and since when, by the last inventories and the last catalog.

    Uses of its index and of its children count too. Exit code 5 when the evidence is not complete: then "nobody"
    would not be believable.
    """
    form = form_of(as_json, as_csv)

    from assets.taking.image_use import use_of_image  # pandas
    from resources.connections import Connections

    with Connections(invocation(context).site()) as connections:
        found = use_of_image(connections, image)
    if not found.digests:
        note(f"{image} is not stored in {found.registry}")
    table = form is Form.TABLE
    show(
        _by_workload(found.uses) if table else found.uses.to_dict("records"),
        _COLUMNS if table else (*_COLUMNS, "repository", "digest", "reference"),
        form,
        empty="nobody uses it"
        + (f"; last used {found.last_used_at:%Y-%m-%d %H:%M} UTC" if found.last_used_at is not None else ""),
    )
    lost = found.unresolved[["cluster", "namespace", "owner_name", "why"]].drop_duplicates()
    for cluster, namespace, owner, why in lost.itertuples(index=False):
        note(f"{cluster} {namespace}/{owner} names it and finds nothing: {why}")
    conclude([f"not read: {gap}" for gap in found.coverage.unexcused])


def _by_workload(uses: pd.DataFrame) -> list[dict[str, Any]]:
    """One row for each container of a workload: how it was matched, together."""
    same = ["cluster", "namespace", "owner_kind", "owner_name", "container", "relation"]
    grouped = uses.groupby(same, sort=True).agg(
        match=("match", lambda values: ", ".join(sorted(set(values)))),
        state=("state", lambda values: ", ".join(sorted({word for value in values for word in value.split(", ")}))),
        pods=("pods", "max"),
        first_seen_at=("first_seen_at", "min"),
        last_seen_at=("last_seen_at", "max"),
    )
    return [{str(name): value for name, value in row.items()} for row in grouped.reset_index().to_dict("records")]
