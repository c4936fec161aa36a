"""`inventory`: read what the clusters use, now, into the history."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from registry_pipelines.cli.conclusion import conclude
from registry_pipelines.cli.invocation import invocation
from registry_pipelines.cli.output import CsvOption, JsonOption, form_of, show

if TYPE_CHECKING:
    from resources.database.snapshots import Snapshot

_COLUMNS = ("cluster", "state", "as_of", "workloads", "references", "pods", "pull_errors", "not_read")


def inventory(
    context: typer.Context,
    clusters: Annotated[list[str] | None, typer.Argument(metavar="[CLUSTER]...", help="Default: all.")] = None,
    rows: Annotated[bool, typer.Option("--rows", help="Print the rows of the last inventory; take none.")] = False,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """Take the inventory of clusters: every image reference of every workload.

    Exit code 5 when a cluster could not be read whole; what was read is kept, and told as incomplete.
    """
    form = form_of(as_json, as_csv)

    from assets.taking.inventory import take_inventory  # pandas, kubernetes
    from registry_core.inventory import INVENTORY_COLUMNS, PULL_ERRORS
    from registry_pipelines.cli.taking_each import take_each
    from resources.connections import Connections

    with Connections(invocation(context).site()) as connections:
        names = clusters or list(connections.site.clusters)
        for name in names:
            connections.cluster(name)  # a name that is wrong is told before any work is done
        if rows:
            frame = connections.history.read_inventories(names)
            show(frame.to_dict("records"), INVENTORY_COLUMNS, form, empty="no workload names an image")
            return
        history = connections.history

        def describe(name: str, snapshot: Snapshot) -> dict[str, Any]:
            frame = history.read_inventory(name, at=snapshot)
            return {
                "cluster": name,
                "workloads": len(frame[["namespace", "owner_kind", "owner_name"]].drop_duplicates()),
                "references": int(frame["reference"].nunique()),
                "pods": int(frame.loc[frame["kind"].eq("Pod"), "name"].nunique()),
                "pull_errors": int(frame["reason"].isin(PULL_ERRORS).sum()),
            }

        taken, troubles = take_each(
            names, lambda name, progress: take_inventory(connections, name, progress=progress), describe
        )
    show(taken, _COLUMNS, form, empty="no cluster was read" if names else "no cluster is configured")
    conclude(troubles)
