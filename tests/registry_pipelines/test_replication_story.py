"""From a standing rule to a second copy, in a real Dagster instance, into a real `docker-registry`."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import requests

from assets.replication_status import KEY as REPLICATION_STATUS
from assets.taking.catalog import take_catalog
from assets.taking.replication import file_rule
from registry_core.approval import ApprovalRules
from registry_core.errors import RegistryError
from registry_core.media_types import MANIFEST_ACCEPT
from registry_core.push_events import PushEvent
from registry_core.replication_words import status_sentence
from registry_pipelines import replication_jobs
from registry_pipelines.approving.form import approval_form
from registry_pipelines.definitions import build_definitions
from registry_pipelines.links import EXECUTE, approve_job
from registry_pipelines.replication_definitions import REFRESH_REPLICATION, requests_of_events
from registry_pipelines.replication_jobs import PLAN_DELETIONS
from resources.connections import Connections
from resources.database.ledger import Ledger
from resources.database.push_events import Delivery
from tests.company import REGISTRY, Company
from tests.image_builder import cosign_tag, make_cosign_signature, make_image, push
from tests.registries import DockerRegistry
from tests.registry_pipelines.planning import failure_of, filled_form, run_job
from tests.registry_pipelines.replicating import (
    ALL_OF_HEALTH,
    COPY,
    RULE,
    approve,
    copied,
    run,
    status,
    with_replication,
)

BY_EVENT = {**ALL_OF_HEALTH, "trigger": "event"}
EVENTS = {"pushes": {"kind": "distribution", "registry": REGISTRY, "unsigned": True}}


@pytest.fixture
def lasting(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    """An instance as schedules find it: with a place of its own."""
    place = tmp_path / "dagster"
    place.mkdir()
    with dg.DagsterInstance.local_temp(str(place)) as instance:
        yield instance


def events_at(connections: Connections, now: datetime, *, alive: bool = True) -> list[dg.RunRequest]:
    """What the sensor asks for; `alive`: whether runs that hold a plan live."""
    return list(requests_of_events(connections, now, holder_is_alive=lambda _: alive))


def digest_at(url: str, repository: str, tag: str) -> str | None:
    answer = requests.head(f"{url}/v2/{repository}/manifests/{tag}", headers={"Accept": MANIFEST_ACCEPT}, timeout=20)
    return answer.headers["Docker-Content-Digest"] if answer.ok else None


def put_tag(url: str, repository: str, tag: str, like: str) -> None:
    """Point a tag to what another one names."""
    address = f"{url}/v2/{repository}/manifests"
    found = requests.get(f"{address}/{like}", headers={"Accept": MANIFEST_ACCEPT}, timeout=20)
    found.raise_for_status()
    content_type = {"Content-Type": found.headers["Content-Type"]}
    requests.put(f"{address}/{tag}", data=found.content, headers=content_type, timeout=20).raise_for_status()


def told(company: Company, *repositories: str, at: datetime) -> None:
    """Pushes that a registry told of."""
    events = tuple(
        PushEvent("push", repository, "v1", at=at, delivery=f"{repository} {number} {at}")
        for number, repository in enumerate(repositories)
    )
    with company.connections() as connections:
        connections.history.push_events.note(Delivery("pushes", REGISTRY, events, "", 10, at))


def metadata(instance: dg.DagsterInstance) -> dict[str, Any]:
    (record,) = instance.fetch_materializations(REPLICATION_STATUS, limit=1).records
    assert record.asset_materialization is not None
    assert record.asset_materialization.partition == RULE
    return {name: value.value for name, value in record.asset_materialization.metadata.items()}


def test_a_rule_is_approved_once_and_keeps_a_second_copy_in_step(
    company: Company, instance: dg.DagsterInstance, docker_registry: DockerRegistry
) -> None:
    with_replication(company, docker_registry)
    refreshed = run_job(company, instance, REFRESH_REPLICATION, partition=RULE)
    assert refreshed.success
    summary = str(metadata(instance)["summary"])
    assert summary.startswith("**Not approved**")
    assert "/jobs/approve_replication_plan/playground/setup?config=" in summary

    assert "waits for a decision" in failure_of(run(company, instance))
    assert digest_at(docker_registry.url, "health/web", "1.5.0") is None

    assert not approve(company, instance, rules=2).success
    assert approve(company, instance).success
    result = run(company, instance)
    assert result.success
    (check,) = result.get_asset_check_evaluations()
    assert (check.partition, check.passed, check.severity) == (RULE, False, dg.AssetCheckSeverity.ERROR)
    assert "1 failing; first health/api:build-1002" in str(check.description)
    assert digest_at(docker_registry.url, "health/web", "1.5.0") == digest_at(
        company.registry.url, "health/web", "1.5.0"
    )
    numbers = metadata(instance)
    assert numbers["images in step"] > 5
    assert numbers["images behind"] == numbers["images failing"] == 1, "the sample company has lost a layer there"
    before = status(company)

    # It stands: the next run needs no decision, and copies nothing twice.
    assert run(company, instance, "schedule").success
    after = status(company)
    assert after.runs is not None
    assert (after.runs.copied, after.runs.sent_bytes, after.runs.trigger) == (0, 0, "schedule")
    assert after.in_step == before.in_step


def test_a_tag_that_moves_is_followed_and_one_that_somebody_else_moved_is_not(
    company: Company, instance: dg.DagsterInstance, docker_registry: DockerRegistry
) -> None:
    ours, theirs = company.registry.url, docker_registry.url
    put_tag(ours, "health/web", "current", "1.4.1")
    with_replication(company, docker_registry)
    approve(company, instance)
    assert run(company, instance).success
    assert digest_at(theirs, "health/web", "current") == digest_at(ours, "health/web", "1.4.1")

    put_tag(ours, "health/web", "current", "1.5.0")
    assert run(company, instance, "event").success
    assert digest_at(theirs, "health/web", "current") == digest_at(ours, "health/web", "1.5.0")

    put_tag(theirs, "health/web", "current", "1.4.2")
    put_tag(ours, "health/web", "current", "1.4.1")
    assert run(company, instance, "event").success
    assert digest_at(theirs, "health/web", "current") == digest_at(ours, "health/web", "1.4.2"), "it is theirs now"
    found = status(company)
    assert found.state == "failing"
    (conflict,) = [one for one in found.behind if one.lag == "conflict"]
    assert "which this replication did not write" in conflict.why
    assert conflict.failing_since is not None


def test_an_image_that_is_signed_once_more_is_followed(
    company: Company, instance: dg.DagsterInstance, docker_registry: DockerRegistry
) -> None:
    ours, theirs = company.registry.url, docker_registry.url
    image = make_image([b"signed"])
    tag = cosign_tag(image)
    push(ours, "health/signed", image, "v1")
    push(ours, "health/signed", make_cosign_signature(image), tag)
    with_replication(company, docker_registry)
    approve(company, instance)
    assert run(company, instance).success
    assert digest_at(theirs, "health/signed", tag) == digest_at(ours, "health/signed", tag)
    again = make_image([b"another signature"])
    push(ours, "health/signed", again, tag)
    assert run(company, instance).success
    assert digest_at(theirs, "health/signed", tag) == again.digest
    assert [one for one in status(company).behind if one.repository == "health/signed"] == []


def test_a_rule_that_was_changed_waits_for_another_decision(
    company: Company, instance: dg.DagsterInstance, docker_registry: DockerRegistry
) -> None:
    with_replication(company, docker_registry)
    approve(company, instance)
    assert run(company, instance).success
    with_replication(company, docker_registry, {**ALL_OF_HEALTH, "on_conflict": "overwrite"})
    assert "waits for a decision" in failure_of(run(company, instance))
    assert status(company).state == "not approved"
    assert approve(company, instance, decision="reject").success
    assert "was rejected" in failure_of(run(company, instance))
    with_replication(company, docker_registry, {**ALL_OF_HEALTH, "on_conflict": "overwrite", "revision": 2})
    assert approve(company, instance).success
    assert run(company, instance).success


def test_a_deletion_at_the_source_is_told_and_never_replayed(
    company: Company, instance: dg.DagsterInstance, docker_registry: DockerRegistry
) -> None:
    put_tag(company.registry.url, "health/web", "soon-gone", "1.5.0")
    with_replication(company, docker_registry)
    approve(company, instance)
    assert run(company, instance).success
    requests.delete(f"{company.registry.url}/v2/health/web/manifests/soon-gone", timeout=20).raise_for_status()
    assert run(company, instance, "event").success
    assert digest_at(docker_registry.url, "health/web", "soon-gone") is not None
    (gone,) = status(company).gone
    assert (gone.repository, gone.tag, gone.to_repository) == ("health/web", "soon-gone", "health/web")
    assert "nothing deletes them by itself" in status_sentence(status(company))
    assert metadata(instance)["deleted at the source"] == 1


def test_a_destination_that_is_down_is_failing_since_then_and_mended_by_the_next_run(
    company: Company, instance: dg.DagsterInstance, docker_registry: DockerRegistry
) -> None:
    with_replication(company, docker_registry)
    approve(company, instance)
    address = docker_registry.host
    docker_registry.stop()
    with pytest.raises(RegistryError, match=COPY):  # a run of Dagster would ask to be tried again in a minute
        copied(company)
    first = status(company)
    assert first.state == "failing"
    assert first.runs is not None
    assert COPY in first.runs.why
    with pytest.raises(RegistryError, match=COPY):
        copied(company)
    assert status(company).failing_since == first.failing_since

    configuration = docker_registry.configuration
    configuration.write_text(configuration.read_text().replace("127.0.0.1:0", address))
    docker_registry.start()
    assert run(company, instance).success
    mended = status(company).runs
    assert mended is not None
    assert (mended.failing_since, mended.why) == (None, "")
    assert mended.copied > 5


def test_ten_pushes_in_a_second_make_one_run(
    company: Company, instance: dg.DagsterInstance, docker_registry: DockerRegistry
) -> None:
    with_replication(company, docker_registry, BY_EVENT, events=EVENTS)
    approve(company, instance)
    now = datetime.now(UTC)
    told(company, *["health/web"] * 9, "shop/cart", at=now)
    with company.connections() as connections:
        assert events_at(connections, now + timedelta(seconds=1)) == [], "more may come"
        assert status(company).events_waiting == 9
        (request,) = events_at(connections, now + timedelta(seconds=11))
        assert request.tags == {"replication": RULE, "events": "9"}
        assert request.run_config == {"ops": {"execute": {"config": {"replication": RULE, "trigger": "event"}}}}
        assert events_at(connections, now + timedelta(seconds=20)) == []
        taken = connections.history.push_events.newest()
    assert {event.taken_by for event in taken if event.repository == "health/web"} == {f"replication {RULE}"}
    assert {event.taken_by for event in taken if event.repository == "shop/cart"} == {"nothing that follows it"}


def test_events_and_schedules_wait_while_another_run_works_on_the_destination(
    company: Company, instance: dg.DagsterInstance, lasting: dg.DagsterInstance, docker_registry: DockerRegistry
) -> None:
    with_replication(company, docker_registry, BY_EVENT, events=EVENTS)
    approve(company, instance)
    now = datetime.now(UTC)
    told(company, "health/web", at=now)
    definitions = build_definitions(company.loaded)
    schedule = definitions.get_repository_def().get_schedule_def("replicate_second_copy_schedule")
    site = {"site": (definitions.resources or {})["site"]}
    with company.connections() as connections:
        rule = file_rule(connections, RULE)
        with connections.ledger.held(rule, "long", rules=ApprovalRules(), holder_is_alive=lambda _: True):
            assert events_at(connections, now + timedelta(minutes=1)) == []
            assert status(company).events_waiting == 1
            with dg.build_schedule_context(lasting, scheduled_execution_time=now, resources=site) as context:
                skipped = schedule.evaluate_tick(context)
            assert "the run long works on second-copy" in str(skipped.skip_message)
        assert len(events_at(connections, now + timedelta(minutes=1))) == 1, "it is free again"
    assert status(company).events_waiting == 0


def test_a_run_waits_for_another_one_that_works_on_its_destination(
    company: Company, instance: dg.DagsterInstance, docker_registry: DockerRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two rules of one destination are due at the same minute."""
    monkeypatch.setattr(replication_jobs, "_WAIT_SECONDS", 0.1)
    with_replication(company, docker_registry)
    approve(company, instance)
    answers = iter(["the run other works on it", "the run other works on it", None])
    monkeypatch.setattr(Ledger, "busy", lambda *_given, **_named: next(answers))
    assert run(company, instance, "schedule").success
    assert list(answers) == []


