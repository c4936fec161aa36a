"""`replication`: how standing rules stand, and one run of one by hand."""

from __future__ import annotations

from typing import Annotated

import typer

from registry_pipelines.cli.invocation import invocation
from registry_pipelines.cli.next_command import note_reading_again
from registry_pipelines.cli.output import CsvOption, Form, JsonOption, form_of, note, show

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Replications: how they stand, a run by hand, what the source deleted. Approve their rules by `plan approve`.",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)

_SHOWN = ("replication", "state", "images", "in_step", "behind_since", "failing_since", "last_good_run_at", "why")
_RUN = ("replication", "began_at", "ended_at", "copied", "sent_bytes", "why")
_DETAILS = ("replication", "image", "lag", "since", "why")


def status(
    context: typer.Context,
    names: Annotated[list[str] | None, typer.Argument(metavar="[REPLICATION]...", help="Default: all.")] = None,
    details: Annotated[
        bool, typer.Option("--details", help="A row for each image that is not in step, instead of one a rule.")
    ] = False,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """Show how each replication stands: in step, behind by what, failing since when and why.

    By the newest catalogs and what the runs wrote down; no registry is asked. Exit code 4 when one is behind or
    failing, 3 when a rule waits for a decision, 5 when something could not be read, so that not all is known.
    """
    form = form_of(as_json, as_csv)

    from assets.taking.replication import take_replication_status  # pandas
    from registry_core.errors import ApprovalMissing, IncompleteSnapshot, PartialFailure
    from registry_core.replication_words import DETAIL_COLUMNS, STATUS_COLUMNS, detail_rows, status_row
    from registry_pipelines.approving.deciding import rules_of
    from resources.connections import Connections

    with Connections(invocation(context).site()) as connections:
        rules = rules_of(connections.site.approvals)
        wanted = names or list(connections.site.replications)
        found = [take_replication_status(connections, name, rules) for name in wanted]
    if details:
        rows = [row for one in found for row in detail_rows(one)]
        show(rows, _DETAILS if form is Form.TABLE else DETAIL_COLUMNS, form, empty="everything is in step")
    else:
        shown = _SHOWN if form is Form.TABLE else STATUS_COLUMNS
        show((status_row(one) for one in found), shown, form, empty="no replication is configured")
    for one in found:
        for gone in one.gone if form is Form.TABLE and not details else ():
            note(f"{one.rule.name}: {gone.to_repository}:{gone.tag} was deleted at the source and is still there")
    states = {state: [one.rule.name for one in found if one.state == state] for state in {one.state for one in found}}
    if late := [*states.get("failing", ()), *states.get("behind", ())]:
        raise PartialFailure(
            f"not in step: {', '.join(late)}; `registry-pipelines replication status --details` says why"
        )
    if waiting := states.get("not approved"):
        raise ApprovalMissing(
            f"not approved as the file has it now: {', '.join(waiting)}; read the rule with `registry-pipelines plan"
            " show`, then `plan approve` it"
        )
    if unknown := states.get("unknown"):
        raise IncompleteSnapshot(f"not all is known of {', '.join(unknown)}; the column `why` says what was not read")


def run(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="REPLICATION", help="Its name in the configuration.")],
    take_over: Annotated[
        bool, typer.Option("--take-over", help="The run that holds it is dead, although nobody here can tell.")
    ] = False,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """Compare both registries of a replication now, and copy what is missing.

    The catalog of the source is taken first, so that a push of this minute is seen. Exit code 3 when the rule is not
    approved as it is, or another run works on its destination; 4 when an image could not be copied, could not be read
    at the source, or is in conflict at the destination.
    """
    form = form_of(as_json, as_csv)

    from registry_core.errors import PartialFailure  # and below: pandas, pycurl
    from registry_pipelines.approving.deciding import rules_of
    from registry_pipelines.cli.progress_bar import progress_bar
    from registry_pipelines.holders import this_process
    from registry_pipelines.lineage import holders_known_here
    from registry_pipelines.replicating.run import ReplicationRun, replicate
    from resources.connections import Connections

    with (
        Connections(invocation(context).site()) as connections,
        holders_known_here() as holders,
        progress_bar() as progress,
    ):
        is_alive = (lambda _: False) if take_over else holders.is_alive
        how = ReplicationRun(this_process(), "manual", rules_of(connections.site.approvals), is_alive)
        failed: PartialFailure | None = None
        try:
            done = replicate(connections, name, how, progress=progress)
            note(f"{name}: {done}")
            if done.counts.get("copied"):
                note_reading_again(context, "catalog", connections.site.replications[name].to)
            if why := done.why_not_in_step:
                failed = PartialFailure(f"the replication {name} is not in step: {why}. The next run tries again")
        except PartialFailure as some:
            failed = some
        runs = connections.history.replications.runs(name)
    rows = [] if runs is None else [{"replication": name, **{key: getattr(runs, key) for key in _RUN[1:]}}]
    show(rows, _RUN, form)
    if failed is not None:
        raise failed


def plan_deletions(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="REPLICATION", help="Its name in the configuration.")],
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """Plan to let go, at the destination, what the source deleted; the plan waits for a decision like every other.

    Nothing is deleted. Whatever is in use, or is kept by a policy of the site, stays. An eviction plan of the
    destination that waits is superseded. Exit code 3 when a brake holds, 5 when the evidence is not whole.
    """
    form = form_of(as_json, as_csv)

    from assets.taking.replication_deletions import take_replicated_deletions  # pandas
    from registry_core.errors import Refused
    from registry_pipelines.approving.deciding import rules_of
    from registry_pipelines.cli.plan import RECORD_COLUMNS, record_row
    from resources.connections import Connections

    with Connections(invocation(context).site()) as connections:
        found = take_replicated_deletions(connections, name, rules_of(connections.site.approvals))
    for sentence in (*found.left_out, *found.kept):
        note(f"{name}: {sentence}")
    record = found.made.record if found.made is not None else None
    rows = [] if record is None else [record_row(record)]
    show(rows, RECORD_COLUMNS, form, empty=found.sentence)
    if found.made is not None and found.made.problems:
        raise Refused(f"a plan was not filed: {found.made.problems[0].message}")


app.command("status")(status)
app.command("run")(run)
app.command("plan-deletions")(plan_deletions)
