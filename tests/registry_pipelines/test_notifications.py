"""The sensor that tells people, on the sample company, with a receiver on a real socket."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
import pytest

from assets.taking.catalog import take_catalog
from assets.taking.health import take_health
from assets.taking.inventory import take_inventory
from assets.telling import tell_all
from registry_pipelines.definitions import build_definitions
from registry_pipelines.notifications import NAME, link_of_plan
from resources.site import SiteResource
from tests.company import REGISTRY, Company
from tests.receiver import Receiver, receiving
from tests.registry_pipelines.planning import make_plan, with_policies


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    with receiving() as made:
        monkeypatch.setenv("NOTIFY_URLS", made.apprise("team"))
        monkeypatch.setenv("NOTIFY_OTHERS", made.apprise("others"))
        yield made


def told_about(company: Company, *entries: dict[str, Any], **sections: Any) -> None:
    company.configure(notifications=list(entries), **sections)


TEAM = {"urls": {"env": "NOTIFY_URLS"}}
OTHERS = {"urls": {"env": "NOTIFY_OTHERS"}}


def surveyed(company: Company) -> None:
    company.survey()
    with company.connections() as connections:
        take_health(connections, REGISTRY)


def tick(company: Company) -> Any:
    """One evaluation of the sensor, as the daemon makes it."""
    sensor = build_definitions(company.loaded).resolve_sensor_def(NAME)
    with dg.DagsterInstance.ephemeral() as instance:
        site = SiteResource(site_file=str(company.site_file))
        context = dg.build_sensor_context(instance=instance, resources={"site": site})
        return sensor.evaluate_tick(context)


def test_there_is_no_sensor_where_nobody_is_to_be_told(company: Company) -> None:
    assert NAME not in [sensor.name for sensor in build_definitions(company.loaded).sensors or ()]


def test_the_sensor_waits_until_it_is_switched_on(company: Company) -> None:
    told_about(company, TEAM)
    [sensor] = [one for one in build_definitions(company.loaded).sensors or () if one.name == NAME]
    assert sensor.default_status == dg.DefaultSensorStatus.STOPPED  # type: ignore[union-attr]


def test_findings_are_told_once_and_their_end_too(company: Company, receiver: Receiver) -> None:
    told_about(company, {**TEAM, "about": ["findings"]})
    surveyed(company)
    tick(company)
    [first] = receiver.messages("/team")
    assert first["title"].startswith("Findings in registry.example.com: ")
    assert "shop/frontend:2026.03" in first["message"]
    tick(company)
    assert len(receiver.messages("/team")) == 1

    for dump in (company.root / "clusters" / "production").glob("*.json"):
        dump.write_text(dump.read_text().replace("shop/frontend:2026.03", "shop/frontend:2026.04"))
    surveyed(company)
    tick(company)
    [_, second] = receiver.messages("/team")
    assert "no longer found: missing: reference of shop/frontend:2026.03" in second["message"]
    assert second["type"] == "success"


def test_an_audience_of_one_environment_hears_only_of_that(company: Company, receiver: Receiver) -> None:
    told_about(company, {**TEAM, "environments": ["production"]}, {**OTHERS, "environments": ["staging"]})
    surveyed(company)
    tick(company)
    [team], [others] = receiver.messages("/team"), receiver.messages("/others")
    assert "shop/frontend:2026.03" in team["message"]
    assert "shop/frontend:2026.03" not in others["message"]
    assert "shop/cart:main-00000ff" in others["message"]
    assert "shop/cart:main-00000ff" not in team["message"]


def test_a_plan_that_waits_is_told_with_a_whole_link(company: Company, receiver: Receiver) -> None:
    with_policies(company, notifications=[{**TEAM, "about": ["plans"]}], dagster_address="https://dagster.example.com/")
    with dg.DagsterInstance.ephemeral() as instance:
        plan = make_plan(company, instance)
    tick(company)
    tick(company)
    [message] = receiver.messages("/team")
    assert message["title"] == "An eviction plan for registry.example.com waits for approval"
    link = message["message"].rpartition("\n")[2]
    assert link.startswith(
        "https://dagster.example.com/locations/registry_pipelines/jobs/approve_eviction_plan/playground"
    )
    assert plan.fingerprint in link


def test_stale_evidence_is_told_and_that_it_is_fresh_again(company: Company, receiver: Receiver) -> None:
    told_about(company, {**TEAM, "about": ["evidence"]})
    surveyed(company)
    later = datetime.now(UTC) + timedelta(hours=3)
    with company.connections() as connections:
        tell_all(connections, later, lambda record: None)
        tell_all(connections, later + timedelta(minutes=5), lambda record: None)
        tell_all(connections, datetime.now(UTC), lambda record: None)
    stale, fresh = receiver.messages("/team")
    assert stale["title"] == "Evidence is stale: 2 new"
    assert "inventory of production is 3 hours old, older than 2 hours" in stale["message"]
    assert fresh["message"].count("fresh again: inventory of") == 2


def test_a_required_cluster_that_was_never_read_is_a_failure_with_its_name_and_what_waits_since_when(
    company: Company, receiver: Receiver
) -> None:
    dumps = company.root / "clusters"
    surveyed(company)
    told_about(company, {**TEAM, "about": ["evidence"]}, policies=[{"repositories": ["**"], "keep_last": 3}], clusters={
        "production": {"dump": str(dumps / "production")},
        "new": {"dump": str(dumps / "new")},
        "lab": {"dump": str(dumps / "lab"), "required": False},
    })  # fmt: skip
    with company.connections() as connections:
        take_inventory(connections, "production")
        tell_all(connections, datetime.now(UTC) + timedelta(days=3), lambda record: None)
    [message] = receiver.messages("/team")
    assert message["type"] == "failure"
    new, lab = (next(line for line in message["message"].splitlines() if name in line) for name in (" new ", " lab "))
    assert "inventory of new was never read; eviction_plan" in new
    assert f"of {REGISTRY} wait since {datetime.now(UTC):%Y-%m-%d}" in new
    assert "(3 days)" in new
    assert lab.endswith("inventory of lab was never read; not required, so nothing waits for it")


def test_a_replication_that_fails_is_told_once_and_that_it_runs_again(company: Company, receiver: Receiver) -> None:
    told_about(company, {**TEAM, "about": ["replications"]}, registries={
        REGISTRY: {"url": company.registry.url}, "copy": {"url": "http://127.0.0.1:9"},
    }, replications={"second-copy": {"from": REGISTRY, "to": "copy", "what": {"all": True}}})  # fmt: skip
    now = datetime.now(UTC)
    with company.connections() as connections:
        journal = connections.history.replications
        for why in ("copy is down", "copy is still down", ""):
            journal.begin("second-copy", trigger="schedule", at=now)
            journal.end("second-copy", at=now, why=why)
            tell_all(connections, now, lambda record: None)
    failing, mended = receiver.messages("/team")
    assert failing["title"] == "Replication second-copy fails"
    assert failing["message"].endswith("copy is down")
    assert mended["message"].startswith("runs again: second-copy since")


def test_what_fails_makes_the_tick_fail_and_is_told_in_the_next(company: Company, receiver: Receiver) -> None:
    told_about(company, TEAM, OTHERS)
    surveyed(company)
    receiver.answers["/team"] = 500
    with pytest.raises(Exception, match=r"NOTIFY_URLS\} 1, json"):
        tick(company)
    assert receiver.messages("/others"), "one address that fails silences no other"
    receiver.answers.clear()
    told = len(receiver.messages("/others"))
    tick(company)
    assert receiver.messages("/team")[-1]["title"] == receiver.messages("/others")[0]["title"]
    assert len(receiver.messages("/others")) == told, "and is no reason to tell the others again"


def test_a_secret_that_is_not_there_is_told_and_silences_no_other(
    company: Company, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    told_about(company, TEAM, OTHERS)
    surveyed(company)
    monkeypatch.delenv("NOTIFY_URLS")
    with pytest.raises(Exception, match="NOTIFY_URLS is not set"):
        tick(company)
    assert receiver.messages("/others")


def test_what_is_late_is_left_for_the_next_round(company: Company, receiver: Receiver) -> None:
    told_about(company, TEAM)
    surveyed(company)
    with company.connections() as connections:
        first = tell_all(connections, datetime.now(UTC), lambda record: None, is_late=lambda: True)
        second = tell_all(connections, datetime.now(UTC), lambda record: None)
    assert (first.delivered, first.left_for_later > 0) == (0, True)
    assert second.delivered == len(receiver.messages("/team")) > 0


def test_a_cluster_that_cannot_be_read_makes_no_finding_mended(company: Company, receiver: Receiver) -> None:
    told_about(company, {**TEAM, "about": ["findings"]})
    surveyed(company)
    tick(company)
    (company.root / "clusters" / "production" / "workloads.json").unlink(missing_ok=True)
    for dump in (company.root / "clusters" / "production").glob("*.json"):
        dump.write_text("{ torn")
    with company.connections() as connections:
        with pytest.raises(Exception, match="production"):
            take_inventory(connections, "production")
        take_catalog(connections, REGISTRY)
        take_health(connections, REGISTRY)
    tick(company)
    assert len(receiver.messages("/team")) == 1


def test_a_registry_that_does_not_answer_makes_no_finding_mended(company: Company, receiver: Receiver) -> None:
    entries = [{**TEAM, "about": ["findings"]}]
    told_about(company, *entries)
    surveyed(company)
    tick(company)
    company.configure(notifications=entries, url="http://127.0.0.1:9")
    with company.connections() as connections:
        take_health(connections, REGISTRY)
    tick(company)
    [_, second] = receiver.messages("/team")
    assert "unreachable" in second["message"]
    assert "no longer found" not in second["message"]

    company.configure(notifications=entries)
    with company.connections() as connections:
        take_health(connections, REGISTRY)
    tick(company)
    assert "no longer found: unreachable" in receiver.messages("/team")[-1]["message"]


def test_a_link_goes_to_the_form_or_to_the_page_or_nowhere(company: Company) -> None:
    with_policies(company)
    with dg.DagsterInstance.ephemeral() as instance:
        make_plan(company, instance)
    with company.connections() as connections:
        [record] = connections.ledger.plans(states={"waiting"})
    site = company.loaded.site
    assert link_of_plan(record, site) is None
    with_page = site.model_copy(update={"web": site.web.model_copy(update={"address": "https://pages.example.com"})})
    assert link_of_plan(record, with_page) == f"https://pages.example.com/plans/{record.short}"
    prefixed = with_page.model_copy(
        update={
            "dagster_address": "https://example.com/dagster",
            "approvals": site.approvals.model_copy(update={"path_prefix": "/dagster"}),
        }
    )
    assert (link_of_plan(record, prefixed) or "").startswith("https://example.com/dagster/locations/")
    assert link_of_plan(replace(record, state="done"), prefixed) == f"https://pages.example.com/plans/{record.short}"
