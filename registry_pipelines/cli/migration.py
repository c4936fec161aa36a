"""`migration`: make plans of migrations, carry them out, read back what they copied."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from registry_pipelines.cli.invocation import invocation
from registry_pipelines.cli.making_each import MakingEach
from registry_pipelines.cli.next_command import note_reading_again
from registry_pipelines.cli.output import CsvOption, Form, JsonOption, form_of, line, note, show

if TYPE_CHECKING:
    from typing import Any

    from assets.taking.migration_verification import NotCopied
    from registry_core.copy_verification import VerifiedImage
    from registry_core.migration_entries import MigrationEntry
    from resources.connections import Connections
    from resources.database.ledger_records import PlanRecord

_MADE = ("migration", "plan", "copy", "already_there", "conflict", "unreadable", "travel_bytes", "mounts",
         "expected_seconds")  # fmt: skip
_ENTRIES = ("word", "repository", "to_repository", "tags", "travel_bytes", "used_by", "why")
_ALL_OF_ENTRIES = ("word", "repository", "to_repository", "digest", "tags", "manifests", "travel_bytes", "mounts",
                   "reasons", "used_by", "fault", "why")  # fmt: skip
_OUTCOMES = ("repository", "to_repository", "tags", "outcome", "why", "sent_bytes", "seconds")
_VERIFIED = ("image", "found", "detail", "moved_tags")

NameArgument = Annotated[str, typer.Argument(metavar="MIGRATION", help="Its name in the configuration.")]

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Migrations: plan, show, carry out, read back. They are approved with `plan approve`.",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def make(
    context: typer.Context,
    names: Annotated[list[str] | None, typer.Argument(metavar="[MIGRATION]...", help="Default: all.")] = None,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """Make the plan of a migration by the newest evidence and a look at both registries, and file it for a decision.

    Nothing is copied. Exit code 3 when the evidence is too old, 5 when it is not whole or a registry does not answer.
    """
    form = form_of(as_json, as_csv)

    from assets.taking.migration import take_migration_plan  # pandas, pycurl
    from registry_core.errors import Refused
    from registry_core.migration_summary import summarise_migration
    from registry_pipelines.cli.progress_bar import progress_bar
    from resources.connections import Connections

    rows: list[dict[str, Any]] = []
    making = MakingEach()
    with Connections(invocation(context).site()) as connections:
        for name in names or list(connections.site.migrations):
            with making.one():
                with progress_bar() as progress:
                    made = take_migration_plan(connections, name, progress=progress)
                summary = summarise_migration(made.plan)
                for sentence in summary.unusual:
                    note(f"{name}: {sentence.replace('**', '')}")
                making.failed += [Refused(f"a plan was not filed: {problem}") for problem in made.problems[:1]]
                rows.append(
                    {
                        "migration": name,
                        "plan": made.plan.fingerprint[:12] if form is Form.TABLE else made.plan.fingerprint,
                        "copy": summary.copies,
                        "already_there": summary.already_there,
                        "conflict": summary.conflicts,
                        "unreadable": summary.unreadable,
                        "travel_bytes": summary.travel_bytes,
                        "mounts": summary.mounts,
                        "expected_seconds": None if made.expected is None else round(made.expected.total_seconds()),
                    }
                )
    show(rows, _MADE, form, empty="no plan was made" if making.failed else "no migration is configured")
    making.conclude()


def show_plan(
    context: typer.Context, name: NameArgument, as_json: JsonOption = False, as_csv: CsvOption = False
) -> None:
    """Show the newest plan of a migration: what would be copied, what is in the way, what cannot be read."""
    form = form_of(as_json, as_csv)

    from registry_core.migration import MigrationPlan
    from resources.connections import Connections

    with Connections(invocation(context).site()) as connections:
        record = _newest(connections, name)
        plan = connections.ledger.plan(record.fingerprint, MigrationPlan).plan
    rows = [_entry_row(entry) for entry in plan.entries]
    show(rows, _ENTRIES if form is Form.TABLE else _ALL_OF_ENTRIES, form, empty="it has no entries")
    if form is Form.TABLE:
        decides = f": `registry-pipelines plan approve {record.short}` decides" if record.state == "waiting" else ""
        note(f"plan {record.short} of {name}, {record.state}{decides}")


def outcome(context: typer.Context, name: NameArgument, as_json: JsonOption = False, as_csv: CsvOption = False) -> None:
    """Show what became of each image of the newest plan that was carried out."""
    form = form_of(as_json, as_csv)

    from assets.migration_outcome import outcome_rows, outcome_sentence  # pandas, dagster
    from assets.taking.migration_verification import carried_out
    from registry_core.errors import Refused
    from registry_core.migration import MigrationPlan
    from resources.connections import Connections

    with Connections(invocation(context).site()) as connections:
        record = carried_out(connections, name)
        if record is None:
            raise Refused(f"nothing of {name} was carried out yet; `registry-pipelines migration plan {name}` begins")
        plan = connections.ledger.plan(record.fingerprint, MigrationPlan).plan
        journal = connections.ledger.copy_journal(record.fingerprint)
    rows = outcome_rows(plan, journal)
    show(rows.to_dict("records"), _OUTCOMES if form is Form.TABLE else list(rows.columns), form, empty="it is empty")
    if form is Form.TABLE:
        note(f"plan {record.short}, {record.state}: {outcome_sentence(plan, journal)}")


def verify(
    context: typer.Context,
    name: NameArgument,
    deep: Annotated[
        bool | None, typer.Option("--deep/--quick", help="Read and prove every blob. Default: as configured.")
    ] = None,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """Read back what a migration copied: manifests proven, blobs asked for, tags resolved. Shows what is not whole.

    Exit code 4 when an image of the plan was not copied, 1 when something is missing or corrupt, 5 when something
    could not be asked.
    """
    form = form_of(as_json, as_csv)

    from assets.taking.migration_verification import verify_migration  # pandas, pycurl
    from registry_core.errors import PartialFailure, RegistryError
    from registry_pipelines.cli.progress_bar import progress_bar
    from resources.connections import Connections

    with Connections(invocation(context).site()) as connections, progress_bar() as progress:
        verified = verify_migration(connections, name, deep=deep, progress=progress)
    found = verified.found
    shown = found.images if form is not Form.TABLE else (*found.damaged, *found.unknown)
    rows = [*(_verified_row(image) for image in shown), *(_not_copied_row(one) for one in verified.not_copied)]
    show(rows, _VERIFIED, form, empty=f"all {len(found.images):,} images are there")
    if missing := verified.not_copied:
        was = "was" if len(missing) == 1 else "were"
        raise PartialFailure(
            f"{len(missing):,} of {verified.planned:,} images {was} not copied; first {missing[0]}. Repair the cause,"
            " then make a new plan"
        )
    if found.damaged:
        raise typer.Exit(1)
    if found.unknown:
        first = found.unknown[0]
        raise RegistryError(
            f"could not ask for {len(found.unknown):,} of {len(found.images):,} images: {first.detail}",
            fault=first.fault or "unreachable",
        )


def run(
    context: typer.Context,
    plan: Annotated[str, typer.Argument(metavar="PLAN", help="Fingerprint, or its first six characters or more.")],
    take_over: Annotated[
        bool, typer.Option("--take-over", help="The run that holds it is dead, although nobody here can tell.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Carry out an approved migration plan now, as the job in Dagster does.

    Started again, it copies only what is missing. Exit code 3 when the plan is not approved or too old, 4 when some
    images failed, or could not be read when the plan was made.
    """
    from assets.migration_outcome import outcome_event, outcome_rows, outcome_sentence  # pandas, dagster
    from registry_core.errors import RegistryPipelinesError
    from registry_core.migration import MigrationPlan
    from registry_pipelines.approving.deciding import rules_of
    from registry_pipelines.cli.progress_bar import progress_bar
    from registry_pipelines.holders import this_process
    from registry_pipelines.lineage import holders_known_here, tell_lineage
    from registry_pipelines.migrating.execution import MigrationRun, execute_migration
    from resources.connections import Connections

    with Connections(invocation(context).site()) as connections, holders_known_here() as holders:
        ledger = connections.ledger
        fingerprint = ledger.record(plan).fingerprint
        is_alive = (lambda _: False) if take_over else holders.is_alive
        runner = MigrationRun(this_process(), rules_of(connections.site.approvals), is_alive)
        failed: RegistryPipelinesError | None = None
        try:
            with progress_bar() as progress:
                executed = execute_migration(connections, fingerprint, runner, progress=progress)
            failed = executed.left_unread
        except RegistryPipelinesError as error:
            failed = error  # what was done until then is told first
        journal = ledger.copy_journal(fingerprint)
        if not journal.empty:
            stored = ledger.plan(fingerprint, MigrationPlan)
            tell_lineage(outcome_event(stored.record, stored.plan, journal, run_id=runner.run_id))
            if as_json:
                rows = outcome_rows(stored.plan, journal)
                show(rows.to_dict("records"), list(rows.columns), Form.JSON)
            else:
                line(outcome_sentence(stored.plan, journal))
            if journal["outcome"].eq("copied").any():
                note_reading_again(context, "catalog", stored.plan.rule.destination)
    if failed is not None:
        raise failed


