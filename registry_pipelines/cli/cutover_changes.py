"""`cutover execute`, `rollback` and `journal`: what changes clusters, and what was done."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from registry_pipelines.cli.invocation import invocation
from registry_pipelines.cli.next_command import note_reading_again
from registry_pipelines.cli.output import CsvOption, Form, JsonOption, form_of, line, note, show

if TYPE_CHECKING:
    from resources.connections import Connections

_COLUMNS = ("cluster", "namespace", "kind", "name", "outcome", "why", "returned")
_BACK_COLUMNS = ("cluster", "namespace", "kind", "name", "returned", "why")

PlanArgument = Annotated[str, typer.Argument(metavar="PLAN", help="Fingerprint, or its first six characters or more.")]
_TakeOver = Annotated[
    bool, typer.Option("--take-over", help="The run that holds it is dead, although nobody here can tell.")
]


def execute(
    context: typer.Context, plan: PlanArgument, take_over: _TakeOver = False, as_json: JsonOption = False
) -> None:
    """Carry out an approved cut-over plan now, as the job in Dagster does: workload by workload, each watched.

    Started again, it goes on where the journal ends. Exit code 3 when the lock does not open, 4 when a rollout failed
    and was put back (nothing more is changed then) or some workloads could not be changed.
    """
    from registry_core.errors import RegistryPipelinesError
    from registry_pipelines.approving.deciding import rules_of
    from registry_pipelines.cli.progress_bar import progress_bar
    from registry_pipelines.cutover.execution import CutoverRun, execute_cutover
    from registry_pipelines.holders import this_process
    from registry_pipelines.lineage import holders_known_here
    from resources.connections import Connections

    with Connections(invocation(context).site()) as connections, holders_known_here() as holders:
        fingerprint = connections.ledger.record(plan).fingerprint
        is_alive = (lambda _: False) if take_over else holders.is_alive
        run = CutoverRun(this_process(), rules_of(connections.site.approvals), is_alive)
        failed: RegistryPipelinesError | None = None
        try:
            with progress_bar() as progress:
                execute_cutover(connections, fingerprint, run, progress=progress)
        except RegistryPipelinesError as error:
            failed = error  # what was done until then is told first
        clusters = _tell(connections, fingerprint, as_json=as_json)
    if clusters:
        note_reading_again(context, "inventory", *clusters)
    if failed is not None:
        raise failed


def rollback(
    context: typer.Context, plan: PlanArgument, take_over: _TakeOver = False, as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:  # fmt: skip
    """Give every workload that a plan changed its old images and pull secrets again, last changed first.

    Needs no approval. What somebody changed since is left alone and told; exit code 4 then. Rollouts are not waited
    for. Pull secrets that the plan made are taken away once no pod names them: run it again then.
    """
    form = form_of(as_json, as_csv)

    from registry_pipelines.approving.deciding import rules_of
    from registry_pipelines.cli.progress_bar import progress_bar
    from registry_pipelines.cutover.execution import CutoverRun
    from registry_pipelines.cutover.rollback import refuse_partial, rollback_cutover
    from registry_pipelines.holders import this_process
    from registry_pipelines.lineage import holders_known_here
    from resources.connections import Connections

    with Connections(invocation(context).site()) as connections, holders_known_here() as holders:
        is_alive = (lambda _: False) if take_over else holders.is_alive
        run = CutoverRun(this_process(), rules_of(connections.site.approvals), is_alive)
        with progress_bar() as progress:
            done = rollback_cutover(connections, plan, run, progress=progress)
        _tell_lineage(connections, done.fingerprint)
    rows = [
        {
            "cluster": one.entry.workload.cluster,
            "namespace": one.entry.workload.namespace,
            "kind": one.entry.workload.kind,
            "name": one.entry.workload.name,
            "returned": one.why is None,
            "why": one.why or "",
        }
        for one in done.returned
    ]
    show(rows, _BACK_COLUMNS, form, empty="nothing that it changed is left to return")
    for told in done.notes:
        note(told)
    if changed := sorted({str(row["cluster"]) for row in rows if row["returned"]}):
        note_reading_again(context, "inventory", *changed)
    refuse_partial(done)


def journal(context: typer.Context, plan: PlanArgument, as_json: JsonOption = False, as_csv: CsvOption = False) -> None:
    """Print what became of each workload of a plan, and whether it was returned."""
    form = form_of(as_json, as_csv)

    from assets.cutover_outcome import outcome_rows  # pandas, dagster
    from registry_core.cutover import CutoverPlan
    from resources.connections import Connections

    with Connections(invocation(context).site()) as connections:
        stored = connections.ledger.plan(plan, CutoverPlan)
        frame = connections.ledger.cutovers.frame(stored.record.fingerprint)
    show(outcome_rows(stored.plan, frame).to_dict("records"), _COLUMNS, form, empty="the plan changes nothing")


def _tell(connections: Connections, fingerprint: str, *, as_json: bool) -> list[str]:
    """Show what became of each workload; the clusters of those that were changed."""
    from assets.cutover_outcome import outcome_rows, outcome_sentence  # pandas, dagster
    from registry_core.cutover import CutoverPlan

    stored = connections.ledger.plan(fingerprint, CutoverPlan)
    frame = connections.ledger.cutovers.frame(fingerprint)
    if frame.empty:
        return []
    _tell_lineage(connections, fingerprint)
    if as_json:
        show(outcome_rows(stored.plan, frame).to_dict("records"), _COLUMNS, Form.JSON)
    else:
        line(outcome_sentence(stored.plan, frame))
    return sorted({str(cluster) for cluster in frame.loc[frame["outcome"].eq("changed"), "cluster"]})


def _tell_lineage(connections: Connections, fingerprint: str) -> None:
    from assets.cutover_outcome import outcome_event  # dagster
    from registry_core.cutover import CutoverPlan
    from registry_pipelines.lineage import tell_lineage
    from registry_pipelines.links import rollback_link
    from registry_pipelines.locations import LOCATION

    stored = connections.ledger.plan(fingerprint, CutoverPlan)
    frame = connections.ledger.cutovers.frame(fingerprint)
    if not frame.empty:
        link = rollback_link(fingerprint, connections.site, location=LOCATION)
        tell_lineage(outcome_event(stored.record, stored.plan, frame, rollback=link))
