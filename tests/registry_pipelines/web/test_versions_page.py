"""`/versions`: what people without access to Dagster read."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from assets.taking.versions import take_versions
from registry_core.deployed_versions import Available, Product, VersionsReport
from registry_pipelines.web.app import make_app
from registry_pipelines.web.kept_report import KeptReport
from registry_pipelines.web.server import listen, make_server
from registry_pipelines.web.versions_page import standalone_page, versions_routes
from tests.registry_pipelines.web.service import Service, Site, at_once, pod


@contextmanager
def serving(site: Site, taken: list[int]) -> Iterator[Service]:
    """The service with the page; `taken` grows by each report that was made."""
    connections = site.connections

    def take() -> VersionsReport:
        taken.append(1)
        return take_versions(connections)

    kept = KeptReport(connections.site, connections.history, take)
    listening = listen("127.0.0.1", 0)
    server = make_server(make_app(at_once(site.reader.look), more=versions_routes(kept)))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening.socket]}, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.005)
    try:
        yield Service(listening.url)
    finally:
        server.should_exit = True
        thread.join(10)


def test_the_page_shows_what_runs_where(site: Site) -> None:
    site.told.everything(pod("registry.example.com/shop/web:v1"), pod("docker.io/library/nginx:1.25"))
    with serving(site, []) as service:
        answer = service.get("/versions")
    assert answer.status_code == 200
    assert "shop/web" in answer.text
    assert "docker.io is not configured, so its versions are not known" in answer.text


def test_it_is_made_again_only_when_something_newer_was_stored(site: Site) -> None:
    taken: list[int] = []
    site.told.everything(pod("registry.example.com/shop/web:v1"))
    with serving(site, taken) as service:
        service.get("/versions")
        service.get("/versions")
        assert len(taken) == 1
        site.told.catalog("shop/web:v1", "shop/web:v2")
        assert "v2" in service.get("/versions").text
    assert len(taken) == 2


def test_before_the_first_inventory_it_says_what_is_missing(site: Site) -> None:
    with serving(site, []) as service:
        answer = service.get("/versions")
    assert answer.status_code == 503
    assert "no cluster was read" in answer.text


def test_the_front_page_leads_to_it(site: Site) -> None:
    site.told.everything(pod("registry.example.com/shop/web:v1"))
    with serving(site, []) as service:
        assert 'href="/versions"' in service.get("/").text


def test_scripts_and_styles_carry_the_nonce_that_the_browser_asks_for(site: Site) -> None:
    site.told.everything(pod("registry.example.com/shop/web:v1"))
    with serving(site, []) as service:
        answer = service.get("/versions")
    nonces = set(re.findall(r'<(?:style|script)[^>]*nonce="([^"]+)"', answer.text))
    assert len(nonces) == 1
    assert f"'nonce-{nonces.pop()}'" in answer.headers["Content-Security-Policy"]
    assert " onclick=" not in answer.text
    assert " style=" not in answer.text


def test_a_name_from_outside_cannot_become_markup() -> None:
    evil = "<script>alert(1)</script>"
    product = Product(evil, ("r",), "time", (Available(evil, None, None),), (), (evil,))
    page = standalone_page(VersionsReport(None, (evil,), (product,), (evil,))).decode()
    assert evil not in page
    assert page.count("&lt;script&gt;") >= 4
