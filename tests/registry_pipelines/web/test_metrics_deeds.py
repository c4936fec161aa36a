"""`/metrics` of plans, deletions, restorations, copies and readings, read back with Prometheus' own parser."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client.parser import text_string_to_metric_families as parse

from registry_core.coverage import Coverage, Gap
from registry_core.eviction_outcome import DELETED, EntryOutcome
from resources.database.ledger_records import EntryEnded
from tests.plans import ANYBODY, approval_of, claimed, entry, plan_of
from tests.registry_pipelines.web.service import HOST, Service, Site
from tests.registry_pipelines.web.test_metrics import value
from tests.resources.database.test_ledger import kept_image

HOUR = timedelta(hours=1)


def test_a_plan_that_waits_is_told_with_its_size_and_since_when(site: Site, service: Service) -> None:
    now = datetime.now(UTC)
    plan = plan_of([entry(1), entry(2)], registry=HOST, as_of=now - 2 * HOUR)
    site.connections.ledger.save_plan(plan, made_at=now - HOUR)
    labels = {"kind": "eviction", "subject": HOST}
    assert value(service, "plans", state="waiting", **labels) == 1
    assert value(service, "plans", state="executing", **labels) == 0
    assert value(service, "plans_counted", state="waiting", **labels) == 2
    assert value(service, "newest_plan", figure="images", **labels) == 2
    assert value(service, "newest_plan", figure="image_bytes", **labels) == 200
    assert value(service, "plan_waiting_seconds", **labels) == pytest.approx(3600, abs=60)
    assert value(service, "newest_plan_age_seconds", **labels) == pytest.approx(7200, abs=60)


def test_a_plan_with_nothing_to_do_waits_in_no_metric_and_on_no_page(site: Site, service: Service) -> None:
    made_at = datetime.now(UTC) - HOUR
    site.connections.ledger.save_plan(plan_of([], registry=HOST, as_of=made_at), made_at=made_at)
    labels = {"kind": "eviction", "subject": HOST}
    assert value(service, "plans", state="nothing to do", **labels) == 1
    assert value(service, "plans", state="waiting", **labels) == 0
    assert value(service, "plan_waiting_seconds", **labels) is None


def test_nothing_is_told_of_plans_where_none_was_made(service: Service) -> None:
    assert value(service, "plans", kind="eviction", subject=HOST, state="waiting") is None
    assert value(service, "plan_waiting_seconds", kind="eviction", subject=HOST) is None


def test_deletions_are_counters_and_what_is_not_done_is_a_gauge(site: Site, service: Service) -> None:
    registry = {"registry": HOST, "deed": "delete"}
    assert value(service, "eviction_entries_total", outcome="deleted", **registry) == 0
    ledger, as_of = site.connections.ledger, datetime.now(UTC) - HOUR
    plan = plan_of([entry(number) for number in range(3)], registry=HOST, as_of=as_of)
    ledger.save_plan(plan, made_at=as_of)
    ledger.file_decision(approval_of(plan), ANYBODY)
    claim = claimed(ledger, plan, now=as_of + HOUR)
    ledger.journal_before(claim, [kept_image(0), kept_image(2)])
    ledger.journal_after(claim, [
        EntryEnded(0, kept_image(0).entry, DELETED),
        EntryEnded(1, entry(1), EntryOutcome("spared", "now in use")),
        EntryEnded(2, kept_image(2).entry, EntryOutcome("failed", "the registry was away")),
    ])  # fmt: skip
    ledger.mark_restored(plan.fingerprint, [0], run_id="back", at=datetime.now(UTC))
    assert value(service, "eviction_entries_total", outcome="deleted", **registry) == 1
    assert value(service, "eviction_entries_total", outcome="spared", **registry) == 1
    assert value(service, "eviction_entries_not_done", outcome="failed", **registry) == 1
    assert value(service, "eviction_entries_not_done", outcome="unknown", **registry) == 0
    assert value(service, "images_restored_total", registry=HOST) == 1
    kinds = {family.name.removeprefix("registry_pipelines_"): family.type
             for family in parse(service.get("/metrics").text)}  # fmt: skip
    assert (kinds["eviction_entries"], kinds["eviction_entries_not_done"]) == ("counter", "gauge")


def test_a_replication_that_fails_is_told_and_one_that_does_not_is_silent(site: Site, service: Service) -> None:
    rules, now = site.connections.history.replications, datetime.now(UTC)
    for name, why in (("ill", "the source was away"), ("well", "")):
        rules.begin(name, trigger="by hand", at=now - 2 * HOUR)
        rules.end(name, at=now - HOUR, why=why)
    assert value(service, "replication_failing_seconds", replication="ill") == pytest.approx(3600, abs=60)
    assert value(service, "replication_failing_seconds", replication="well") is None
    assert value(service, "replication_age_seconds", replication="well") == pytest.approx(3600, abs=60)
    assert value(service, "replicated_images", replication="well", outcome="failed") == 0
    assert value(service, "collections_total", registry=HOST, outcome="succeeded") == 0


def test_throttling_adds_up_by_registry_and_zero_is_told(site: Site, service: Service) -> None:
    labels = {"kind": "catalog", "source": HOST}
    assert value(service, "reading_faults_total", fault="throttled", **labels) == 0
    for hours in (2, 1):
        with site.connections.history.begin("catalog", HOST, datetime.now(UTC) - hours * HOUR) as writer:
            found = {"requests": 40, "requests throttled": 3}
            writer.finish(Coverage(2, 1, found, (Gap("team/app", "throttled", "until 12:00"),)))
    assert value(service, "reading_faults_total", fault="throttled", **labels) == 2
    assert value(service, "reading_faults_total", fault="unreachable", **labels) == 0
    assert value(service, "snapshots_total", state="incomplete", **labels) == 2
    assert value(service, "crawl_requests_total", registry=HOST) == 80
    assert value(service, "crawl_requests_throttled_total", registry=HOST) == 6
    assert value(service, "crawl_requests_failed_total", registry=HOST) == 0
