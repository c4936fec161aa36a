"""`plan execute`: carry out an approved plan from here, as the job in Dagster does."""

from __future__ import annotations

from typing import Annotated

import typer

from registry_pipelines.cli.invocation import invocation
from registry_pipelines.cli.next_command import note_reading_again
from registry_pipelines.cli.output import Form, JsonOption, line, note, show

_COLUMNS = ("fingerprint", "registry", "state", "deleted", "already gone", "spared", "refused by registry", "failed",
            "image_bytes")  # fmt: skip
_COMMAND = "plan execute"


def execute(
    context: typer.Context,
    plan: Annotated[str, typer.Argument(metavar="PLAN", help="Fingerprint, or its first six characters or more.")],
    take_over: Annotated[
        bool, typer.Option("--take-over", help="The run that holds it is dead, although nobody here can tell.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Carry out an approved eviction or collection plan now.

    Of an eviction every entry is looked at once more, and what may not go any more is spared; started again, it goes on
    where the journal ends. Exit code 3 when the lock does not open, 4 when some entries could not be deleted, or a
    collection ended with an error.
    """
    from assets.eviction_outcome import outcome_event, outcome_sentence  # pandas, dagster
    from assets.taking.collection import collection_advice
    from registry_core.errors import Refused, RegistryPipelinesError
    from registry_core.eviction import Plan
    from registry_pipelines.approving.deciding import rules_of
    from registry_pipelines.cli.plan_execute_collection import carry_out_collection
    from registry_pipelines.cli.progress_bar import progress_bar
    from registry_pipelines.eviction.execution import Run, execute_plan
    from registry_pipelines.holders import this_process
    from registry_pipelines.lineage import holders_known_here, tell_lineage
    from registry_pipelines.links import restore_link
    from registry_pipelines.locations import LOCATION
    from resources.connections import Connections

    with Connections(invocation(context).site()) as connections, holders_known_here() as holders:
        ledger = connections.history.ledger
        record = ledger.record(plan)
        fingerprint = record.fingerprint
        if record.words.command != _COMMAND:
            raise Refused(
                f"the plan {record.short} is {record.words.article} for {record.subject}, and `{_COMMAND}` is not for"
                f" those; `registry-pipelines {record.words.command}` is"
            )
        is_alive = (lambda _: False) if take_over else holders.is_alive
        if record.kind == "collection":
            carry_out_collection(connections, fingerprint, is_alive, as_json=as_json)
            return
        run = Run(this_process(), rules_of(connections.site.approvals), is_alive)
        failed: RegistryPipelinesError | None = None
        try:
            with progress_bar() as progress:
                for told in execute_plan(connections, fingerprint, run, progress=progress).notes:
                    note(told)
        except RegistryPipelinesError as error:
            failed = error  # what was done until then is told first
        journal, stored = ledger.journal(fingerprint), ledger.plan(fingerprint, Plan)
        restore = restore_link(fingerprint, connections.site, location=LOCATION)
        advice = collection_advice(connections, stored.record.subject, journal)
    if not journal.empty:
        event = outcome_event(stored.record, stored.plan, journal, restore=restore, advice=advice)
        tell_lineage(event)
        if as_json:
            counts = {column: event.metadata[column].value for column in _COLUMNS[3:-1]}
            bytes_of_it = event.metadata["bytes of what was deleted"].value
            row = {"fingerprint": fingerprint, "registry": stored.record.subject, "state": stored.record.state}
            show([{**row, **counts, "image_bytes": bytes_of_it}], _COLUMNS, Form.JSON)
        else:
            line(outcome_sentence(stored.record, stored.plan, journal, advice))
        if journal["outcome"].eq("deleted").any():
            note_reading_again(context, "catalog", stored.record.subject)
    if failed is not None:
        raise failed
