"""A company that moves: its registry to another, two real servers, in a Dagster instance."""

from __future__ import annotations

from typing import Any

import dagster as dg

from registry_pipelines.approving.form import approval_form
from registry_pipelines.links import EXECUTE, approve_job
from registry_pipelines.migration_jobs import PLAN_MIGRATION, VERIFY
from resources.database.ledger_records import PlanRecord
from tests.company import REGISTRY, Company
from tests.registry_pipelines.planning import filled_form, run_job

NEW = "new.example.com"
MOVE = "to-new"
EVERYTHING: dict[str, Any] = {"from": REGISTRY, "to": NEW, "what": {"all": True}}


def with_migration(
    company: Company, destination: Any, migration: dict[str, Any] | None = None, **sections: Any
) -> None:
    """Configure a move to `destination` (anything with a `.url`), and survey the company."""
    company.configure(
        registries={
            REGISTRY: {"url": company.registry.url, "hosts": [REGISTRY], "retries": 1, **company.extra},
            NEW: {"url": destination.url, "hosts": [NEW], "retries": 1},
        },
        migrations={MOVE: migration or EVERYTHING},
        **sections,
    )
    company.survey()


def newest(company: Company) -> PlanRecord:
    """The newest plan of the move."""
    with company.connections() as connections:
        return connections.ledger.plans(MOVE, kind="migration", limit=1)[0]


def planned(company: Company, instance: dg.DagsterInstance) -> PlanRecord:
    """A plan of the move, made by its asset."""
    result = run_job(company, instance, PLAN_MIGRATION, partition=MOVE)
    assert result.success
    return newest(company)


def approve(company: Company, instance: dg.DagsterInstance, plan: PlanRecord, **filled: Any) -> bool:
    """Send the approval form of a plan."""
    form = {"images": plan.counted, "approver": "Alice", "reason": "as agreed", **filled}
    config = filled_form(approval_form("migration", plan.fingerprint), **form)
    return run_job(company, instance, approve_job("migration"), config=config).success


def execute(company: Company, instance: dg.DagsterInstance, fingerprint: str) -> dg.ExecuteInProcessResult:
    config = {"ops": {"execute": {"config": {"plan": fingerprint}}}}
    return run_job(company, instance, EXECUTE["migration"], config=config)


def moved(company: Company, instance: dg.DagsterInstance) -> dg.ExecuteInProcessResult:
    """Planned, approved, carried out."""
    plan = planned(company, instance)
    assert approve(company, instance, plan)
    return execute(company, instance, plan.fingerprint)


def verified(company: Company, instance: dg.DagsterInstance) -> Any:
    """What the check says that reads all of it back."""
    result = run_job(company, instance, VERIFY, partition=MOVE)
    (evaluation,) = result.get_asset_check_evaluations()
    return evaluation
