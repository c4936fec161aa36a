"""`plan explain`: why one image is kept, or would go."""

from __future__ import annotations

from typing import Annotated

import typer

from registry_pipelines.cli.invocation import invocation
from registry_pipelines.cli.output import CsvOption, Form, JsonOption, form_of, line, note, show

_COLUMNS = ("repository", "digest", "tags", "decision", "reasons")


def explain(
    context: typer.Context,
    image: Annotated[str, typer.Argument(metavar="IMAGE", help="registry/repository:tag, or @sha256:…")],
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """Say why an image is kept or would go, with all reasons, by the newest evidence and the policies of the file.

    Needs no plan and makes none. Exit code 5 when the image is not in the catalog.
    """
    form = form_of(as_json, as_csv)

    from assets.taking.image_use import digests_of_reference, registry_of_image  # pandas
    from assets.taking.plan import decide_now
    from registry_core.errors import IncompleteSnapshot
    from resources.connections import Connections

    with Connections(invocation(context).site()) as connections:
        registry, reference = registry_of_image(connections.site, image)
        decisions = decide_now(connections, registry)
    if reference.tag is None and reference.digest is None:
        reference = reference.with_default_tag()
        note(f"no tag is written, so this is about {image}:{reference.tag}, as runtimes would take it")
    catalog = decisions.facts.nodes.catalog
    digests = digests_of_reference(catalog, reference)
    rows = [row for digest in digests if (row := decisions.row_of(reference.repository, digest)) is not None]
    if not rows:
        raise IncompleteSnapshot(
            f"{image} is not in the catalog of {registry}: it is not stored, or was pushed since; materialize"
            " registry_catalog again"
        )
    frame = decisions.frame(rows)
    if form is not Form.TABLE:
        told = frame.to_dict("records")
        for image_told in told:
            image_told["reasons"] = list(decisions.reasons_of(image_told["repository"], image_told["digest"]))
            image_told["tags"] = image_told["tags"].split(", ") if image_told["tags"] else []
        show(told, _COLUMNS, form)
        return
    for row in rows:
        one = decisions.frame([row]).iloc[0]
        fate = "stays" if one["decision"] == "keep" else "would go"
        named = f" ({one['tags']})" if one["tags"] else ""
        line(f"{one['repository']}@{one['digest']}{named} {fate}:")
        for reason in decisions.reasons_of(one["repository"], one["digest"]):
            line(f"  - {reason}")