def test_events_of_a_rule_that_nobody_approved_start_nothing(company: Company, docker_registry: DockerRegistry) -> None:
    with_replication(company, docker_registry, BY_EVENT, events=EVENTS)
    now = datetime.now(UTC)
    told(company, "health/web", at=now)
    with company.connections() as connections:
        assert events_at(connections, now + timedelta(minutes=1)) == []


def test_a_lost_event_is_made_good_by_the_schedule(
    company: Company, instance: dg.DagsterInstance, lasting: dg.DagsterInstance, docker_registry: DockerRegistry
) -> None:
    with_replication(company, docker_registry, BY_EVENT, events=EVENTS)
    approve(company, instance)
    definitions = build_definitions(company.loaded)
    repository = definitions.get_repository_def()
    schedule = repository.get_schedule_def("replicate_second_copy_schedule")
    site = {"site": (definitions.resources or {})["site"]}
    tick = datetime(2026, 4, 1, tzinfo=UTC)
    with dg.build_schedule_context(lasting, scheduled_execution_time=tick, resources=site) as context:
        (request,) = schedule.evaluate_tick(context).run_requests or ()
    assert request.run_config["ops"]["execute"]["config"] == {"replication": RULE, "trigger": "schedule"}
    put_tag(company.registry.url, "health/web", "unheard", "1.5.0")
    with company.connections() as connections:
        connections.history.push_events.take([1], "lost", datetime.now(UTC))
    assert run(company, instance, "event").success
    assert digest_at(docker_registry.url, "health/web", "unheard") is not None


