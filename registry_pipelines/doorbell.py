"""The sensor that starts an approved plan: a doorbell. It reads the ledger, never asset events; the job is the lock."""

from __future__ import annotations

from collections.abc import Iterator

import dagster as dg

from registry_core.plan_words import PLAN_WORDS, PlanKind
from registry_pipelines.links import EXECUTE, plan_tags
from resources.site import SiteResource

#: The op of every job that carries out a plan; its config is `plan`, the fingerprint.
EXECUTE_OP = "execute"


def build_doorbell(kind: PlanKind, *, name: str, on: dg.DefaultSensorStatus) -> dg.SensorDefinition:
    """Starts `execute_<kind>_plan` for each approved plan of the kind, once."""

    @dg.sensor(
        name=name,
        job_name=EXECUTE[kind],
        minimum_interval_seconds=15,
        default_status=on,
        description=f"Starts `{EXECUTE[kind]}` for {PLAN_WORDS[kind].article} that was approved, once.",
    )
    def ring(context: dg.SensorEvaluationContext, site: SiteResource) -> Iterator[dg.RunRequest | dg.SkipReason]:
        with site.connections() as connections:
            ready = connections.history.ledger.ready(kind)
        if not ready:
            yield dg.SkipReason("No approved plan waits.")
        for record in ready:
            yield dg.RunRequest(
                run_key=record.fingerprint, run_config=execution_config(record.fingerprint), tags=plan_tags(record)
            )

    return ring


def execution_config(fingerprint: str) -> dict[str, object]:
    """Run config of a job that carries out this plan."""
    return {"ops": {EXECUTE_OP: {"config": {"plan": fingerprint}}}}
