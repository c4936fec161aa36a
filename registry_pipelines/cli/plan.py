"""`plan`: list and show plans of any kind, make those of evictions. What decides and carries out is beside this."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from registry_core.plan_words import PlanKind
from registry_pipelines.cli import plan_backtest, plan_decide, plan_execute, plan_explain
from registry_pipelines.cli.invocation import invocation
from registry_pipelines.cli.making_each import MakingEach
from registry_pipelines.cli.output import CsvOption, Form, JsonOption, form_of, line, note, show

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from assets.taking.plan import MadePlan
    from resources.database.ledger_records import PlanRecord

RECORD_COLUMNS = ("plan", "kind", "subject", "state", "counts", "made_at", "good_until", "why")
_JSON_COLUMNS = ("fingerprint", *RECORD_COLUMNS[1:4], "counted", "entry_count", "figures", "made_at", "as_of",
                 "good_until", "run_id", "finished_at", "why")  # fmt: skip


PlanArgument = Annotated[str, typer.Argument(metavar="PLAN", help="Fingerprint, or its first six characters or more.")]

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Plans: read, approve, reject; make and carry out those of evictions. Exit code 3 where a brake holds.",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def make(
    context: typer.Context,
    registries: Annotated[list[str] | None, typer.Argument(metavar="[REGISTRY]...", help="Default: all.")] = None,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """Make an eviction plan by the newest evidence and file it for a decision. Nothing is deleted.

    A repository that could not be read keeps all that it holds; it is named, and the others are planned. Exit code 3
    when a limit or the age of the evidence forbids it, 5 when the evidence is not whole: a required cluster, the
    list of repositories, or more repositories than limits.max_unread_share.
    """
    form = form_of(as_json, as_csv)

    from assets.taking.plan import take_plan  # pandas
    from registry_core.catalog_gaps import unread_in_words
    from registry_core.errors import Refused
    from resources.connections import Connections

    made: list[MadePlan] = []
    making = MakingEach()
    with Connections(invocation(context).site()) as connections:
        for name in registries or list(connections.site.registries):
            with making.one():
                made.append(take_plan(connections, name))
    for one in made:
        unread = unread_in_words(one.plan.unread)
        for sentence in one.summary.unusual if form is Form.TABLE else filter(None, [unread]):
            note(f"{one.plan.basis.registry}: {sentence}")
    _show_records([one.record for one in made if one.record is not None], form)
    problems = [problem.message for one in made for problem in one.problems]
    if problems:
        more = f" (and {len(problems) - 1:,} more)" if len(problems) > 1 else ""
        making.failed.append(Refused(f"a plan was not filed: {problems[0]}{more}"))
    making.conclude()


def list_plans(
    context: typer.Context,
    subject: Annotated[
        str | None, typer.Option("--for", "-r", "--registry", help="Only for this registry, migration or cut-over.")
    ] = None,
    kind: Annotated[PlanKind | None, typer.Option("--kind", help="Only of this kind.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most so many, the newest first.")] = 20,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """List plans, the newest first, and how far each is."""
    form = form_of(as_json, as_csv)

    from resources.connections import Connections  # pandas

    with Connections(invocation(context).site()) as connections:
        _show_records(connections.history.ledger.plans(subject, kind=kind, limit=limit), form)


def show_plan(
    context: typer.Context,
    plan: PlanArgument,
    whole: Annotated[
        bool, typer.Option("--whole", help="Print the plan as it was filed: the JSON of which PLAN is the SHA-256.")
    ] = False,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """Show what a plan would do, an entry a line, with its reasons."""
    form = form_of(as_json, as_csv)

    from registry_core.eviction import Plan
    from registry_core.eviction_summary import summarise
    from resources.connections import Connections

    with Connections(invocation(context).site()) as connections:
        stored = connections.history.ledger.any_plan(plan)
        decisions = connections.history.ledger.approvals(stored.record.fingerprint)
    if whole:
        sys.stdout.write(stored.plan.to_bytes().decode())
        return
    if form is not Form.TABLE:
        entries = stored.plan.to_json()["entries"]
        show(entries, list(dict.fromkeys(key for entry in entries for key in entry)), form)
        return
    for sentence in _sentences(stored.record):
        line(sentence)
    for sentence in summarise(stored.plan).unusual if isinstance(stored.plan, Plan) else ():
        line(f"! {sentence}")
    for decision in decisions:
        line(f"{decision.who} {decision.decision}s at {decision.at:%Y-%m-%d %H:%M} UTC: {decision.reason}")
    line("")
    rows = list(stored.plan.rows())
    show(rows, list(rows[0]) if rows else (), form, empty="it has no entries")


def _sentences(record: PlanRecord) -> list[str]:
    from assets.plan_presentation import agreement_text  # pandas
    from assets.presentation import moment

    return [
        f"plan {record.fingerprint}",
        f"{record.words.article} for {record.subject}, {record.state}{': ' + record.why if record.why else ''}",
        f"{agreement_text(record)}; made {moment(record.made_at)}, {record.validity}",
    ]


def _show_records(records: list[PlanRecord], form: Form) -> None:
    columns = RECORD_COLUMNS if form is Form.TABLE else _JSON_COLUMNS
    show([record_row(record) for record in records], columns, form, empty="no plan was made yet")


def record_row(record: PlanRecord) -> Mapping[str, Any]:
    """A record with the columns of a list and of its JSON."""
    from dataclasses import asdict

    from assets.plan_presentation import counts_text  # pandas

    until = None if record.words.stands else record.good_until  # a rule has no age
    return {**asdict(record), "plan": record.short, "counts": counts_text(record), "good_until": until}


app.command("list")(list_plans)
app.command("show")(show_plan)
app.command("make")(make)
app.command("explain")(plan_explain.explain)
app.command("backtest")(plan_backtest.backtest)
app.command("approve")(plan_decide.approve)
app.command("reject")(plan_decide.reject)
app.command("execute")(plan_execute.execute)
