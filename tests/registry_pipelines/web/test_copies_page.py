"""`/single-copies`: what is in use and has no copy, on a page."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from assets.taking.single_copies import take_single_copies
from registry_core.single_copies import CopiesReport, Judgement, UsedImage
from registry_pipelines.web.copies_page import copies_page, copies_routes
from registry_pipelines.web.kept_report import KeptReport
from tests.registry_pipelines.web.service import HOST, Service, Site, at_once, pod, served


@contextmanager
def serving(site: Site) -> Iterator[Service]:
    connections = site.connections
    kept = KeptReport(connections.site, connections.history, lambda: take_single_copies(connections))
    with served(at_once(site.reader.look), more=copies_routes(kept)) as running:
        yield running


def test_the_page_shows_what_is_in_one_registry_only(site: Site) -> None:
    site.told.everything(pod(f"{HOST}/shop/web:v1"), pod(f"{HOST}/shop/gone:v1", "gone-1"))
    with serving(site) as service:
        answer = service.get("/single-copies")
        assert 'href="/single-copies"' in service.get("/").text
    assert answer.status_code == 200
    assert f"only in {HOST}" in answer.text
    assert "in no registry that we know" in answer.text
    assert "main: shop/web" in answer.text


def test_before_the_first_inventory_it_says_what_is_missing(site: Site) -> None:
    with serving(site) as service:
        answer = service.get("/single-copies")
    assert answer.status_code == 503
    assert "nothing can be said about copies of what is in use yet: no cluster was read" in answer.text


def test_a_name_from_outside_cannot_become_markup() -> None:
    evil = "<script>alert(1)</script>"
    image = UsedImage(evil, evil, Judgement("single", evil, parts=(evil,)), (evil,), (evil,), (evil,), 1, True)
    text = bytes(copies_page(CopiesReport(None, (image,), (evil,))).body).decode()
    assert evil not in text
    assert text.count("&lt;script&gt;") >= 4