def _newest(connections: Connections, name: str) -> PlanRecord:
    from assets.taking.migration import migration_rule
    from registry_core.errors import Refused

    migration_rule(connections, name)
    records = connections.ledger.plans(name, kind="migration", limit=1)
    if not records:
        raise Refused(f"no plan of {name} was made yet; `registry-pipelines migration plan {name}` makes one")
    return records[0]


def _entry_row(entry: MigrationEntry) -> dict[str, Any]:
    return {
        "word": entry.word,
        "repository": entry.repository,
        "to_repository": entry.to_repository,
        "digest": entry.digest,
        "tags": list(entry.tags),
        "manifests": entry.manifests,
        "travel_bytes": entry.travel_bytes,
        "mounts": entry.mounts,
        "reasons": list(entry.reasons),
        "used_by": entry.used_by,
        "fault": entry.fault,
        "why": entry.why,
    }


def _not_copied_row(one: NotCopied) -> dict[str, Any]:
    return {
        "image": str(one.entry),
        "digest": one.entry.digest,
        "found": "not copied",
        "detail": one.why,
        "moved_tags": [],
    }


def _verified_row(verified: VerifiedImage) -> dict[str, Any]:
    return {
        "image": str(verified.image),
        "digest": verified.image.digest,
        "found": verified.fault or "whole",
        "detail": verified.detail,
        "moved_tags": list(verified.moved_tags),
    }


app.command("plan")(make)
app.command("show")(show_plan)
app.command("outcome")(outcome)
app.command("verify")(verify)
app.command("run")(run)
