"""`images`: the references in use from one registry, one a line."""

from __future__ import annotations

import typer

from registry_pipelines.cli.invocation import invocation
from registry_pipelines.cli.ls import RegistryArgument
from registry_pipelines.cli.output import CsvOption, Form, JsonOption, form_of, line, show

_COLUMNS = ("reference", "clusters", "workloads", "pods", "first_seen_at", "last_seen_at")


def images(
    context: typer.Context, registry: RegistryArgument, as_json: JsonOption = False, as_csv: CsvOption = False
) -> None:
    """List the references in use from one registry, one a line, by the last inventories of all clusters.

    REGISTRY may be any host that workloads name, configured or not.
    """
    form = form_of(as_json, as_csv)

    from registry_core.registry_rows import owned  # pandas
    from resources.connections import Connections

    with Connections(invocation(context).site()) as connections:
        site = connections.site
        frame = connections.history.read_inventories(list(site.clusters))
    used = frame[owned(frame, site.names_meant(registry))].assign(
        workload=lambda rows: rows["cluster"] + "/" + rows["namespace"] + "/" + rows["owner_name"],
        pod=lambda rows: rows["kind"].eq("Pod").astype(int),
    )
    by_reference = used.groupby("reference", sort=True).agg(
        clusters=("cluster", "nunique"),
        workloads=("workload", "nunique"),
        pods=("pod", "sum"),
        first_seen_at=("first_seen_at", "min"),
        last_seen_at=("last_seen_at", "max"),
    )
    if form is Form.TABLE:
        for reference in by_reference.index:
            line(str(reference))
    else:
        show(by_reference.reset_index().to_dict("records"), _COLUMNS, form)
