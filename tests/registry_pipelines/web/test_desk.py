"""The desk: one look at a time, kept for a few seconds, never waited for without end; the history's errors."""

from __future__ import annotations

import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from registry_core.errors import DatabaseError
from registry_pipelines.web.desk import Desk
from registry_pipelines.web.standing import Standing
from tests.registry_pipelines.web.service import HOST, SITE, Site, at_once, pod, served, site_in

WEB = f"{HOST}/shop/web:v1"


class Looking:
    """Counts how often the history is asked."""

    def __init__(self, site: Site, *, takes: float = 0) -> None:
        self._reader, self._takes = site.reader, takes
        self.times = 0

    def __call__(self) -> Standing:
        self.times += 1
        time.sleep(self._takes)
        return self._reader.look()


def test_many_who_ask_within_a_few_seconds_cost_one_look(site: Site) -> None:
    site.told.everything(pod(WEB))
    looking = Looking(site, takes=0.3)
    with served(Desk(looking)) as service, ThreadPoolExecutor(20) as scrapers:
        paths = ["/metrics", "/_nagios_check_registry", "/", "/_health", "/_images.json"] * 8
        answers = list(scrapers.map(lambda path: service.get(path).status_code, paths))
    assert answers == [200] * 40
    assert looking.times == 1


def test_an_unchanged_history_is_not_read_again_only_looked_at(site: Site) -> None:
    site.told.everything(pod(WEB))
    reader = site.reader
    first, again = reader.look(), reader.look()
    assert again.known is first.known
    site.told.inventory("main", pod(WEB), age=timedelta(0))
    changed = reader.look()
    assert changed.known is not first.known
    assert changed.known.figures[HOST] is first.known.figures[HOST]  # the catalog was not read again


def test_the_front_page_says_what_waits_for_required_evidence_and_since_when(tmp_path: Path) -> None:
    text = SITE + "  second.example.com: {url: 'http://127.0.0.1:8'}\n"
    text = text.replace("nonprod: {", "lab: {dump: dumps/lab, required: false}\n  nonprod: {")
    with site_in(tmp_path, text) as site:
        with served(at_once(site.reader.look)) as service:
            page = service.get("/").text
            assert f"health_report and image_usage of {HOST} wait: the catalog of {HOST} was never read; the" in page
        site.told.inventory("main", pod(WEB), age=timedelta(days=3))
        site.told.catalog("shop/web:v1", age=timedelta(days=2))
        with served(at_once(site.reader.look)) as service:
            page = service.get("/").text
            assert f"health_report and image_usage of {HOST} wait since" in page
            assert "(3 days): the inventory of nonprod was never read" in page
            assert "the catalog of second.example.com was never read; the inventory of nonprod was never read" in page
            assert "of lab was never read" not in page
        site.told.inventory("nonprod", age=timedelta(minutes=1))
        site.told.everything(pod(WEB))
        with served(at_once(site.reader.look)) as service:
            page = service.get("/").text
            assert "the catalog of second.example.com was never read" in page
            assert "nonprod was never read" not in page


def test_a_history_that_does_not_answer_is_told_in_time(site: Site) -> None:
    release = threading.Event()

    def stuck() -> Standing:
        release.wait(30)
        raise AssertionError("nobody waits for this any more")

    with served(Desk(stuck, patience=timedelta(seconds=0.3))) as service:
        began = time.monotonic()
        response = service.get("/_nagios_check_registry")
        assert time.monotonic() - began < 5
        assert response.status_code == 503
        assert response.text.startswith("ERROR: could not read the history: it did not answer within 0.3 seconds.")
        assert service.get("/_health").json() == {"status": "ERROR", "history": "unreachable"}
        release.set()


def test_a_locked_database_is_503_with_one_sentence(site: Site) -> None:
    site.told.everything(pod(WEB))
    site.connections.history.close()
    file = site.loaded.database_url.removeprefix("sqlite:///")
    locking = sqlite3.connect(file, isolation_level=None)
    locking.execute("PRAGMA locking_mode=EXCLUSIVE")
    locking.execute("BEGIN EXCLUSIVE")
    desk = Desk(site.reader.look, patience=timedelta(seconds=0.5))
    try:
        with served(desk) as service:
            response = service.get("/_report.json")
            assert response.status_code == 503
            assert "did not answer within 0.5 seconds" in response.json()["sentence"]
            assert response.headers["Retry-After"] == "5"
    finally:
        locking.close()


def test_a_damaged_database_is_503_in_each_form(tmp_path: Path) -> None:
    (tmp_path / "registry_pipelines.sqlite").write_bytes(b"this is no database" * 1000)
    with site_in(tmp_path) as site, served(at_once(site.reader.look)) as service:
        assert service.check() == (503, [line := service.check()[1][0]])
        assert line.startswith("ERROR: could not")
        assert "Restore it from a backup" in line
        assert service.get("/_images.json").status_code == service.get("/metrics").status_code == 503
        page = service.get("/", Accept="text/html")
        assert (page.status_code, page.headers["Content-Type"]) == (503, "text/html; charset=utf-8")
        health = service.get("/_health")
        assert (health.status_code, health.json()) == (503, {"status": "ERROR", "history": "corrupt"})
        assert str(tmp_path) not in health.text  # open to everyone: nothing of the site


def test_a_database_that_is_down_is_503_and_its_password_is_not_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_PASSWORD", "hunter2")
    text = SITE + ('database: {url: "postgresql+psycopg2://me@127.0.0.1:9/none", password: {env: DATABASE_PASSWORD}}\n')
    with site_in(tmp_path, text) as site, served(at_once(site.reader.look)) as service:
        response = service.get("/_nagios_check_registry")
        assert (response.status_code, response.text[:7]) == (503, "ERROR: ")
        assert "hunter2" not in response.text


def test_a_failure_is_kept_no_longer_than_an_answer(site: Site) -> None:
    site.told.everything(pod(WEB))
    failures = [DatabaseError("could not read: locked", fault="throttled")]

    def look() -> Standing:
        if failures:
            raise failures.pop()
        return site.reader.look()

    with served(at_once(look)) as service:
        assert service.get("/_report.json").status_code == 503
        assert service.get("/_report.json").status_code == 200


def test_a_defect_is_500_and_tells_nobody_what_is_inside() -> None:
    def look() -> Standing:
        raise KeyError("inner-secret")

    with served(at_once(look)) as service:
        response = service.get("/_report.json")
        assert response.status_code == 500
        assert "inner-secret" not in response.text
        assert service.check()[1][0].startswith("ERROR: this should not have happened")