def test_a_copy_that_was_deleted_at_the_destination_is_behind_and_copied_again(
    company: Company, instance: dg.DagsterInstance, docker_registry: DockerRegistry
) -> None:
    with_replication(company, docker_registry)
    approve(company, instance)
    assert run(company, instance).success
    digest = digest_at(docker_registry.url, "health/web", "1.5.0")
    requests.delete(f"{docker_registry.url}/v2/health/web/manifests/{digest}", timeout=20).raise_for_status()
    with company.connections() as connections:
        take_catalog(connections, COPY)
    found = status(company)
    assert found.count("not there") == 1
    assert run(company, instance).success
    assert digest_at(docker_registry.url, "health/web", "1.5.0") == digest


@pytest.mark.parametrize("trigger", ["manual", "schedule", "event"])
def test_definitions_load_for_every_trigger(company: Company, docker_registry: DockerRegistry, trigger: str) -> None:
    with_replication(company, docker_registry, {**ALL_OF_HEALTH, "trigger": trigger}, events=EVENTS)
    repository = build_definitions(company.loaded).get_repository_def()
    assert ("replicate_second_copy_schedule" in [one.name for one in repository.schedule_defs]) == (trigger != "manual")
    assert ("replicate_on_events" in [one.name for one in repository.sensor_defs]) == (trigger == "event")


