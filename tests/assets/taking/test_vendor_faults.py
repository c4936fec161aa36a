"""Catalogs taken while a vendor misbehaves: one sentence, an incomplete snapshot, nothing lost, nobody else harmed."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from assets.taking.catalog import take_catalog
from registry_core.errors import RegistryError
from resources.configuration.load import load_site
from resources.connections import Connections
from resources.database.snapshots import Snapshot
from resources.embedded_registry import EmbeddedRegistry
from tests.image_builder import make_image, push
from tests.resources.registry.providers.ghcr_emulator import GhcrEmulator
from tests.resources.registry.providers.vendor_server import Asked, Reply, web_page


@dataclass
class Company:
    """A site with its packages at GitHub and one registry of its own."""

    site_file: Path
    github: GhcrEmulator
    own: str
    settings: dict[str, Any]

    def configure(self) -> None:
        registries = {"github": {"url": self.github.url, **self.settings}, "own": {"url": self.own}}
        self.site_file.write_text(json.dumps({"registries": registries}))

    def crawl(self, registry: str = "github") -> Snapshot:
        with Connections(load_site(self.site_file)) as connections:
            return take_catalog(connections, registry)

    def tags(self, registry: str = "github") -> int:
        with Connections(load_site(self.site_file)) as connections:
            return len(connections.history.read_catalog(registry).tags)


@pytest.fixture
def company(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Company]:
    monkeypatch.setenv("GITHUB_TOKEN", "ghp_reader_4711")
    with GhcrEmulator() as github, EmbeddedRegistry(tmp_path / "own", durable=False) as own:
        for number in range(30):
            github.shelf.put(f"acme/app-{number:02}", make_image([str(number).encode()]), "v1")
        push(own.layout, "team/app", make_image([b"own"]), "v1")
        patient = {"retries": 0, "patience": "2s", "timeout": "10s"}
        provider = {"ghcr": {"api": github.url, "owner": "acme", "token": {"env": "GITHUB_TOKEN"}}}
        settings = {"provider": provider, **patient}
        company = Company(tmp_path / "registry_pipelines.yaml", github, own.url, settings)
        company.configure()
        yield company


def why(snapshot: Snapshot) -> str:
    assert snapshot.state == "incomplete"
    told = {gap.detail for gap in snapshot.coverage.unexcused}
    assert all("\n" not in one for one in told)
    assert "4711" not in str(told)
    return next(iter(sorted(told)))


def manifests_read(company: Company) -> int:
    return sum("/manifests/" in one.path for one, _ in company.github.asked if one.method == "GET")


def test_a_limit_of_an_hour_keeps_what_was_read_and_the_next_run_goes_on(company: Company) -> None:
    spent = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(time.time()) + 3600)}
    asked = [0]

    def limit(one: Asked) -> Reply | None:
        if "/versions" not in one.path:
            return None
        asked[0] += 1
        return Reply(403, {"message": "API rate limit exceeded"}, headers=spent) if asked[0] > 10 else None

    company.github.faults.append(limit)
    first = company.crawl()
    assert "limits how much we may ask, until" in why(first)
    assert "what was read before is kept, run again after that" in why(first)
    assert company.tags() == 30  # the registry itself answered
    assert asked[0] < 20  # who is told to come back later does not go on asking
    company.github.faults.clear()
    company.github.asked.clear()
    second = company.crawl()
    assert second.state == "complete"
    assert company.tags() == 30
    assert manifests_read(company) == 0


def test_a_web_page_of_a_proxy_is_told_as_one_and_other_registries_are_unharmed(company: Company) -> None:
    company.github.fail(lambda one: "/versions" in one.path, web_page(), times=999)
    assert "a web page came with status 200 instead of an answer of the API" in why(company.crawl())
    assert company.tags() == 30  # the registry itself answered
    assert company.crawl("own").state == "complete"
    assert company.tags("own") == 1


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (web_page(), "a web page came with status 200 instead of an answer of the API"),
        (Reply(503), "503 Service Unavailable"),
        (Reply(404, {"message": "Not Found"}), "check `owner` and `kind`"),
        (Reply(401, {"message": "Bad credentials"}), "the token is wrong, expired or revoked"),
    ],
    ids=["web page", "away", "no such organization", "wrong token"],
)
def test_where_nothing_could_be_read_the_run_says_why_and_what_was_known_stands(
    company: Company, reply: Reply, said: str
) -> None:
    company.crawl()
    company.github.fail(lambda one: not one.path.startswith("/v2/"), reply, times=999)
    with pytest.raises(RegistryError, match="nothing of github could be read") as caught:
        company.crawl()
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "4711" not in str(caught.value)
    assert company.tags() == 30
    assert company.crawl("own").state == "complete"


def test_a_token_without_the_scope_is_told_which_one_it_lacks(company: Company) -> None:
    company.github.scopes["ghp_reader_4711"] = set()
    with pytest.raises(RegistryError, match="the scope `read:packages`") as caught:
        company.crawl()
    assert caught.value.fault == "forbidden"
    assert not caught.value.retryable
    assert company.crawl("own").state == "complete"


def test_what_was_throttled_and_failed_is_counted_though_a_retry_helped(company: Company) -> None:
    company.settings["retries"] = 2
    company.configure()
    company.github.fail(lambda one: "/versions" in one.path, Reply(429, headers={"Retry-After": "0"}), times=3)
    company.github.fail(lambda one: "/tags/list" in one.path, Reply(503), times=2)
    snapshot = company.crawl()
    assert snapshot.state == "complete", snapshot.coverage.summary()
    found = snapshot.coverage.found
    assert (found["requests throttled"], found["requests failed"]) == (3, 2)
    assert found["requests"] == company.github.count


def test_a_package_that_disappears_while_it_is_read_is_gone_and_no_gap(company: Company) -> None:
    def vanish(one: Asked) -> Reply | None:
        if "/tags/list" in one.path:
            for stored in company.github.shelf.repositories["acme/app-07"].values():
                stored.deleted = True
        return None

    company.github.faults.append(vanish)
    snapshot = company.crawl()
    assert snapshot.state == "complete", snapshot.coverage.summary()
    assert company.tags() == 29
