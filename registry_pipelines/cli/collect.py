"""`collect`: plan to let a registry free what deletions left behind."""

from __future__ import annotations

from typing import Annotated

import typer

from registry_pipelines.cli.invocation import invocation
from registry_pipelines.cli.output import Form, JsonOption, form_of, line, note, show

_COLUMNS = ("fingerprint", "registry", "state", "images", "evictions", "expected_bytes", "how", "is_new")


def collect(
    context: typer.Context,
    registry: Annotated[str, typer.Argument(metavar="REGISTRY", help="A configured registry.")],
    as_json: JsonOption = False,
) -> None:
    """Plan a garbage collection of a registry: how many bytes it frees, of which evictions. Nothing is collected.

    A person approves the plan (`plan approve`), then the sensor in Dagster or `plan execute` carries it out in the
    registry's pod or through Harbor's API. Without a `collection` setting it says how to collect by hand (exit code 2).
    """
    form = form_of(as_json, False)

    from assets.collection_presentation import way_back  # pandas, dagster
    from assets.presentation import amount, size
    from assets.taking.collection import how_to_collect, take_collection_plan
    from resources.connections import Connections

    with Connections(invocation(context).site()) as connections:
        if connections.registry_settings(registry).collection is None:
            note(how_to_collect(connections, registry))
            raise typer.Exit(2)
        made = take_collection_plan(connections, registry)
    plan, record = made.plan, made.record
    if form is Form.JSON:
        row = {
            "fingerprint": plan.fingerprint,
            "registry": registry,
            "state": None if record is None else record.state,
            "images": plan.images,
            "evictions": len(plan.entries),
            "expected_bytes": plan.expected_bytes,
            "how": str(plan.way),
            "is_new": made.is_new,
        }
        show([row], _COLUMNS, form)
    elif record is None or not plan.entries:
        line(f"{registry} holds no bytes of images that we deleted, so there is nothing to collect")
    else:
        line(
            f"plan {record.short}: {size(plan.expected_bytes)} of {amount(plan.images, 'deleted image')} from"
            f" {amount(len(plan.entries), 'eviction')} are freed by {plan.way}"
        )
        line(way_back(plan).replace("**", ""))
        count = plan.images
        line(f"approve it: registry-pipelines plan approve {record.short} --images {count} --as NAME --reason WHY")
