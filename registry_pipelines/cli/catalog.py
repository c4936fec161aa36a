"""`catalog`: crawl registries now, into the history."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from registry_pipelines.cli.conclusion import conclude
from registry_pipelines.cli.invocation import invocation
from registry_pipelines.cli.output import CsvOption, JsonOption, form_of, show

if TYPE_CHECKING:
    from registry_core.catalog import CatalogFrames
    from resources.database.snapshots import Snapshot

_COLUMNS = ("registry", "state", "as_of", "repositories", "tags", "images", "read_anew", "unreadable", "not_read")


def catalog(
    context: typer.Context,
    registries: Annotated[list[str] | None, typer.Argument(metavar="[REGISTRY]...", help="Default: all.")] = None,
    rows: Annotated[bool, typer.Option("--rows", help="Print the tags of the last catalog; crawl nothing.")] = False,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """Take the catalog of registries: every repository, tag and manifest.

    Manifests are read once by digest and remembered. Exit code 5 when a registry could not be read whole; what was
    read is kept, and told as incomplete.
    """
    form = form_of(as_json, as_csv)

    from assets.taking.catalog import take_catalog  # pandas, pycurl
    from registry_core.catalog import TAG_COLUMNS
    from registry_pipelines.cli.taking_each import take_each
    from resources.connections import Connections

    with Connections(invocation(context).site()) as connections:
        names = registries or list(connections.site.registries)
        for name in names:
            connections.registry_settings(name)  # a name that is wrong is told before any work is done
        if rows:
            frames = (connections.history.read_catalog(name).tags.assign(registry=name) for name in names)
            records = (record for frame in frames for record in frame.to_dict("records"))
            show(records, ("registry", *TAG_COLUMNS), form, empty="no tag is known")
            return
        history = connections.history

        def describe(name: str, snapshot: Snapshot) -> dict[str, Any]:
            found, counts = history.read_catalog(name, at=snapshot), snapshot.coverage.found
            return {
                "registry": name,
                "repositories": counts.get("repositories", 0),
                "tags": len(found.tags),
                "images": len(found.images),
                "read_anew": counts.get("manifests read", 0),
                "unreadable": _unreadable(found),
            }

        taken, troubles = take_each(
            names, lambda name, progress: take_catalog(connections, name, progress=progress), describe
        )
    show(taken, _COLUMNS, form, empty="no registry was read" if names else "no registry is configured")
    conclude(troubles)


def _unreadable(found: CatalogFrames) -> int:
    """Images that could not be read whole, and tags that resolve to nothing."""
    images = found.images["fault"].notna() | found.images["config_fault"].notna()
    return int(images.sum() + found.tags["fault"].notna().sum())
