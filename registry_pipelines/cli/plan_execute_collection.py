"""Carry out an approved collection plan from the command line; a part of `plan execute`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry_pipelines.cli.output import Form, line, show

if TYPE_CHECKING:
    from resources.connections import Connections
    from resources.database.ledger_records import HolderIsAlive

_COLUMNS = ("fingerprint", "registry", "succeeded", "expected_bytes", "freed_bytes", "before_bytes", "after_bytes")


def carry_out_collection(connections: Connections, fingerprint: str, is_alive: HolderIsAlive, *, as_json: bool) -> None:
    """Collect, show what was freed, and tell it to the lineage. What went wrong is raised after it was told."""
    from assets.collection_outcome import outcome_event, outcome_sentence  # pandas, dagster
    from registry_core.collection import CollectionPlan
    from registry_core.errors import RegistryPipelinesError
    from registry_pipelines.approving.deciding import rules_of
    from registry_pipelines.cli.progress_bar import progress_bar
    from registry_pipelines.eviction.collection import CollectionRun, execute_collection
    from registry_pipelines.holders import this_process
    from registry_pipelines.lineage import tell_lineage

    run = CollectionRun(this_process(), rules_of(connections.site.approvals), is_alive)
    failed: RegistryPipelinesError | None = None
    try:
        with progress_bar() as progress:
            execute_collection(connections, fingerprint, run, progress=progress)
    except RegistryPipelinesError as error:
        failed = error
    collected = connections.ledger.collections.of(fingerprint)
    if collected is not None and collected.run_id == run.run_id:
        plan = connections.ledger.plan(fingerprint, CollectionPlan).plan
        tell_lineage(outcome_event(plan, collected))
        if as_json:
            row = {
                "fingerprint": fingerprint,
                "registry": plan.registry,
                "succeeded": collected.succeeded,
                "expected_bytes": plan.expected_bytes,
                "freed_bytes": collected.freed_bytes,
                "before_bytes": collected.before_bytes,
                "after_bytes": collected.after_bytes,
            }
            show([row], _COLUMNS, Form.JSON)
        else:
            line(outcome_sentence(plan, collected))
    if failed is not None:
        raise failed
