"""A company with policies, in a Dagster instance: plans made, forms sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import dagster as dg
import yaml
from dagster._core.remote_origin import (
    ManagedGrpcPythonEnvCodeLocationOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin

from assets.taking.usage import take_usage
from registry_pipelines.definitions import build_definitions
from registry_pipelines.jobs import PLAN_EVICTION
from registry_pipelines.links import approve_job
from resources.database.ledger_records import PlanRecord
from tests.company import REGISTRY, Company

POLICIES: list[dict[str, Any]] = [
    {"repositories": ["base/**"], "protect": True},
    {
        "repositories": ["**"],
        "keep_tags": ["stable", "latest", "production", "staging"],
        "keep_last": 3,
        "keep_in_use": {"seen_within": "31d", "rollbacks": 2},
        "untagged": {"keep_within": "7d"},
    },
]

_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


def with_policies(company: Company, **sections: Any) -> None:
    """Configure and survey the company, so that a plan can be made."""
    company.configure(**{"policies": POLICIES, **sections})
    company.survey()
    with company.connections() as connections:
        take_usage(connections, REGISTRY)


def run_job(
    company: Company,
    instance: dg.DagsterInstance,
    job: str,
    *,
    partition: str | None = None,
    config: Mapping[str, Any] | None = None,
    tags: Mapping[str, str] | None = None,
) -> dg.ExecuteInProcessResult:
    """Run a job of the site in this process; a failure is a result."""
    return (
        build_definitions(company.loaded)
        .resolve_job_def(job)
        .execute_in_process(
            {**_QUIET, **(config or {})},
            instance=instance,
            partition_key=partition,
            raise_on_error=False,
            tags=dict(tags or {}),
        )
    )


def make_plan(company: Company, instance: dg.DagsterInstance) -> PlanRecord:
    """The plan of the company, made by its asset."""
    assert run_job(company, instance, PLAN_EVICTION, partition=REGISTRY).success
    return newest_plan(company)


def newest_plan(company: Company) -> PlanRecord:
    with company.connections() as connections:
        return connections.history.ledger.plans(REGISTRY, kind="eviction", limit=1)[0]


def filled_form(form: str, **filled: Any) -> dict[str, Any]:
    """The form as the Launchpad would send it: read as YAML, with what a person adds."""
    config: dict[str, Any] = yaml.safe_load(form)
    (op,) = config["ops"].values()
    op["config"].update(filled)
    return config


def send_form(
    company: Company, instance: dg.DagsterInstance, form: str, tags: Mapping[str, str] | None = None, **filled: Any
) -> dg.ExecuteInProcessResult:
    """Send the approval form."""
    return run_job(company, instance, approve_job("eviction"), config=filled_form(form, **filled), tags=tags)


def failure_of(result: dg.ExecuteInProcessResult) -> str:
    """The sentence of the one step that failed."""
    assert not result.success
    (failed,) = [event for event in result.all_events if event.is_step_failure]
    data = failed.step_failure_data
    described = data.user_failure_data.description if data.user_failure_data else None
    return described or str(data.error)


def job_origin(location: str) -> RemoteJobOrigin:
    """Where a run comes from that a web server launched."""
    origin = ManagedGrpcPythonEnvCodeLocationOrigin(
        loadable_target_origin=LoadableTargetOrigin(module_name="registry_pipelines.definitions"),
        location_name=location,
    )
    return RemoteJobOrigin(RemoteRepositoryOrigin(origin, "__repository__"), PLAN_EVICTION)
