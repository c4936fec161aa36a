"""Replication under fire: killed in the middle, heard through a real socket, asked about a large registry."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from assets.taking.progress import Silent
from registry_core.errors import Refused
from registry_pipelines.web.event_door import EventDoor
from registry_pipelines.web.routes.events import event_routes
from registry_pipelines.web.standing import Reader
from resources.configuration.secrets import read_secret
from resources.database.replication_journal import Replications
from tests.company import REGISTRY, Company
from tests.registries import DockerRegistry
from tests.registry_pipelines.replicating import (
    ALL_OF_HEALTH,
    COPY,
    RULE,
    approve_by_hand,
    copied,
    status,
    with_replication,
)
from tests.registry_pipelines.test_replication_story import digest_at, events_at, put_tag
from tests.registry_pipelines.web.service import at_once, served
from tests.registry_pipelines.web.test_events import push_image, wait_for

ROOT = Path(__file__).parents[2]


class Asked(Silent):
    """How many images a run asked both registries about."""

    def __init__(self) -> None:
        self.images = 0

    def begin(self, what: str, *, total: int | None = None) -> None:
        if what.endswith("looked at"):
            self.images += total or 0


def test_a_run_that_is_killed_is_made_good_by_the_next(company: Company, docker_registry: DockerRegistry) -> None:
    with_replication(company, docker_registry, settings={"requests_per_second": 60})
    approve_by_hand(company)
    command = [
        sys.executable,
        "-m",
        "registry_pipelines.cli",
        "--config",
        str(company.site_file),
        "replication",
        "run",
        RULE,
    ]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while digest_at(docker_registry.url, "health/web", "1.5.0") is None:
        assert process.poll() is None, "it ended before it was killed"
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    assert process.wait(20) == -signal.SIGKILL
    with company.connections() as connections:
        (record,) = connections.ledger.plans(RULE, kind="replication")
        assert record.state == "executing", "nobody gave the rule back"
        runs = connections.history.replications.runs(RULE)
        assert runs is not None
        assert runs.ended_at is None

    done = copied(company)
    assert done.counts["already there"] > 0
    assert done.counts["copied"] > 0
    assert sum(done.counts.values()) == status(company).in_step
    with company.connections() as connections:
        assert connections.ledger.record(record.fingerprint).state == "approved"


def test_a_tag_that_a_killed_run_has_put_is_still_its_own(
    company: Company, docker_registry: DockerRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, theirs = company.registry.url, docker_registry.url
    put_tag(ours, "health/web", "current", "1.4.2")
    with_replication(company, docker_registry)
    approve_by_hand(company)
    copied(company)
    put_tag(ours, "health/web", "current", "1.4.1")
    with monkeypatch.context() as killed:  # after the tag was put, and before anything was written of it
        killed.setattr(Replications, "note", lambda *_: None)
        copied(company, "event")
    assert digest_at(theirs, "health/web", "current") == digest_at(ours, "health/web", "1.4.1")
    put_tag(ours, "health/web", "current", "1.5.0")
    assert copied(company, "event").counts.get("conflict") is None
    assert digest_at(theirs, "health/web", "current") == digest_at(ours, "health/web", "1.5.0")


def test_a_rule_that_is_rejected_while_a_run_copies_stops_that_run(
    company: Company, docker_registry: DockerRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_replication(company, docker_registry)
    approve_by_hand(company)
    noted, note = 0, Replications.note

    def rejected_after_two(self: Replications, *given: Any) -> None:
        nonlocal noted
        noted += 1
        if noted == 3:
            approve_by_hand(company, decision="reject")
        note(self, *given)

    monkeypatch.setattr(Replications, "note", rejected_after_two)
    with pytest.raises(Refused, match="was rejected or replaced meanwhile"):
        copied(company)
    assert noted == 3
    assert status(company).standing == "rejected"


def test_after_an_event_only_what_is_late_is_asked_about(company: Company, docker_registry: DockerRegistry) -> None:
    with_replication(company, docker_registry)
    approve_by_hand(company)
    copied(company)
    put_tag(company.registry.url, "health/web", "fresh", "1.5.0")
    asked = Asked()
    assert copied(company, "event", progress=asked).counts == {"copied": 1}
    assert asked.images == 2, "the one that was pushed, and the one that has lost a layer"
    assert digest_at(docker_registry.url, "health/web", "fresh") is not None
    everything = Asked()
    copied(company, "schedule", progress=everything)
    assert everything.images > 50


def test_a_push_into_one_registry_arrives_in_the_other(
    company: Company, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """distribution notifies the web service, the sensor asks for a run, the run copies: all of it real."""
    monkeypatch.setenv("EVENT_SECRET", "of-the-source")
    events = {"pushes": {"kind": "distribution", "registry": "source", "token": {"env": "EVENT_SECRET"}}}
    rule = {**ALL_OF_HEALTH, "from": "source", "trigger": "event"}
    with company.connections() as connections:
        history = connections.history
        note = history.push_events.note
        doors: dict[str, EventDoor] = {}
        with served(at_once(Reader(connections.site, history).look), more=event_routes(doors, note)) as service:
            endpoint = {
                "name": "registry-pipelines", "url": f"{service.url}/events/pushes",
                "headers": {"Authorization": ["Bearer of-the-source"]}, "timeout": "5s",
                "threshold": 3, "backoff": "1s",
            }  # fmt: skip
            notifications = {"notifications": {"endpoints": [endpoint]}}
            with (
                DockerRegistry(tmp_path / "source", settings=notifications) as source,
                DockerRegistry(tmp_path / "copy") as copy,
            ):
                company.configure(
                    registries={
                        REGISTRY: {"url": company.registry.url, "hosts": [REGISTRY]},
                        "source": {"url": source.url},
                        COPY: {"url": copy.url},
                    },
                    replications={RULE: rule},
                    events=events,
                )
                site = company.loaded.site
                doors["pushes"] = EventDoor("pushes", site.events["pushes"], read_secret, site.registry_of_host)
                approve_by_hand(company)
                push_image(source.url, "health/kept", "v1")
                digest = push_image(source.url, "health/web", "v1")
                wait_for(lambda: bool(history.push_events.waiting()))
                with company.connections() as ours:
                    (request,) = events_at(ours, datetime.now(UTC) + timedelta(minutes=1))
                assert request.tags["replication"] == RULE
                assert copied(company, "event").counts == {"copied": 2}
                assert digest_at(copy.url, "health/web", "v1") == digest
                assert status(company).state == "in step"
                requests.delete(f"{source.url}/v2/health/web/manifests/{digest}", timeout=20).raise_for_status()
                wait_for(lambda: bool(history.push_events.waiting()))
                copied(company, "event")
                assert digest_at(copy.url, "health/web", "v1") == digest, "a deletion is never replayed"
                assert [gone.tag for gone in status(company).gone] == ["v1"]
