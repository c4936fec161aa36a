"""`/metrics`, read back with Prometheus' own parsers."""

from __future__ import annotations

from datetime import timedelta

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse

from tests.registry_pipelines.web.service import HOST, Service, Site, failing, lost, pod

WEB = f"{HOST}/shop/web:v1"


def samples(text: str) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    return {
        (sample.name.removeprefix("registry_pipelines_"), frozenset(sample.labels.items())): sample.value
        for family in parse(text)
        for sample in family.samples
    }


def value(service: Service, name: str, **labels: str) -> float | None:
    return samples(service.get("/metrics").text).get((name, frozenset(labels.items())))


def test_the_content_type_is_that_of_the_text_format(service: Service) -> None:
    response = service.get("/metrics")
    assert response.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"


def test_a_scraper_that_asks_for_openmetrics_gets_it(site: Site, service: Service) -> None:
    site.told.everything(pod(WEB))
    response = service.get("/metrics", Accept="application/openmetrics-text; version=1.0.0")
    assert response.headers["Content-Type"].startswith("application/openmetrics-text; version=1.0.0")
    assert any(family.name == "registry_pipelines_tags" for family in parse_openmetrics(response.text))  # type: ignore[no-untyped-call]


def test_findings_by_kind_and_cluster_with_zero_where_there_is_none(site: Site, service: Service) -> None:
    site.told.everything(pod(WEB), findings=[lost("shop/web", "v1", "main, nonprod"), lost("shop/old", "v1", "")])
    labels = {"registry": HOST, "severity": "error"}
    assert value(service, "findings", kind="missing", cluster="main", **labels) == 1
    assert value(service, "findings", kind="missing", cluster="nonprod", **labels) == 1
    assert value(service, "findings", kind="missing", cluster="", **labels) == 1
    assert value(service, "findings", kind="throttled", cluster="main", **labels) == 0


def test_snapshots_have_an_age_and_what_was_never_read_has_none(site: Site, service: Service) -> None:
    site.told.inventory("main", age=timedelta(minutes=10))
    age = value(service, "snapshot_age_seconds", kind="inventory", source="main")
    assert age == pytest.approx(600, abs=30)
    assert value(service, "snapshot_age_seconds", kind="inventory", source="nonprod") is None
    assert value(service, "snapshot_max_age_seconds", kind="inventory", source="nonprod") == 7200


def test_a_gap_is_told_by_its_fault(site: Site, service: Service) -> None:
    site.told.inventory("main", gap="pods is forbidden")
    assert value(service, "snapshot_complete", kind="inventory", source="main") == 0
    assert value(service, "snapshot_gaps", kind="inventory", source="main", fault="forbidden") == 1
    assert value(service, "snapshot_gaps", kind="inventory", source="main", fault="throttled") == 0


def test_tags_and_bytes_by_registry(site: Site, service: Service) -> None:
    site.told.catalog("shop/web:v1", "shop/job:v2")
    assert value(service, "tags", registry=HOST) == 2
    assert value(service, "repositories", registry=HOST) == 2
    assert value(service, "image_bytes", registry=HOST) == 2_000


def test_the_state_of_the_check_is_a_number(site: Site, service: Service) -> None:
    assert value(service, "check_state") == 3
    site.told.everything(failing(WEB))
    assert value(service, "check_state") == 2
    assert value(service, "images_in_trouble", where="prod", pull_error="yes") == 1
    assert value(service, "images_in_trouble", where="staging", pull_error="yes") == 0