def test_what_the_source_deleted_becomes_a_plan_that_waits_and_is_carried_out(
    company: Company, instance: dg.DagsterInstance, docker_registry: DockerRegistry
) -> None:
    ours, theirs = company.registry.url, docker_registry.url
    policies = [{"repositories": ["base/**"], "protect": True}]
    with_replication(company, docker_registry, policies=policies)
    approve(company, instance)
    assert run(company, instance).success
    digest = digest_at(ours, "health/web", "1.0.0")
    requests.delete(f"{ours}/v2/health/web/manifests/{digest}", timeout=20).raise_for_status()
    assert run(company, instance, "event").success
    with company.connections() as connections:
        take_catalog(connections, COPY)
    config = {"ops": {"plan_deletions": {"config": {"replication": RULE}}}}
    assert run_job(company, instance, PLAN_DELETIONS, config=config).success
    with company.connections() as connections:
        (plan,) = connections.ledger.plans(COPY, kind="eviction", states={"waiting"})
    assert plan.counted >= 1
    assert digest_at(theirs, "health/web", "1.0.0") == digest, "it waits"

    form = filled_form(
        approval_form("eviction", plan.fingerprint),
        images=plan.counted,
        approver="Alice",
        reason="the source let it go",
    )
    assert run_job(company, instance, approve_job("eviction"), config=form).success
    execution = {"ops": {"execute": {"config": {"plan": plan.fingerprint}}}}
    assert run_job(company, instance, EXECUTE["eviction"], config=execution).success
    assert digest_at(theirs, "health/web", "1.0.0") is None
    assert digest_at(theirs, "health/web", "1.1.0") is not None


def test_the_sensor_and_the_schedule_ask_for_runs_only_of_rules_in_force(
    company: Company, instance: dg.DagsterInstance, lasting: dg.DagsterInstance, docker_registry: DockerRegistry
) -> None:
    with_replication(company, docker_registry, BY_EVENT, events=EVENTS)
    definitions = build_definitions(company.loaded)
    repository, site = definitions.get_repository_def(), {"site": (definitions.resources or {})["site"]}

    def ticks() -> tuple[Any, Any]:
        told(company, "health/web", at=datetime.now(UTC) - timedelta(minutes=2))
        tick = datetime(2026, 4, 1, tzinfo=UTC)
        with (
            dg.build_sensor_context(instance, resources=site) as sensing,
            dg.build_schedule_context(lasting, scheduled_execution_time=tick, resources=site) as scheduling,
        ):
            return (
                repository.get_sensor_def("replicate_on_events").evaluate_tick(sensing),
                repository.get_schedule_def("replicate_second_copy_schedule").evaluate_tick(scheduling),
            )

    heard, due = ticks()
    assert heard.run_requests == []
    assert "No event waits" in str(heard.skip_message)
    assert "was not approved" in str(due.skip_message)
    approve(company, instance)
    heard, due = ticks()
    (request,) = heard.run_requests
    assert request.tags["replication"] == RULE
    assert len(due.run_requests) == 1
