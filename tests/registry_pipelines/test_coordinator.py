"""Who approves: the person whom the coordinator recorded, never a name that was typed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
import yaml

from registry_core.errors import Refused
from registry_pipelines.approving.form import approval_form
from registry_pipelines.approving.run_config import signed_in_person
from registry_pipelines.coordinator import NOT_SIGNED_IN, SignedInRunCoordinator
from tests.company import Company
from tests.registry_pipelines.planning import (
    failure_of,
    make_plan,
    newest_plan,
    send_form,
    with_policies,
)

HEADER = "X-Forwarded-Email"


@pytest.fixture
def signed_in(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    """An instance as `dagster.yaml` of docs/approval.md makes it."""
    coordinator = {
        "module": "registry_pipelines.coordinator",
        "class": "SignedInRunCoordinator",
        "config": {"header": HEADER, "max_concurrent_runs": 4},
    }
    (tmp_path / "dagster.yaml").write_text(yaml.safe_dump({"run_coordinator": coordinator}))
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        yield instance


@dg.job
def nothing() -> None: ...


def test_dagster_yaml_makes_it_with_its_header_and_its_queue(signed_in: dg.DagsterInstance) -> None:
    coordinator = signed_in.run_coordinator
    assert isinstance(coordinator, SignedInRunCoordinator)
    assert coordinator.header == HEADER
    assert coordinator.get_run_queue_config().max_concurrent_runs == 4


def test_without_the_coordinator_nobody_counts_as_signed_in(instance: dg.DagsterInstance) -> None:
    run = instance.create_run_for_job(nothing, tags={"user": "alice@example.com"})
    with pytest.raises(Refused, match=r"dagster\.yaml has no run coordinator that records it"):
        signed_in_person(run, instance, HEADER)
    assert signed_in_person(run, instance, None) is None


def test_who_approves_is_who_is_signed_in(company: Company, signed_in: dg.DagsterInstance) -> None:
    with_policies(company, approvals={"sign_in_header": HEADER})
    plan = make_plan(company, signed_in)
    form, filled = approval_form("eviction", plan.fingerprint), {"images": plan.counted, "reason": "as agreed"}

    told = failure_of(send_form(company, signed_in, form, approver="alice", **filled))
    assert "alice was not signed in" in told
    told = failure_of(send_form(company, signed_in, form, tags={"user": "bob"}, approver="alice", **filled))
    assert "written for alice and was sent by bob" in told
    told = failure_of(send_form(company, signed_in, form, tags={"user": NOT_SIGNED_IN}, approver="alice", **filled))
    assert "alice was not signed in" in told
    assert newest_plan(company).state == "waiting"

    assert send_form(company, signed_in, form, tags={"user": "Alice"}, approver="alice", **filled).success
    assert newest_plan(company).state == "approved"
