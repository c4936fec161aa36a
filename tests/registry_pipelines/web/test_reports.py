"""Reports, health, pages and the manners of the service."""

from __future__ import annotations

import csv
import io
import logging
import time
from datetime import timedelta
from html.parser import HTMLParser

import pytest

from tests.registry_pipelines.web.service import HOST, Service, Site, digest, failing, lost, pod

WEB = f"{HOST}/shop/web:v1"
PATHS = ["/", "/_health", "/_nagios_check_registry", "/_images.json", "/_report.json", "/_report.csv", "/metrics"]


def test_images_json(site: Site, service: Service) -> None:
    site.told.everything(pod(WEB, status_digest=digest("a")), failing(WEB, node=None))
    response = service.get("/_images.json")
    assert response.headers["Content-Type"] == "application/json"
    none = dict.fromkeys(("Running", "Pending", "Succeeded", "Failed", "Unknown", "ImagePullBackOff"), False)
    assert response.json() == {
        WEB: {
            "_phase": none | {"Running": True, "Pending": True, "ImagePullBackOff": True},
            "_last_wanted": 0,
            "_digest": digest("a"),
            "_cronjob": False,
            "k8s;main;shop;web-1": none | {"Running": True, "_last_wanted": 0, "_node": "node1"},
            "k8s;main;shop;web-2": none | {"Pending": True, "ImagePullBackOff": True, "_last_wanted": 0, "_node": None},
        }
    }


def test_the_report_as_json_and_csv(site: Site, service: Service) -> None:
    site.told.everything(failing(WEB), findings=[lost("shop/web", "v1")])
    assert service.get("/_report.json").json() == [
        {
            "tag": WEB,
            "wrongs": ["no digest", "ImagePullBackOff"],
            "namespaces": ["main;shop"],
            "phase": ["ImagePullBackOff", "Pending"],
        }
    ]
    response = service.get("/_report.csv")
    assert response.headers["Content-Type"] == "text/csv; charset=utf-8"
    (row,) = csv.DictReader(io.StringIO(response.text))
    assert row["wrongs"] == "['no digest', 'ImagePullBackOff']"


def test_a_report_of_nothing_wrong_is_an_empty_list(site: Site, service: Service) -> None:
    site.told.everything(pod(WEB))
    assert service.get("/_report.json").json() == []
    assert service.get("/_report.csv").text.splitlines() == ["tag,wrongs,namespaces,phase"]


def test_before_there_is_evidence_no_report_is_empty(service: Service) -> None:
    for path in ("/_images.json", "/_report.json", "/_report.csv"):
        response = service.get(path)
        assert (path, response.status_code) == (path, 503)
        assert "yet" in response.json()["sentence"]


def test_health_is_that_of_the_service_and_tells_of_the_evidence(site: Site, service: Service) -> None:
    assert service.get("/_health").json() == {"status": "OK", "history": "answers", "evidence": "missing"}
    site.told.everything(pod(WEB))
    assert service.get("/_health").json()["evidence"] == "fresh"
    assert service.get("/_health", Accept="text/plain").text == "OK\n"


def test_stale_evidence_is_no_reason_to_start_the_service_anew(site: Site, service: Service) -> None:
    site.told.inventory("nonprod")
    site.told.inventory("main", age=timedelta(hours=9))
    site.told.catalog("shop/web:v1")
    site.told.usage()
    site.told.health()
    response = service.get("/_health")
    assert (response.status_code, response.json()["evidence"]) == (200, "stale")


def test_head_is_a_get_without_its_body(site: Site, service: Service) -> None:
    site.told.everything(pod(WEB))
    for path in PATHS:
        got, head = service.get(path), service.get(path, "HEAD")
        assert (path, head.status_code, head.content) == (path, 200, b"")
        assert head.headers["Content-Type"] == got.headers["Content-Type"]


def test_nothing_can_be_changed(service: Service) -> None:
    for path in PATHS:
        for method in ("POST", "PUT", "DELETE", "PATCH"):
            assert (path, method, service.get(path, method).status_code) == (path, method, 405)


def test_an_unknown_path_is_404_in_the_readers_form(service: Service) -> None:
    for path in ("/nothing", "/_report.json/", "/%2e%2e/etc/passwd", "//_health"):
        as_json = service.get(path)
        assert (path, as_json.status_code, as_json.json()["error"]) == (path, 404, "Not Found")
        page = service.get(path, Accept="text/html,application/xhtml+xml,*/*;q=0.8")
        assert (page.status_code, page.headers["Content-Type"]) == (404, "text/html; charset=utf-8")
        assert "Not Found" in page.text


class _Outside(HTMLParser):
    """Collects what a page would load from elsewhere, and what would run in it."""

    def __init__(self) -> None:
        super().__init__()
        self.loaded: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        source = given.get("src") or (given.get("href") if tag == "link" else None)
        if source and not source.startswith("data:"):
            self.loaded.append(f"{tag} {source}")
        if tag == "script":
            self.loaded.append("script")


def test_the_front_page_shows_the_state_and_loads_nothing_from_anywhere(site: Site, service: Service) -> None:
    site.told.everything(failing(WEB))
    response = service.get("/", Accept="text/html")
    assert "CRITICAL" in response.text
    assert WEB in response.text
    assert "registry.example.com" in response.text
    outside = _Outside()
    outside.feed(response.text)
    assert outside.loaded == []
    assert "default-src 'none'" in response.headers["Content-Security-Policy"]
    assert response.headers["Content-Security-Policy"] != service.get("/").headers["Content-Security-Policy"]


def test_a_name_from_a_cluster_is_text_on_a_page_never_markup(site: Site, service: Service) -> None:
    bad = "<script>alert(1)</script>"
    site.told.everything(
        failing(bad, registry=None, repository=None, tag=None, invalid="no", reason="InvalidImageName")
    )
    text = service.get("/").text
    assert "<script>" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text


def test_the_access_log_holds_no_query_no_header_and_one_line(
    site: Site, service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, logger="registry_pipelines.web.access"):
        service.get("/_health?token=hunter2", Authorization="Bearer hunter3")
        service.get("/x%0d%0aGET%20/forged")
        until = time.monotonic() + 10
        while caplog.text.count("\n") < 2 and time.monotonic() < until:  # a line is written after its answer
            time.sleep(0.01)
    text = caplog.text
    assert "GET /_health 200" in text
    assert "hunter" not in text
    assert "/x\\r\\nGET /forged 404" in text
