"""A person's decision over one plan: what is filed, and what is refused in one sentence, with nothing deleted."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
import pyotp
import pytest
from dagster._core.definitions.job_base import InMemoryJob
from dagster._core.execution.api import execute_run

from assets.eviction_approval import KEY as EVICTION_APPROVAL
from registry_pipelines.approving.form import approval_form
from registry_pipelines.definitions import build_definitions
from tests.company import REGISTRY, Company
from tests.registry_pipelines.cli.calling import call
from tests.registry_pipelines.planning import (
    POLICIES,
    failure_of,
    filled_form,
    make_plan,
    newest_plan,
    run_job,
    send_form,
    with_policies,
)

SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


#: Cyrillic or accented letters make another name; these do not.
SPELLINGS_OF_ALICE = ("ALICE", "  alice ", "\tAlice\u00a0", "\uff21lice", "Al\u200bice", "\ufeffalice", "a\u00adlice")


def approve(company: Company, instance: dg.DagsterInstance, **other: Any) -> dg.ExecuteInProcessResult:
    plan = newest_plan(company)
    filled = {"images": plan.counted, "approver": "Alice", "reason": "as agreed on Monday", **other}
    return send_form(
        company, instance, approval_form("eviction", plan.fingerprint, with_code="code" in other), **filled
    )


def tags_stored(company: Company) -> int:
    with company.connections() as connections:
        return len(connections.history.read_catalog(REGISTRY).tags)


def test_an_approval_is_filed_and_stands_in_the_lineage(company: Company, instance: dg.DagsterInstance) -> None:
    with_policies(company)
    plan = make_plan(company, instance)
    assert approve(company, instance).success
    assert newest_plan(company).state == "approved"
    (record,) = instance.fetch_materializations(EVICTION_APPROVAL, limit=5).records
    event = record.asset_materialization
    assert event is not None
    assert event.partition == REGISTRY
    assert event.metadata["who"].value == "Alice"
    assert event.metadata["fingerprint"].value == plan.fingerprint


def test_a_rejection_keeps_its_reason_and_ends_the_plan(company: Company, instance: dg.DagsterInstance) -> None:
    with_policies(company)
    make_plan(company, instance)
    assert approve(company, instance, decision="reject", reason="the demo needs build-1015").success
    plan = newest_plan(company)
    assert (plan.state, plan.why) == ("rejected", "Alice: the demo needs build-1015")
    assert "rejected already" in failure_of(approve(company, instance))


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({"images": 1}, "the approval says that 1 images go and the plan holds"),
        ({"images": -3}, "the approval says that -3 images go"),
        ({"approver": "  "}, "the approval names nobody"),
        ({"reason": " "}, "the approval gives no reason"),
        ({"plan": "0" * 64}, "there is no plan '000000000000'; `plan list` shows"),
        ({"plan": "abc"}, "is no fingerprint of a plan"),
    ],
)
def test_what_a_person_types_wrong_is_told_in_one_sentence(
    surveyed_plan: Company, instance: dg.DagsterInstance, typed: dict[str, Any], sentence: str
) -> None:
    told = failure_of(approve(surveyed_plan, instance, **typed))
    assert sentence in told
    assert "\n" not in told
    assert newest_plan(surveyed_plan).state == "waiting"


def test_a_stranger_cannot_approve_where_approvers_are_named(company: Company, instance: dg.DagsterInstance) -> None:
    with_policies(company, approvals={"approvers": [{"name": "bob"}]})
    make_plan(company, instance)
    assert "Alice is not among the approvers" in failure_of(approve(company, instance))
    assert approve(company, instance, approver="Bob").success


def test_a_one_time_code_is_asked_for_checked_and_spent(
    company: Company, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOTP_ALICE", SECRET)
    approvers = [{"name": "Alice", "totp": {"env": "TOTP_ALICE"}}]
    with_policies(company, approvals={"approvers": approvers})
    make_plan(company, instance)
    assert "enter the code" in failure_of(approve(company, instance, code=""))
    assert "the one-time code of Alice is wrong" in failure_of(approve(company, instance, code="no code"))
    code = pyotp.TOTP(SECRET).now()
    assert "says that 1 images go" in failure_of(approve(company, instance, code=code, images=1))
    assert "was used before" in failure_of(approve(company, instance, code=code)), "seen in a run's config: spent"


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_of_two_runs_at_once_with_one_code_only_one_approves(
    company: Company, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest, database: str
) -> None:
    monkeypatch.setenv("TOTP_ALICE", SECRET)
    url = {} if database == "sqlite" else {"database": {"url": request.getfixturevalue("postgresql_url")}}
    limits = {"min_images_in_use": 5, "second_person_above_images": 1}
    with_policies(
        company, approvals={"approvers": [{"name": "Alice", "totp": {"env": "TOTP_ALICE"}}]}, limits=limits, **url
    )
    with dg.DagsterInstance.ephemeral() as instance:
        plan = make_plan(company, instance)
    code, together, said = pyotp.TOTP(SECRET).now(), threading.Barrier(2), []

    def send() -> None:
        with dg.DagsterInstance.ephemeral() as own:
            together.wait()
            result = approve(company, own, code=code)
            said.append("approved" if result.success else failure_of(result))

    threads = [threading.Thread(target=send) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(one == "approved" for one in said) == [False, True], said
    with company.connections() as connections:
        assert len(connections.history.ledger.approvals(plan.fingerprint)) == 1


@pytest.mark.parametrize("with_code", [False, True])
def test_an_old_approval_is_not_approved_again_by_re_executing_its_run(
    company: Company, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch, with_code: bool
) -> None:
    monkeypatch.setenv("TOTP_ALICE", SECRET)
    approver = {"name": "Alice", **({"totp": {"env": "TOTP_ALICE"}} if with_code else {})}
    with_policies(company, approvals={"approvers": [approver]})
    counted = make_plan(company, instance).counted
    code = {"code": pyotp.TOTP(SECRET).now()} if with_code else {}
    assert "says that 1 images go" in failure_of(approve(company, instance, images=1, **code))
    (old,) = instance.get_runs(dg.RunsFilter(job_name="approve_eviction_plan"))
    job = build_definitions(company.loaded).resolve_job_def("approve_eviction_plan")
    again = instance.create_run_for_job(
        job,
        run_config={"ops": {"decide": {"config": {**old.run_config["ops"]["decide"]["config"], "images": counted}}}},
        tags=old.tags,
        parent_run_id=old.run_id,
        root_run_id=old.run_id,
    )
    assert not execute_run(InMemoryJob(job), again, instance).success
    (failed,) = [one for one in instance.all_logs(again.run_id) if "a decision is not repeated" in str(one)][:1]
    assert old.run_id[:8] in str(failed)
    assert newest_plan(company).state == "waiting"


def test_after_too_many_wrong_codes_a_right_one_does_not_help_on_the_command_line_either(
    company: Company, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOTP_ALICE", SECRET)
    with_policies(company, approvals={"approvers": [{"name": "Alice", "totp": {"env": "TOTP_ALICE"}}]})
    plan = make_plan(company, instance)
    for number in range(5):
        told = failure_of(approve(company, instance, approver="alice", code=f"wrong {number}"))
        assert "is wrong" in told
    assert "none is believed for a while now" in told
    right = pyotp.TOTP(SECRET).now()
    told = failure_of(approve(company, instance, code=right))
    assert "none is believed until 20" in told
    assert "(for 15 minutes)" in told or "(for 14 minutes)" in told
    command = ["plan", "approve", plan.fingerprint, "--images", str(plan.counted), "--as", "Alice", "--reason", "x"]
    ended = call("--config", company.site_file, *command, "--code", right)
    assert ended.code == 3
    assert "a right one neither" in ended.err
    assert newest_plan(company).state == "waiting"


def test_a_code_is_judged_at_the_time_it_was_typed(monkeypatch: pytest.MonkeyPatch) -> None:
    from registry_pipelines.approving.codes import counter_of_code
    from resources.configuration.secrets import SecretName

    monkeypatch.setenv("TOTP_ALICE", f"{SECRET[:4]} {SECRET[4:]}")
    secret, at = SecretName(env="TOTP_ALICE"), datetime(2026, 11, 21, 12, 0, 10, tzinfo=UTC)
    code = pyotp.TOTP(SECRET).at(at)
    assert counter_of_code(secret, f"{code[:3]} {code[3:]}", at=at) == int(at.timestamp()) // 30
    assert counter_of_code(secret, code, at=at + timedelta(seconds=25)) == int(at.timestamp()) // 30
    assert counter_of_code(secret, code, at=at + timedelta(minutes=2)) is None


def test_a_secret_that_is_no_base32_is_told_without_the_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    from registry_core.errors import ConfigError
    from registry_pipelines.approving.codes import counter_of_code
    from resources.configuration.secrets import SecretName

    monkeypatch.setenv("TOTP_ALICE", "open-sesame-1890!")
    with pytest.raises(ConfigError, match="no TOTP secret") as caught:
        counter_of_code(SecretName(env="TOTP_ALICE"), "123456", at=datetime.now(UTC))
    assert "sesame" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_form_that_reads_the_environment_is_refused_before_the_run_begins(
    company: Company, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_PASSWORD", "open-sesame")
    with_policies(company)
    make_plan(company, instance)
    with pytest.raises(dg.DagsterInvalidConfigError, match="not valid for expected type") as caught:
        approve(company, instance, reason={"env": "DATABASE_PASSWORD"})
    assert "open-sesame" not in str(caught.value)
    assert newest_plan(company).state == "waiting"


def test_a_form_that_names_another_site_is_refused(company: Company, instance: dg.DagsterInstance) -> None:
    with_policies(company)
    plan = make_plan(company, instance)
    form = filled_form(approval_form("eviction", plan.fingerprint), images=plan.counted, approver="Alice", reason="x")
    form["resources"] = {"site": {"config": {"site_file": str(company.site_file)}}}
    with pytest.raises(dg.DagsterInvalidConfigError, match="site_file"):
        run_job(company, instance, "approve_eviction_plan", config=form)
    assert newest_plan(company).state == "waiting"


def test_a_large_plan_waits_for_a_second_different_person(company: Company, instance: dg.DagsterInstance) -> None:
    with_policies(company, limits={"min_images_in_use": 5, "second_person_above_images": 10})
    make_plan(company, instance)
    assert approve(company, instance).success
    assert newest_plan(company).state == "waiting"
    for spelling in SPELLINGS_OF_ALICE:
        told = failure_of(approve(company, instance, approver=spelling))
        assert "approved the plan" in told
        assert "it needs a second person, because" in told
        assert newest_plan(company).state == "waiting", spelling
    assert approve(company, instance, approver="Bob").success
    assert newest_plan(company).state == "approved"


def test_a_plan_with_nothing_in_it_has_nothing_to_decide(company: Company, instance: dg.DagsterInstance) -> None:
    with_policies(company, policies=[{"repositories": ["**"], "protect": True}])
    plan = make_plan(company, instance)
    assert plan.counted == 0
    assert "has no entries" in failure_of(approve(company, instance))


def test_a_newer_plan_takes_the_place_of_the_one_that_waits(company: Company, instance: dg.DagsterInstance) -> None:
    with_policies(company)
    old = make_plan(company, instance)
    company.configure(policies=[POLICIES[0], {**POLICIES[1], "keep_last": 4}])
    new = make_plan(company, instance)
    assert old.fingerprint != new.fingerprint
    told = failure_of(
        send_form(
            company, instance, approval_form("eviction", old.fingerprint), images=old.counted, approver="Al", reason="x"
        )
    )
    assert "superseded" in told
