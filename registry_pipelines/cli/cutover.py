"""`cutover`: point workloads at another registry, and back. What changes clusters has a file beside this one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from registry_pipelines.cli import cutover_changes
from registry_pipelines.cli.invocation import invocation
from registry_pipelines.cli.making_each import MakingEach
from registry_pipelines.cli.output import CsvOption, Form, JsonOption, form_of, line, note, show

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from registry_core.cutover import CutoverPlan
    from registry_core.cutover_entries import Workload
    from resources.connections import Connections
    from resources.database.ledger_records import PlanRecord

_PLAN_COLUMNS = ("fingerprint", "cutover", "state", "workloads", "elsewhere", "left", "pull_secrets", "leftovers",
                 "made_at", "good_until")  # fmt: skip
_ROW_COLUMNS = ("what", "workload", "container", "from", "to", "why")
_LINE_COLUMNS = ("what", "cluster", "namespace", "kind", "name", "place", "from", "to", "why")

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Cut-over and failover: point workloads at another registry, workload by workload, and back."
    " Exit code 3 where a brake holds, 4 where some of it was not done.",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)

_Plan = Annotated[
    str, typer.Argument(metavar="PLAN", help="Fingerprint (its first six characters or more), or name of a cut-over.")
]


def plan(
    context: typer.Context,
    names: Annotated[list[str] | None, typer.Argument(metavar="[CUTOVER]...", help="Default: all.")] = None,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """Read the clusters and the destination, and file a plan for a decision. Nothing is changed.

    Exit code 5 where a cluster or the destination could not be read whole.
    """
    form = form_of(as_json, as_csv)

    from assets.taking.cutover import take_cutover_plan  # pandas
    from registry_pipelines.cli.progress_bar import progress_bar
    from resources.connections import Connections

    rows = []
    making = MakingEach()
    with Connections(invocation(context).site()) as connections:
        for name in names or list(connections.site.cutovers):
            with making.one():
                with progress_bar() as progress:
                    made = take_cutover_plan(connections, name, progress=progress)
                if not made.is_new:
                    note(f"{name}: the plan that waits does the same, and stands")
                record = made.record
                rows.append(
                    {
                        "fingerprint": record.fingerprint if form is not Form.TABLE else record.short,
                        "cutover": name,
                        "state": record.state,
                        "workloads": record.counted,
                        **record.figures,
                        "leftovers": made.plan.leftovers,
                        "made_at": record.made_at,
                        "good_until": record.good_until,
                    }
                )
    empty = "no plan was made" if making.failed else "no cut-over is configured (`cutovers`)"
    show(rows, _PLAN_COLUMNS, form, empty=empty)
    making.conclude()


def show_plan(context: typer.Context, plan: _Plan, as_json: JsonOption = False, as_csv: CsvOption = False) -> None:
    """Show what a plan changes, what is to be changed elsewhere, what stays and why, an image a line."""
    form = form_of(as_json, as_csv)

    from assets.plan_presentation import agreement_text  # pandas
    from assets.presentation import amount
    from registry_core.cutover import CutoverPlan
    from resources.connections import Connections

    with Connections(invocation(context).site()) as connections:
        stored = connections.history.ledger.plan(record_of(connections, plan).fingerprint, CutoverPlan)
    if form is not Form.TABLE:
        show(_lines(stored.plan), _LINE_COLUMNS, form)
        return
    line(f"plan {stored.record.fingerprint}, {stored.record.state}")
    line(agreement_text(stored.record))
    if stored.plan.leftovers:
        objects = amount(stored.plan.leftovers, "object")
        line(f"{objects} of older revisions, or finished, will go on naming the old registry")
    line("")
    show(stored.plan.rows(), _ROW_COLUMNS, form, empty="nothing points at the old registry")


def patches(
    context: typer.Context,
    plan: _Plan,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder to write to, empty or not there yet.")],
    form: Annotated[
        Literal["kubectl", "kustomize"],
        typer.Option("--format", help="`kubectl patch` with JSON patches, or kustomize components."),
    ] = "kubectl",
    as_json: JsonOption = False,
) -> None:
    """Write the changes of a plan as files, for clusters that are changed through git. Needs no approval."""
    from registry_core.cutover import CutoverPlan  # pandas
    from registry_pipelines.cutover.files import write_patches
    from resources.connections import Connections

    with Connections(invocation(context).site()) as connections:
        stored = connections.history.ledger.plan(record_of(connections, plan).fingerprint, CutoverPlan)
    written = write_patches(stored.plan, out, form)
    show(({"file": str(path)} for path in written), ("file",), Form.JSON if as_json else Form.TABLE,
         empty="the plan changes nothing, so nothing was written")  # fmt: skip


def _lines(plan: CutoverPlan) -> Iterator[Mapping[str, Any]]:
    """As the rows of the plan, with nothing shortened and the names of a workload apart."""
    for entry in plan.entries:
        for change in entry.images:
            why = "; ".join(entry.notes)
            yield {"what": "patch", **_named(entry.workload), "place": change.path, "from": change.old,
                   "to": change.new, "why": why}  # fmt: skip
    for other in plan.elsewhere:
        for change in other.images:
            why = f"{other.manager.name}: {other.manager.evidence}; change {other.manager.where}"
            yield {"what": "change elsewhere", **_named(other.workload), "place": change.path, "from": change.old,
                   "to": change.new, "why": why}  # fmt: skip
    for left in plan.left:
        for image in left.images:
            yield {"what": "left", **_named(left.workload), "from": image, "why": left.why}
    for secret in plan.pull_secrets:
        yield {"what": "create if absent", "cluster": secret.cluster, "namespace": secret.namespace,
               "kind": "Secret", "name": secret.name, "to": secret.host}  # fmt: skip


def _named(workload: Workload) -> dict[str, str]:
    return {"cluster": workload.cluster, "namespace": workload.namespace, "kind": workload.kind, "name": workload.name}


def record_of(connections: Connections, plan: str) -> PlanRecord:
    """The plan of a fingerprint, or the newest one of a cut-over by its name."""
    ledger = connections.history.ledger
    if plan in connections.site.cutovers:
        records = ledger.plans(plan, kind="cutover", limit=1)
        if records:
            return records[0]
    return ledger.record(plan)


app.command("plan")(plan)
app.command("show")(show_plan)
app.command("patches")(patches)
app.command("execute")(cutover_changes.execute)
app.command("rollback")(cutover_changes.rollback)
app.command("journal")(cutover_changes.journal)
